"""A product and its neighbours as pages show them: `Card`, `Scene`, and how they become HTML.

The gallery and the explorer are made of these. Colours and layout are in `templates/`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lib.data.catalogue import Catalogue
from lib.show.thumbnails import data_uri

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Card:
    """One product. `gain` is 0 where it is not relevant and None where nobody has judged it."""

    id: str
    title: str
    price: str
    photo: str  # a data: address
    score: float | None = None
    gain: float | None = None
    note: str = ""  # such as how far it has moved


@dataclass(frozen=True)
class Scene:
    """A query product and its neighbours, one column for each method.

    `relevant` is the number of relevant products in the corpus, or None without a task.
    """

    query: Card
    columns: Mapping[str, Sequence[Card]]
    relevant: int | None = None

    def html(self) -> str:
        """The scene and its style as a fragment of HTML."""
        macros = template("scene.html.j2").module
        return f'{macros.style()}<div class="akin-gallery">{macros.scene(self)}</div>'


def card(
    catalogue: Catalogue, row: int, *, score: float | None = None, gain: float | None = None
) -> Card:
    """The card of one product, given by its position in the catalogue."""
    item = catalogue.items.iloc[row]
    price = "" if np.isnan(item["price"]) else f"{item['price']:,.2f}"
    title = item["title"] or "(no title)"
    return Card(str(catalogue.ids[row]), title, price, data_uri(item["image"]), score, gain)


def found_cards(
    catalogue: Catalogue, positions: np.ndarray, scores: np.ndarray, gains: np.ndarray | None
) -> list[Card]:
    """Cards of the products found, best first; a position of -1 is skipped.

    `gains` (n,) are those of the whole catalogue. Where all are 0 nothing could be found, so that
    no product is marked as a miss.
    """
    judged = gains is not None and gains.any()
    return [
        card(catalogue, row, score=float(score), gain=float(gains[row]) if judged else None)
        for row, score in zip(positions, scores, strict=True)
        if row >= 0
    ]


def scene(
    catalogue: Catalogue, row: int, columns: Mapping[str, Sequence[Card]], gains: np.ndarray | None
) -> Scene:
    """The scene of one product; `gains` (n,) are those of the corpus, None without a task."""
    relevant = None if gains is None else int((gains > 0).sum())
    return Scene(card(catalogue, row), columns, relevant)


@functools.cache
def template(name: str) -> Template:
    """One of this room's templates; it escapes whatever a shop wrote."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
