"""Neighbours to look at: for a chosen product, what each encoder or fusion finds, side by side, hits marked.

A gallery is one self-contained piece of HTML, photos included; what it looks like stands in `templates/`.
Sliding weights while looking is `explorer.py`, strips for a paper are `plots.neighbours`.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lib.catalogue import Catalogue, Task
from lib.search import Ranking
from lib.thumbnails import data_uri

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = Path(__file__).with_name("templates")
MOST = 20  # query products where none are named: about a megabyte of photos


@dataclass(frozen=True)
class Card:
    """A product as it is shown; `gain` is None where no judgement is asked, 0 where it is not relevant."""

    id: str
    title: str
    price: str
    photo: str  # a data: address
    score: float | None = None
    gain: float | None = None
    note: str = ""  # such as how far it has moved

    @property
    def alt(self) -> str:
        """The photo in words."""
        return f"photo of {self.title}"


@dataclass(frozen=True)
class Scene:
    """One query product and its neighbours by each ranking; `relevant` counts the corpus's, None without a task."""

    query: Card
    columns: Mapping[str, Sequence[Card]]
    relevant: int | None = None

    def html(self) -> str:
        """The scene alone, as a fragment of HTML with its style."""
        macros = _template("scene.html.j2").module
        return f'{macros.style()}<div class="akin-gallery">{macros.scene(self)}</div>'


@dataclass(frozen=True)
class Gallery:
    """Scenes to choose from; shows itself in a notebook, `page()` is a file of its own."""

    name: str
    scenes: Sequence[Scene]

    def _repr_html_(self) -> str:
        return self._render(whole=False)

    def page(self) -> str:
        """A whole HTML page that needs no network and no other file."""
        return self._render(whole=True)

    def _render(self, *, whole: bool) -> str:
        later = [card for scene in self.scenes[1:] for card in _cards(scene)]
        photos = {uri: i for i, uri in enumerate(dict.fromkeys(card.photo for card in later))}  # each once
        key = hashlib.sha256(repr((self.name, self.scenes)).encode()).hexdigest()[:12]
        return _template("gallery.html.j2").render(gallery=self, photos=photos, key=key, whole=whole)


def gallery(
    task: Task,
    rankings: Mapping[str, Ranking] | Ranking,
    queries: int | str | Sequence[int | str] | None = None,
    *,
    k: int = 6,
) -> Gallery:
    """What each ranking finds for some products, to choose from and compare side by side.

    `queries` are positions or ids in the task's queries, by default the first 20; the first is shown first.
    Raises KeyError for an id and IndexError for a position that is not there, ValueError for a ranking of other queries.
    """
    by_name = {rankings.name: rankings} if isinstance(rankings, Ranking) else dict(rankings)
    for name, ranking in by_name.items():
        if len(ranking.positions) != len(task.queries):
            raise ValueError(f"ranking {name!r} answers {len(ranking.positions)} queries, the task has {len(task.queries)}")
    if queries is None:
        queries = range(min(len(task.queries), MOST))
    chosen = [queries] if isinstance(queries, int | str | np.integer) else list(queries)
    return Gallery(task.name, [_scene(task, by_name, position(task.queries, query), k) for query in chosen])


def position(catalogue: Catalogue, product: int | str) -> int:
    """A product's row, given by position or id."""
    if isinstance(product, str):
        try:
            return int(catalogue.items.index.get_loc(product))
        except KeyError:
            raise KeyError(f"catalogue {catalogue.name!r} has no product with id {product!r}") from None
    if not -len(catalogue) <= product < len(catalogue):
        raise IndexError(f"catalogue {catalogue.name!r} has {len(catalogue)} products, there is no position {product}")
    return int(product) % len(catalogue)


def card(catalogue: Catalogue, row: int, *, score: float | None = None, gain: float | None = None) -> Card:
    """One product of a catalogue, ready to be shown."""
    item = catalogue.items.iloc[row]
    price = "" if np.isnan(item["price"]) else f"{item['price']:,.2f}"
    return Card(str(catalogue.ids[row]), item["title"] or "(no title)", price, data_uri(item["image"]), score, gain)


def _scene(task: Task, rankings: Mapping[str, Ranking], row: int, k: int) -> Scene:
    gains = task.relevance[[row]].toarray()[0]  # (n,)
    relevant = int((gains > 0).sum())
    columns = {}
    for name, ranking in rankings.items():
        found = [(p, float(s)) for p, s in zip(ranking.positions[row, :k], ranking.scores[row, :k], strict=True) if p >= 0]
        columns[name] = [card(task.corpus, p, score=s, gain=float(gains[p]) if relevant else None) for p, s in found]
    return Scene(card(task.queries, row), columns, relevant)


def _cards(scene: Scene) -> list[Card]:
    return [scene.query, *(shown for column in scene.columns.values() for shown in column)]


@functools.cache
def _template(name: str) -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)
