"""Two listings in, one product or not out: a cross-encoder, fine-tuned by cross-entropy on pairs.

Which of the text encoder's weights are trained (all, LoRA, none, …) is in `adapters.py`, the loop
in `loop.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Generator, Tensor, nn

from lib.encoders.base import count
from lib.encoders.device import autocast, best_device, device_of
from lib.encoders.text import TextEncoder
from lib.metrics.f1 import best_threshold, pair_f1
from lib.training.adapters import trainable_copy
from lib.training.checkpoint import trainable
from lib.training.learning_rate_range import learning_rate_range
from lib.training.loop import train
from lib.training.recipe import Batches, Loss, Recipe, seeded

Pairs = Sequence[tuple[str, str]]
Tokens = dict[str, Tensor]


class PairClassifier(nn.Module):
    """The logit that two texts describe one product, (b,), from a pretrained text encoder.

    Both texts are read as one sequence, so every word of one can look at every word of the other.
    The mean token vectors u and v of the two sides are compared by [u v, |u - v|], a hidden layer
    and one logit. `method` and `options` say which weights are trained: see `trainable_copy`. The
    two texts share `max_tokens`; the longer one is cut first.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        *,
        method: str = "full",
        max_tokens: int = 128,
        dropout: float = 0.1,
        seed: int = 0,
        **options: object,
    ) -> None:
        super().__init__()
        self.max_tokens, self.precision, self._tokenizer = max_tokens, "auto", encoder.tokenizer
        with seeded(seed):
            self.body = trainable_copy(encoder, method, dropout=dropout, **options)
            width = self.body.config.hidden_size
            self.head = nn.Sequential(
                nn.Linear(2 * width, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, 1)
            )
        self.to(best_device())

    @property
    def trained(self) -> int:
        """How many weights are trained."""
        return sum(weights.numel() for weights in trainable(self).values())

    @property
    def size(self) -> int:
        """How many weights there are."""
        return count(self)

    def extra_repr(self) -> str:
        """What its parts do not show: a checkpoint is named by the module's text."""
        return f"max_tokens={self.max_tokens}"

    def forward(self, tokens: Tokens, noise: Tensor | None = None) -> Tensor:
        """Logits (b,) of tokenized pairs; `noise` (b, t, d) is added to the word vectors."""
        inputs = {name: value for name, value in tokens.items() if name != "sides"}
        if noise is not None:
            inputs["inputs_embeds"] = self.word_vectors(inputs.pop("input_ids")) + noise
        hidden = self.body(**inputs).last_hidden_state  # (b, t, d)
        u, v = (_mean(hidden, tokens["sides"] == side) for side in (1, 2))  # (b, d)
        # entries of unit vectors are near 1 / sqrt(d), so those of u v are that much smaller
        compared = torch.cat([u * v * u.shape[1] ** 0.5, (u - v).abs()], dim=1)  # (b, 2 d)
        return self.head(compared).squeeze(1).float()

    def word_vectors(self, ids: Tensor) -> Tensor:
        """The embeddings that the Transformer starts from, (b, t) -> (b, t, d)."""
        return self.body.get_input_embeddings()(ids)

    def tokens(self, pairs: Pairs) -> Tokens:
        """Pairs as padded tensors; "sides" is 1 and 2 for the words of the two texts, else 0."""
        cut = {"max_length": self.max_tokens, "truncation": True, "padding": True}
        found = self._tokenizer(list(pairs), return_tensors="pt", **cut)
        sides = [
            [0 if side is None else side + 1 for side in found.sequence_ids(row)]
            for row in range(len(pairs))
        ]
        found["sides"] = torch.tensor(sides)
        return dict(found.to(device_of(self)))

    def fit(
        self,
        pairs: Pairs,
        labels: Sequence[int],
        recipe: Recipe,
        *,
        validation: tuple[Pairs, Sequence[int]] | None = None,
        positive_weight: float = 1.0,
        negatives: float = 3.0,
        adversarial: float = 0.0,
        **kept: Any,
    ) -> Self:
        """Fine-tune on labelled pairs; with validation pairs the epoch with the best F1 is kept.

        Each epoch sees all positives and draws `negatives` times as many negatives anew.
        `positive_weight` multiplies the positives' loss. `adversarial` adds the loss under word
        vectors moved that far up the gradient, relative to their norm (Miyato et al. 2017).
        `kept` are `folder` and `watch`, as `train` has them. Raises ValueError where there are no
        pairs, or pairs of one class only.
        """
        labels = _checked(pairs, labels)
        options = {"positive_weight": positive_weight, "adversarial": adversarial}

        def score(module: nn.Module) -> float:
            scores, truth = self.scores(validation[0]), validation[1]
            return pair_f1(truth, scores, best_threshold(truth, scores))["f1"]

        train(
            self,
            self._loss(pairs, labels, **options),
            by_length(_lengths(pairs), labels, recipe.batch, negatives=negatives),
            recipe,
            name="pairs",
            validate=score if validation else None,
            content={"pairs": pairs, "labels": labels.tolist(), "on": validation, **options},
            **kept,
        )
        return self

    def rates(
        self, pairs: Pairs, labels: Sequence[int], recipe: Recipe, **options: float
    ) -> dict[float, float]:
        """The smoothed loss on all pairs while the learning rate rises: see `learning_rate_range`.

        The weights stay as they were.
        """
        labels = _checked(pairs, labels)
        batches = by_length(_lengths(pairs), labels, recipe.batch, negatives=math.inf)
        return learning_rate_range(self, self._loss(pairs, labels), batches, recipe, **options)

    def scores(self, pairs: Pairs, *, batch: int = 64) -> np.ndarray:
        """The probability that each pair is one product, (n,) float32."""
        found = np.zeros(len(pairs), np.float32)
        order = np.argsort(-_lengths(pairs), kind="stable")
        self.eval()
        with torch.inference_mode(), autocast(device_of(self), self.precision):
            for first in range(0, len(order), batch):
                rows = order[first : first + batch]
                logits = self(self.tokens([pairs[i] for i in rows]))
                found[rows] = torch.sigmoid(logits).cpu().numpy()
        return found

    def _loss(
        self,
        pairs: Pairs,
        labels: np.ndarray,
        positive_weight: float = 1.0,
        adversarial: float = 0.0,
    ) -> Loss:
        target = torch.tensor(labels, dtype=torch.float32)

        def loss(module: nn.Module, rows: Tensor, generator: Generator) -> Tensor:
            tokens = self.tokens([pairs[i] for i in rows.tolist()])
            wanted = target[rows].to(device_of(self))
            value = _cross_entropy(self(tokens), wanted, positive_weight)
            if adversarial:
                noise = self._up_the_gradient(tokens, wanted, adversarial)
                value = (value + _cross_entropy(self(tokens, noise), wanted, positive_weight)) / 2
            return value

        return loss

    def _up_the_gradient(self, tokens: Tokens, wanted: Tensor, size: float) -> Tensor:
        vectors = self.word_vectors(tokens["input_ids"]).detach()  # (b, t, d)
        noise = torch.zeros_like(vectors, requires_grad=True)
        (slope,) = torch.autograd.grad(_cross_entropy(self(tokens, noise), wanted, 1.0), noise)
        norm = slope.norm(dim=-1, keepdim=True).clamp(min=1e-12)
        scale = size * vectors.norm(dim=-1).mean() / norm
        return slope * scale * (tokens["sides"] > 0).unsqueeze(-1)


def by_length(lengths: np.ndarray, labels: np.ndarray, size: int, *, negatives: float) -> Batches:
    """Batches of pairs of similar length, in random order: padding would cost most of the time.

    An epoch sees all positives (label 1) and `negatives` times as many negatives, drawn anew.
    """
    positive, rest = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    wanted = round(min(negatives * len(positive), len(rest)))

    def epoch(rng: np.random.Generator) -> Iterator[np.ndarray]:
        rows = np.concatenate([positive, rng.permutation(rest)[:wanted]])
        # lengths with noise, so that batches are not the same in every epoch
        rows = rows[np.argsort(lengths[rows] * rng.uniform(0.9, 1.1, len(rows)), kind="stable")]
        # of even size: several processes could not share a short last batch
        batches = np.array_split(rows, math.ceil(len(rows) / size))
        for i in rng.permutation(len(batches)):
            yield batches[i]

    return epoch


def _lengths(pairs: Pairs) -> np.ndarray:
    return np.array([len(left) + len(right) for left, right in pairs])


def _checked(pairs: Pairs, labels: Sequence[int]) -> np.ndarray:
    labels = np.asarray(labels, int)
    if len(labels) != len(pairs):
        raise ValueError(f"{len(labels)} labels for {len(pairs)} pairs")
    if not len(labels):
        raise ValueError("no pairs to train on; check the split")
    if len(np.unique(labels)) < 2:
        raise ValueError(
            f"all {len(labels)} pairs have label {labels[0]}: a classifier needs both matches and "
            "non-matches"
        )
    return labels


def _cross_entropy(logits: Tensor, wanted: Tensor, weight: float) -> Tensor:
    return nn.functional.binary_cross_entropy_with_logits(
        logits, wanted, pos_weight=torch.tensor(weight).to(logits)
    )


def _mean(hidden: Tensor, chosen: Tensor) -> Tensor:
    """The mean unit vector of each sequence's chosen tokens: (b, t, d), (b, t) -> (b, d)."""
    total = (hidden.float() * chosen.unsqueeze(-1)).sum(1)
    return nn.functional.normalize(total, dim=1)
