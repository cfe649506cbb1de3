"""An executed notebook as one HTML file that reads as a report: prose, tables, figures; code is folded, not gone."""

from __future__ import annotations

from pathlib import Path

from lib.files import write_atomically

TEMPLATE = Path(__file__).parent / "templates" / "notebook.html.j2"


def render_page(notebook: Path, *, title: str) -> Path:
    """Write the notebook's page beside it and return its path; the page asks no network for anything."""
    from jinja2 import DictLoader
    from nbconvert import HTMLExporter

    ours = DictLoader({TEMPLATE.name: TEMPLATE.read_text(encoding="utf-8")})
    exporter = HTMLExporter(template_name="lab", template_file=TEMPLATE.name, extra_loaders=[ours])
    body, _ = exporter.from_filename(str(notebook), resources={"metadata": {"name": title}})
    target = notebook.with_suffix(".html")
    write_atomically(target, body.encode())
    return target
