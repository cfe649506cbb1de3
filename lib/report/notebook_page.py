"""An executed notebook as one HTML file that reads as a report: prose, tables, figures; code is
folded, not gone.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

from lib.files import write_atomically

TEMPLATE = Path(__file__).parent / "templates" / "notebook.html.j2"
HEADING = r"<h[1-4][^>]*>(?P<heading>.*?)(?=</h[1-4]>)"
FIGURE = 'alt="No description has been provided for this image"'  # nbconvert's words


def render_page(notebook: Path, *, title: str) -> Path:
    """Write the notebook's page beside it and return its path; the page asks no network for
    anything.
    """
    import nbformat
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="lab", template_file=str(TEMPLATE))
    body, _ = exporter.from_notebook_node(
        nbformat.read(notebook, 4), resources={"metadata": {"name": title}}
    )
    target = notebook.with_suffix(".html")
    write_atomically(target, describe_figures(body).encode())
    return target


def describe_figures(body: str) -> str:
    """The page with a text for each figure that has none, made of the heading above it: what a
    screen reader says.
    """
    heading = ""

    def named(match: re.Match) -> str:
        nonlocal heading
        if match["heading"] is not None:
            heading = re.sub(r"<[^>]+>|¶", "", match["heading"]).strip()
            return match[0]
        return f'alt="figure: {html.escape(html.unescape(heading))}"'

    return re.sub(rf"{HEADING}|{FIGURE}", named, body, flags=re.S)
