"""An executed notebook as one HTML file that reads as a report: prose, tables, figures; code is
folded, not gone.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING

from lib.files import write_atomically

if TYPE_CHECKING:
    from nbformat import NotebookNode

TEMPLATE = Path(__file__).parent / "templates" / "notebook.html.j2"
HEADING = r"<h[1-4][^>]*>(?P<heading>.*?)(?=</h[1-4]>)"
FIGURE = 'alt="No description has been provided for this image"'  # nbconvert's words


def render_page(notebook: Path, *, title: str, about: str = "") -> Path:
    """Write the notebook's page beside it and return its path; the page asks no network for
    anything.

    A cell with tags such as "about:bazaar" is on it only where `about` is one of these: what
    was learned from some data must not stand under the numbers of others.
    """
    import nbformat
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="lab", template_file=str(TEMPLATE))
    read = nbformat.read(notebook, 4)
    read.cells = [cell for cell in read.cells if about in (_described(cell) or [about])]
    body, _ = exporter.from_notebook_node(read, resources={"metadata": {"name": title}})
    target = notebook.with_suffix(".html")
    write_atomically(target, describe_figures(body).encode())
    return target


def _described(cell: NotebookNode) -> list[str]:
    """The data sets that a cell speaks of; none: it holds for all."""
    tags = cell.metadata.get("tags", [])
    return [tag.removeprefix("about:") for tag in tags if tag.startswith("about:")]


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
