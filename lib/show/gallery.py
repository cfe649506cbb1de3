"""Neighbours to look at: what each ranking finds for a chosen product, side by side, hits marked.

A gallery is one self-contained piece of HTML, photos included. Weights that slide are in
`explorer.py`, strips of photos for a paper in `plots.neighbours`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lib.data.catalogue import Catalogue
from lib.data.task import Task
from lib.search.exact import Ranking
from lib.show.cards import Scene, found_cards, scene, template

MOST = 20  # query products where none are named: about a megabyte of photos


@dataclass(frozen=True)
class Gallery:
    """Scenes to choose from. It shows itself in a notebook; `page()` is a file of its own."""

    name: str
    scenes: Sequence[Scene]

    def _repr_html_(self) -> str:
        return self._render(whole=False)

    def page(self) -> str:
        """A whole HTML page that needs no network and no other file."""
        return self._render(whole=True)

    def _render(self, *, whole: bool) -> str:
        later = []  # photos that the page loads when their scene is chosen, each stored once
        for later_scene in self.scenes[1:]:
            later.append(later_scene.query)
            later.extend(card for cards in later_scene.columns.values() for card in cards)
        photos = {photo: i for i, photo in enumerate(dict.fromkeys(card.photo for card in later))}
        key = hashlib.sha256(repr((self.name, self.scenes)).encode()).hexdigest()[:12]
        page = template("gallery.html.j2")
        return page.render(gallery=self, photos=photos, key=key, whole=whole)


def gallery(
    task: Task,
    rankings: Mapping[str, Ranking],
    queries: Sequence[int | str] | None = None,
    *,
    k: int = 6,
) -> Gallery:
    """What each ranking finds for some products, to choose from and compare side by side.

    `rankings` come by the name to show. `queries` are positions in the task's queries, or ids;
    without them the first 20 are taken. Each ranking shows its `k` best. Raises KeyError or
    IndexError for an unknown query and ValueError for a ranking of other queries.

    >>> shop = load("bazaar", rows=240)
    >>> task = shop.tasks["same product"]
    >>> words = embed(encoder("tfidf").fit(shop.catalogue), shop.catalogue)
    >>> shown = gallery(task, {"words": search(words, words, 10, exclude=task.exclude)})
    >>> [(card.title, card.gain) for card in shown.scenes[0].columns["words"][1:3]]
    [('Tamiko porcelain flower vase (Juniperra) 15 cm', 0.0),
     ('Tamiko porcelain flower vase (Juniperra) 15 cm', 1.0)]
    """
    for name, ranking in rankings.items():
        if len(ranking.positions) != len(task.queries):
            raise ValueError(
                f"ranking {name!r} answers {len(ranking.positions)} queries, "
                f"the task has {len(task.queries)}"
            )
    if queries is None:
        queries = range(min(len(task.queries), MOST))
    rows = [_position(task.queries, query) for query in queries]
    return Gallery(task.name, [_scene(task, rankings, row, k) for row in rows])


def _position(catalogue: Catalogue, product: int | str) -> int:
    if isinstance(product, str):
        if product not in catalogue.items.index:
            raise KeyError(f"catalogue {catalogue.name!r} has no product with id {product!r}")
        return int(catalogue.items.index.get_loc(product))
    if not 0 <= product < len(catalogue):
        raise IndexError(
            f"catalogue {catalogue.name!r} has {len(catalogue)} products, "
            f"there is no position {product}"
        )
    return int(product)


def _scene(task: Task, rankings: Mapping[str, Ranking], row: int, k: int) -> Scene:
    gains = task.relevance[[row]].toarray()[0]  # (n,)
    columns = {
        name: found_cards(task.corpus, ranking.positions[row, :k], ranking.scores[row, :k], gains)
        for name, ranking in rankings.items()
    }
    return scene(task.queries, row, columns, gains)
