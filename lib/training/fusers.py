"""Fusion that is learned: a linear map, gates, a recurrent network and cross-attention over
modalities.

All take the same input, one vector a modality and which of them a product has, and train by the one
loop of `loop.py`. Fusion without learning is in `lib/fusion`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd
import torch
from scipy.sparse import issparse
from torch import Generator, Tensor, nn

from lib.data.task import Task
from lib.encoders.embeddings import Embeddings
from lib.fusion.concatenation import check_same_products
from lib.training.batches import grouped
from lib.training.loop import train
from lib.training.objectives import objective
from lib.training.recipe import Recipe, seeded
from lib.training.validation import task_scores

GROUPS, MEMBERS = 48, 4  # of a batch: labels, and products of each


class Fuser:
    """A learned fusion of `parts`, by method name; `fit` on labelled products, then call on any
    others.

    `labels` say which training products are alike (a product group, a category). While it trains,
    each modality is hidden from a product with probability `dropout` (never its last one), so that
    products which lack one are fused as well. `dimensions` is the output's width; the linear map's
    is the sum of the inputs'.
    """

    def __init__(
        self,
        method: str,
        *,
        dimensions: int = 256,
        dropout: float = 0.3,
        loss: str = "infonce",
        recipe: Recipe | None = None,
    ) -> None:
        if method not in NETWORKS:
            raise ValueError(f"no learned fusion {method!r}; there are {', '.join(NETWORKS)}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is a share from 0 to below 1, got {dropout}")
        self.method, self.dimensions, self.dropout = method, dimensions, dropout
        self.loss, self.recipe = loss, recipe or Recipe()
        self.network: nn.Module | None = None

    def fit(
        self,
        parts: Sequence[Embeddings],
        labels: Sequence,
        *,
        validation: tuple[Sequence[Embeddings], Task, str] | None = None,
    ) -> Self:
        """Train on these products; with (parts, task, metric) of others, keep the epoch that is
        best there.

        Raises ValueError where no two products share a label, or parts do not fit each other.
        """
        vectors, present = _tensors(parts)
        self.widths = _widths(vectors)
        codes = pd.factorize(np.asarray(labels, dtype=object))[0]  # -1: no label
        usable = np.flatnonzero(present.any(1).numpy() & (codes >= 0))
        criterion, classes = objective(self.loss), torch.as_tensor(codes)

        def loss(network: nn.Module, rows: Tensor, generator: Generator) -> Tensor:
            shown = _drop(present[rows], self.dropout, generator)
            return criterion(network([v[rows] for v in vectors], shown), classes[rows])

        def score(network: nn.Module) -> float:
            others, task, metric = validation
            fused = self(others)
            return task_scores(fused, fused, task, [metric])[metric].mean()

        with seeded(self.recipe.seed):
            self.network = NETWORKS[self.method](self.widths, self.dimensions)
        train(
            self.network,
            loss,
            grouped(codes, usable, groups=GROUPS, members=MEMBERS),
            self.recipe,
            name=f"fusion {self.method}",
            validate=score if validation else None,
        )
        return self

    def __call__(self, parts: Sequence[Embeddings]) -> Embeddings:
        """The fused vectors of products with the same modalities in the same order; zero where all
        are missing.
        """
        if self.network is None:
            raise RuntimeError(
                f"fusion {self.method!r} has learned nothing yet; call fit(parts, labels) first"
            )
        vectors, present = _tensors(parts)
        if _widths(vectors) != self.widths:
            raise ValueError(f"fitted on parts {self.widths} wide, got {_widths(vectors)}")
        with torch.inference_mode():
            fused = self.network(vectors, present) * present.any(1, keepdim=True)  # (n, d)
        names = ", ".join(part.name for part in parts)
        name = f"{self.method}({names};{self.loss},seed {self.recipe.seed})"
        return Embeddings(name, parts[0].ids, fused.numpy())


class Linear(nn.Module):
    """A linear map W of the concatenation; it starts as the identity, so as plain concatenation."""

    def __init__(self, widths: list[int], dimensions: int) -> None:
        super().__init__()
        self.map = nn.Linear(sum(widths), sum(widths), bias=False)
        nn.init.eye_(self.map.weight)

    def forward(self, parts: list[Tensor], present: Tensor) -> Tensor:
        """[(b, w1), (b, w2), …], (b, m) -> (b, w1 + w2 + …)."""
        return self.map(torch.cat([p * present[:, [m]] for m, p in enumerate(parts)], dim=1))


class Tokens(nn.Module):
    """One token a modality: its vector projected to a common width, plus a learned mark of the
    modality.
    """

    def __init__(self, widths: list[int], dimensions: int) -> None:
        super().__init__()
        self.project = nn.ModuleList(nn.Linear(w, dimensions) for w in widths)
        self.mark = nn.Parameter(torch.zeros(len(widths), dimensions))

    def forward(self, parts: list[Tensor]) -> Tensor:
        """[(b, w1), (b, w2), …] -> (b, m, d)."""
        # unit rows have entries near 1/sqrt(w); layers expect entries near 1
        scaled = [part * part.shape[1] ** 0.5 for part in parts]
        tokens = [layer(part) for layer, part in zip(self.project, scaled, strict=True)]
        return torch.stack(tokens, dim=1) + self.mark


class Gated(nn.Module):
    """A weighted sum of tokens; a product's own tokens decide the weights (after Arevalo et al.

    2017).
    """

    def __init__(self, widths: list[int], dimensions: int) -> None:
        super().__init__()
        self.tokens = Tokens(widths, dimensions)
        self.gate = nn.Linear(dimensions, 1)

    def forward(self, parts: list[Tensor], present: Tensor) -> Tensor:
        """[(b, w), …], (b, m) -> (b, d)."""
        tokens = self.tokens(parts)  # (b, m, d)
        gates = self.gate(torch.tanh(tokens))  # (b, m, 1)
        weights = gates.masked_fill(~present[..., None], -1e9).softmax(dim=1)
        return (weights * tokens).sum(dim=1)


class Recurrent(nn.Module):
    """A GRU that reads one modality after the other; a missing one leaves its state as it was."""

    def __init__(self, widths: list[int], dimensions: int) -> None:
        super().__init__()
        self.tokens = Tokens(widths, dimensions)
        self.cell = nn.GRUCell(dimensions, dimensions)
        self.out = nn.Linear(dimensions, dimensions)

    def forward(self, parts: list[Tensor], present: Tensor) -> Tensor:
        """[(b, w), …], (b, m) -> (b, d)."""
        tokens = self.tokens(parts)
        state = torch.zeros_like(tokens[:, 0])
        for m in range(tokens.shape[1]):
            state = torch.where(present[:, [m]], self.cell(tokens[:, m], state), state)
        return self.out(state)


class CrossAttention(nn.Module):
    """A small Transformer over the tokens and one summary token, whose output is the product's
    vector.
    """

    def __init__(self, widths: list[int], dimensions: int) -> None:
        super().__init__()
        self.tokens = Tokens(widths, dimensions)
        self.summary = nn.Parameter(torch.randn(dimensions) * 0.02)
        layer = nn.TransformerEncoderLayer(
            dimensions, 4, 2 * dimensions, dropout=0.1, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, parts: list[Tensor], present: Tensor) -> Tensor:
        """[(b, w), …], (b, m) -> (b, d)."""
        summary = self.summary.expand(len(present), 1, -1)
        tokens = torch.cat([summary, self.tokens(parts)], dim=1)  # (b, 1 + m, d)
        hidden = torch.cat([torch.zeros_like(present[:, :1]), ~present], dim=1)
        return self.encoder(tokens, src_key_padding_mask=hidden)[:, 0]


NETWORKS = {"linear": Linear, "gated": Gated, "recurrent": Recurrent, "attention": CrossAttention}


def _tensors(parts: Sequence[Embeddings]) -> tuple[list[Tensor], Tensor]:
    """Every part's vectors and which rows have it, (n, m) bool."""
    check_same_products(parts)
    for part in parts:
        if issparse(part.vectors):
            raise ValueError(
                f"learned fusion needs dense vectors; {part.name!r} is sparse: encode it with lsa"
            )
    present = torch.as_tensor(np.stack([part.present for part in parts], axis=1))
    return [torch.as_tensor(part.vectors) for part in parts], present


def _widths(vectors: list[Tensor]) -> list[int]:
    return [v.shape[1] for v in vectors]


def _drop(present: Tensor, share: float, generator: Generator) -> Tensor:
    """Hide modalities at random, (b, m) -> (b, m).

    A product that would lose all keeps what it has.
    """
    kept = present & (torch.rand(present.shape, generator=generator) >= share)
    return torch.where(kept.any(1, keepdim=True), kept, present)
