"""Fusing several modalities into one vector per product. It starts where every `Embeddings` is unit-length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array, diags_array, hstack, issparse

from lib.embeddings import Embeddings


def concat(parts: Sequence[Embeddings], weights: Sequence[float] | None = None) -> Embeddings:
    """Blocks side by side, each scaled by the square root of its weight, (n, d1 + d2 + …).

    With weights that sum to 1 the cosine of two products is the weighted mean of the blocks' cosines, so
    this is weighted score fusion as well. `weights` default to equal and are scaled to sum to 1. Where a
    product lacks a modality, its other weights are scaled up to sum to 1 again; a product that lacks all
    stays zero. Raises ValueError where ids differ or weights are no weights.
    """
    if not parts:
        raise ValueError("concat needs at least one Embeddings")
    for part in parts[1:]:
        if not np.array_equal(part.ids, parts[0].ids):
            raise ValueError(f"{part.name!r} and {parts[0].name!r} hold different products, or in another order")
    share = np.ones(len(parts)) if weights is None else np.asarray(weights, float)
    if share.shape != (len(parts),) or (share < 0).any() or not share.sum() > 0:
        raise ValueError(f"weights must be {len(parts)} numbers >= 0 with a positive sum, got {weights}")
    share = share / share.sum()
    present = np.stack([p.present for p in parts], axis=1) * share  # (n, m)
    total = present.sum(axis=1, keepdims=True)
    scale = np.sqrt(np.divide(present, total, out=np.zeros_like(present), where=total > 0)).astype(np.float32)
    blocks = [_scaled(p.vectors, scale[:, m]) for m, p in enumerate(parts)]
    if any(issparse(b) for b in blocks):
        vectors: np.ndarray | csr_array = csr_array(hstack([csr_array(b) for b in blocks], format="csr"))
    else:
        vectors = np.hstack(blocks)
    name = " + ".join(f"{w:.2g}·{p.name}" for w, p in zip(share, parts, strict=True))
    return Embeddings(name, parts[0].ids, vectors)


def _scaled(vectors: np.ndarray | csr_array, scale: np.ndarray) -> np.ndarray | csr_array:
    return diags_array(scale) @ vectors if issparse(vectors) else vectors * scale[:, None]
