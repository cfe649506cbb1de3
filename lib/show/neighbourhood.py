"""One product's neighbours under weights that change: what the explorer computes.

Nothing here is drawn. Search over all products at once is in `lib.search`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from lib.data.catalogue import Catalogue
from lib.data.task import Task
from lib.encoders.embeddings import Embeddings
from lib.search.exact import top_k
from lib.show.cards import Card, found_cards


class Neighbourhood:
    """A product, given by its position, compared with its whole catalogue by each encoder.

    The comparison is made once, when the product is picked. A weight that moves costs one weighted
    sum of cosines and touches no vector.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        embeddings: Mapping[str, Embeddings],
        row: int,
        task: Task | None = None,
    ) -> None:
        self.catalogue, self.row = catalogue, row
        parts = embeddings.values()
        # m times (n, d) @ (d,) -> (n,), of dense or sparse rows
        cosines = [part.vectors @ csr_array(part.vectors[[row]]).toarray()[0] for part in parts]
        self.cosines = np.stack(cosines, dtype=float)  # (m, n)
        self.present = np.stack([part.present for part in parts], dtype=float)  # (m, n)
        self.excluded = task.exclude[[row]].indices if task else [row]
        self.gains = task.relevance[[row]].toarray()[0] if task else None  # (n,)

    def scores(self, weights: Sequence[float]) -> np.ndarray:
        """The cosine to every product under `concat` with these weights, (m,) -> (n,) float32.

        `concat` scales unit blocks by the square roots of their weights. Its cosine is therefore
        the weighted mean of the blocks' cosines. A product's weights sum to 1 over the blocks that
        it has. Where either product has no weighted block the score is -inf.
        """
        shares = np.asarray(weights, float)
        total = shares @ self.present  # (m,) @ (m, n) -> (n,)
        both = total * total[self.row]
        nothing = np.full(len(total), -np.inf)
        scores = np.divide(shares @ self.cosines, np.sqrt(both), out=nothing, where=both > 0)
        return scores.astype(np.float32)

    def nearest(
        self,
        weights: Sequence[float],
        k: int = 12,
        *,
        category: str | None = None,
        price: tuple[float, float] | None = None,
    ) -> list[Card]:
        """The k nearest products of one top-level category and one range of prices.

        A range of prices leaves out products without a price.
        """
        scores = self.scores(weights)
        scores[self.excluded] = -np.inf
        if category is not None:
            scores[self.catalogue.category(0) != category] = -np.inf
        if price is not None:
            scores[~self.catalogue.items["price"].between(*price).to_numpy()] = -np.inf
        (positions,), (best,) = top_k(scores[None], k)
        positions = np.where(best > -np.inf, positions, -1)
        return found_cards(self.catalogue, positions, best, self.gains)


def with_moves(now: Sequence[Card], before: Sequence[Card]) -> list[Card]:
    """The cards, each with a note that says how many places it has risen or sunk, or "new"."""
    places = {card.id: place for place, card in enumerate(before)}
    moved = []
    for place, shown in enumerate(now):
        step = places.get(shown.id, place) - place
        note = f"▲ {step}" if step > 0 else f"▼ {-step}" if step < 0 else ""
        moved.append(replace(shown, note=note if shown.id in places else "new"))
    return moved
