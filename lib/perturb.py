"""What happens to data in the wild, done on purpose: here, modalities that go missing."""

from __future__ import annotations

import numpy as np

from lib.embeddings import Embeddings


def hide(embeddings: Embeddings, share: float, *, seed: int = 0) -> Embeddings:
    """The embeddings with a random share of rows missing (zero). A row hidden at one share is hidden at all larger ones."""
    if not 0 <= share <= 1:
        raise ValueError(f"share is from 0 to 1, got {share}")
    gone = np.random.default_rng(seed).permutation(len(embeddings)) < round(share * len(embeddings))
    vectors = embeddings.vectors.copy()
    if isinstance(vectors, np.ndarray):
        vectors[gone] = 0
    else:
        vectors.data[np.repeat(gone, np.diff(vectors.indptr))] = 0
    return Embeddings(f"{embeddings.name}, {share:.0%} hidden", embeddings.ids, vectors)
