"""Looking around a catalogue: pick a product, mix encoders by weight, and see its neighbours; `explore()` is the panel.

Here is what the panel shows and how fast weights turn into neighbours; the widgets themselves are in `panel.py`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lib.catalogue import Catalogue, Task
from lib.embeddings import Embeddings
from lib.gallery import Card, Gallery, Scene, card, position
from lib.search import top_k

if TYPE_CHECKING:
    from lib.panel import Panel

STATIC = 4  # products in the fallback, of which each brings its photos
WITHOUT_WIDGETS = {"nbconvert", "papermill", "execute", "nbclient"}  # programs that run notebooks with nobody to slide


def explore(catalogue: Catalogue, embeddings: Mapping[str, Embeddings], task: Task | None = None, *, k: int = 12) -> Explorer:
    """A panel for notebooks: pick or search a product, slide weights, filter, switch encoder, and see neighbours move.

    `embeddings` are of this catalogue, by the name to show; with a `task` over it, hits are marked and what it excludes
    is left out. Where widgets are off (nbconvert, papermill, ipywidgets not installed) it shows a gallery instead.
    Raises ValueError where embeddings or task hold other products.
    """
    if not embeddings or not len(catalogue):
        raise ValueError(f"explore needs products and at least one Embeddings, got {len(catalogue)} and {len(embeddings)}")
    for name, part in embeddings.items():
        if not np.array_equal(part.ids, catalogue.ids):
            raise ValueError(f"embeddings {name!r} hold other products than catalogue {catalogue.name!r}, or in another order")
    for side in (task.queries, task.corpus) if task else ():
        if not np.array_equal(side.ids, catalogue.ids):
            raise ValueError(f"task {task.name!r} is over {side.name!r}; its queries and corpus must be the catalogue")
    return Explorer(catalogue, dict(embeddings), task, k)


@dataclass(frozen=True)
class Similarities:
    """One product against all, part by part: `cosines` (m, n), `present` (m, n), and whether it has the part itself, (m,)."""

    cosines: np.ndarray
    present: np.ndarray
    own: np.ndarray

    def mixed(self, weights: np.ndarray) -> np.ndarray:
        """The cosine under `concat` with these weights (m,), (n,); -inf where either product has nothing that is weighed.

        Unit blocks scaled by the square roots of their weights make it the weighted mean of the parts' cosines, so that
        no vector is touched when a weight moves. A product's weights sum to 1 over the parts that it has.
        """
        share = weights / weights.sum() if weights.sum() > 0 else weights
        total = share @ self.present  # (m,) @ (m, n) -> (n,)
        both = total * (share @ self.own)
        mixed = np.divide(share @ self.cosines, np.sqrt(both), out=np.full(len(total), -np.inf), where=both > 0)
        return mixed.astype(np.float32)


@dataclass(frozen=True)
class Explorer:
    """A catalogue with its embeddings, ready to be asked; shows itself as a panel, or as a gallery where widgets are off."""

    catalogue: Catalogue
    embeddings: Mapping[str, Embeddings]
    task: Task | None = None
    k: int = 12

    def similarities(self, product: int | str) -> Similarities:
        """The product, by position or id, against all: what is computed once when a product is picked."""
        row = position(self.catalogue, product)
        cosines = [_cosines(part.vectors, row) for part in self.embeddings.values()]
        return Similarities(np.stack(cosines), self._present, self._present[:, row])

    def neighbours(
        self,
        product: int | str,
        weights: Mapping[str, float] | None = None,
        *,
        category: str | None = None,
        price: tuple[float, float] | None = None,
        similarities: Similarities | None = None,
    ) -> list[Card]:
        """The k nearest of one top-level category and price range under weights by encoder, missing ones 0; equal by default.

        With a price range, products without a price are left out. `similarities` are those of the product, if already known.
        """
        row = position(self.catalogue, product)
        unknown = [name for name in weights or {} if name not in self.embeddings]
        if unknown:
            raise KeyError(f"no encoder {unknown[0]!r} here; there are {', '.join(self.embeddings)}")
        share = np.array([1.0 if weights is None else weights.get(name, 0.0) for name in self.embeddings])
        scores = (similarities or self.similarities(row)).mixed(share)
        scores[~self._allowed(row, category, price)] = -np.inf
        found, best = (values[0] for values in top_k(scores[None], self.k))
        gains = None if self.task is None or not self.relevant(row) else self.task.relevance[[row]].toarray()[0]
        return [
            card(self.catalogue, p, score=float(s), gain=None if gains is None else float(gains[p]))
            for p, s in zip(found, best, strict=True)
            if s > -np.inf
        ]

    def relevant(self, product: int | str) -> int | None:
        """How many products are right for this one; None without a task."""
        row = position(self.catalogue, product)
        return None if self.task is None else int(np.diff(self.task.relevance.indptr)[row])

    def gallery(self, products: Sequence[int | str] | None = None) -> Gallery:
        """Some products, the first by default, with their neighbours by each encoder and by all at equal weights."""
        mixes = {name: {name: 1.0} for name in self.embeddings}
        mixes |= {"equal weights": dict.fromkeys(self.embeddings, 1.0)} if len(mixes) > 1 else {}
        scenes = []
        for product in range(min(STATIC, len(self.catalogue))) if products is None else products:
            row = position(self.catalogue, product)
            known = self.similarities(row)
            columns = {name: self.neighbours(row, mix, similarities=known)[:6] for name, mix in mixes.items()}
            scenes.append(Scene(card(self.catalogue, row), columns, self.relevant(row)))
        return Gallery(self.catalogue.name, scenes)

    @cached_property
    def panel(self) -> Panel:
        """The widgets; asks for ipywidgets."""
        from lib.panel import Panel

        return Panel(self)

    def _repr_mimebundle_(self, **_: object) -> dict:
        static = {"text/plain": f"Explorer of {self.catalogue.name}", "text/html": self.gallery()._repr_html_()}
        return static | self.panel.widget._repr_mimebundle_() if widgets_on() else static

    @cached_property
    def _present(self) -> np.ndarray:
        return np.stack([part.present for part in self.embeddings.values()]).astype(float)  # (m, n)

    @cached_property
    def _categories(self) -> np.ndarray:
        return self.catalogue.category(0)

    def _allowed(self, row: int, category: str | None, price: tuple[float, float] | None) -> np.ndarray:
        allowed = np.ones(len(self.catalogue), bool)
        if self.task is None:
            allowed[row] = False
        else:
            allowed[self.task.exclude[[row]].indices] = False
        if category is not None:
            allowed &= self._categories == category
        if price is not None:
            allowed &= self.catalogue.items["price"].between(*price).to_numpy()
        return allowed


def moved(now: Sequence[Card], before: Sequence[Card]) -> list[Card]:
    """The cards, each noted with how many places it has risen or sunk, or that it is new."""
    places = {shown.id: place for place, shown in enumerate(before)}
    steps = [places[shown.id] - place if shown.id in places else None for place, shown in enumerate(now)]
    notes = ["new" if s is None else f"▲ {s}" if s > 0 else f"▼ {-s}" if s < 0 else "" for s in steps]
    return [replace(shown, note=note) for shown, note in zip(now, notes, strict=True)]


def widgets_on() -> bool:
    """Whether someone may slide: a kernel with a person's notebook at its other end, and ipywidgets installed."""
    if os.environ.get("AKIN_RUN") or importlib.util.find_spec("ipywidgets") is None:
        return False
    with contextlib.suppress(ImportError):
        from IPython import get_ipython

        return hasattr(get_ipython(), "kernel") and not _started_by() & WITHOUT_WIDGETS
    return False


def _started_by() -> set[str]:
    with contextlib.suppress(Exception):  # a guess: where it cannot be made, someone is there
        import psutil  # comes with ipykernel, and only a kernel gets here

        words = psutil.Process().parent().cmdline()[:4]
        return {Path(word).name.removeprefix("jupyter-") for word in words}
    return set()


def _cosines(vectors: np.ndarray, row: int) -> np.ndarray:
    found = vectors @ (vectors[[row]].T)  # (n, d) @ (d, 1) -> (n, 1)
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found, float)[:, 0]
