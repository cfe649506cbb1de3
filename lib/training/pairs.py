"""Two listings in, one product or not out: pair classifiers over a pretrained text encoder, fine-tuned by cross-entropy.

How the encoder's weights are adapted (all, LoRA, none, …) is in `adapters.py`, the loop in `loop.py`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import nn

from lib.encoders.base import count
from lib.encoders.text import TextEncoder
from lib.metrics import best_threshold, pair_f1
from lib.training.adapters import adapt, backbone
from lib.training.checkpoint import described, trainable
from lib.training.loop import Batches, Loss, Recipe, best_device, precision, train
from lib.training.rates import learning_rate_range

KINDS = ("cross", "towers")
Pairs = Sequence[tuple[str, str]]
Tokens = dict[str, torch.Tensor]


class PairClassifier(nn.Module):
    """The logit that two texts describe one product, (b,), from a pretrained text encoder.

    "cross" reads both texts as one sequence, so every word of one can look at every word of the other; "towers" reads
    each by itself (Reimers and Gurevych 2019), so that a catalogue's vectors can be kept. Both compare the mean token
    vectors u and v of the two sides by [u v, |u - v|], a hidden layer and one logit. `method` and `options` say which
    weights are trained: see `adapt`. The two texts share `max_tokens`; the longer one is cut first.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        *,
        kind: str = "cross",
        method: str = "full",
        max_tokens: int = 128,
        dropout: float = 0.1,
        seed: int = 0,
        **options: object,
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}, got {kind!r}")
        self.kind, self.max_tokens, self.precision, self._tokenizer = kind, max_tokens, "auto", encoder.tokenizer
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.body = adapt(backbone(encoder, dropout=dropout), method, **options)
            width = self.body.config.hidden_size
            self.head = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, 1))
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
        return f"{self.kind}, max_tokens={self.max_tokens}"

    def forward(self, tokens: Tokens, noise: torch.Tensor | None = None) -> torch.Tensor:
        """Logits (b,) of tokenized pairs; `noise` (s, t, d) is added to the word vectors."""
        sides = tokens["sides"]  # (s, t): 1 and 2 for the words of the two texts, 0 for marks and padding
        hidden = self.hidden(tokens, noise)  # (s, t, d)
        u, v = _mean(hidden, sides == 1), _mean(hidden, sides == 2)
        if self.kind == "towers":  # the first half of the sequences are the left texts
            u, v = u[: len(u) // 2], v[len(v) // 2 :]
        return self.head(torch.cat([u * v * u.shape[1] ** 0.5, (u - v).abs()], dim=1)).squeeze(1).float()

    def hidden(self, tokens: Tokens, noise: torch.Tensor | None = None) -> torch.Tensor:
        """Token vectors (s, t, d)."""
        given = {name: value for name, value in tokens.items() if name != "sides"}
        if noise is not None:
            given["inputs_embeds"] = self.word_vectors(given.pop("input_ids")) + noise
        return self.body(**given).last_hidden_state

    def word_vectors(self, ids: torch.Tensor) -> torch.Tensor:
        """The embeddings that the Transformer starts from, (s, t) -> (s, t, d)."""
        return self.body.get_input_embeddings()(ids)

    def tokens(self, pairs: Pairs) -> Tokens:
        """Pairs as padded tensors; towers have one sequence a text, all left texts first."""
        left, right = (list(side) for side in zip(*pairs, strict=True))
        options = {"truncation": True, "padding": True, "return_tensors": "pt"}
        if self.kind == "cross":
            found = self._tokenizer(left, right, max_length=self.max_tokens, **options)
        else:
            found = self._tokenizer(left + right, max_length=self.max_tokens // 2, **options)
        rows = range(len(found["input_ids"]))
        sides = torch.tensor([[0 if s is None else s + 1 for s in found.sequence_ids(row)] for row in rows])
        if self.kind == "towers":
            sides[len(left) :] *= 2
        device = self.head[0].weight.device
        return {name: value.to(device) for name, value in found.items()} | {"sides": sides.to(device)}

    def fit(
        self,
        pairs: Pairs,
        labels: Sequence[int],
        recipe: Recipe,
        *,
        validation: tuple[Pairs, Sequence[int]] | None = None,
        positive_weight: float = 1.0,
        negatives: float | None = None,
        adversarial: float = 0.0,
        augment: Callable[[str, np.random.Generator], str] | None = None,
        folder: Path | str | None = None,
        watch: Callable[[dict], None] | None = None,
    ) -> Self:
        """Fine-tune on labelled pairs; with validation pairs the epoch with the best F1 there is kept.

        `positive_weight` multiplies the positives' loss; `negatives` draws anew for each epoch that many negatives a
        positive. `adversarial` adds the loss under word vectors moved that far up the gradient, relative to their norm
        (Miyato et al. 2017). `augment` changes a text anew each time it is read. `folder` and `watch`: see `train`.
        Raises ValueError where there are no pairs, or pairs of one class only.
        """
        labels = _checked(pairs, labels)
        loss = self._loss(pairs, labels, positive_weight, adversarial, augment)
        content = [pairs, labels.tolist(), validation, positive_weight, adversarial, folder and described(augment=augment)]
        train(
            self, loss, _batches(pairs, labels, recipe.batch, negatives), recipe, name=f"pairs {self.kind}",
            validate=None if validation is None else lambda _: self._best_f1(*validation), folder=folder, watch=watch,
            content=_digest(content),
        )  # fmt: skip
        return self

    def rates(self, pairs: Pairs, labels: Sequence[int], recipe: Recipe, **range_: float) -> dict[float, float]:
        """The smoothed loss by learning rate while that rises: see `learning_rate_range`. The weights stay as they were."""
        labels = _checked(pairs, labels)
        loss = self._loss(pairs, labels, 1.0, 0.0, None)
        return learning_rate_range(self, loss, _batches(pairs, labels, recipe.batch, None), recipe, **range_)

    def _loss(
        self,
        pairs: Pairs,
        labels: np.ndarray,
        positive_weight: float,
        adversarial: float,
        augment: Callable[[str, np.random.Generator], str] | None,
    ) -> Loss:
        target = torch.tensor(labels, dtype=torch.float32)
        weight = torch.tensor(positive_weight)

        def loss(module: nn.Module, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
            chosen = [pairs[i] for i in rows.tolist()]
            if augment:
                rng = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
                chosen = [(augment(left, rng), augment(right, rng)) for left, right in chosen]
            tokens, wanted = self.tokens(chosen), target[rows].to(self.head[0].weight.device)
            value = _cross_entropy(self(tokens), wanted, weight)
            if adversarial:
                noise = self._up_the_gradient(tokens, wanted, adversarial)
                value = (value + _cross_entropy(self(tokens, noise), wanted, weight)) / 2
            return value

        return loss

    def scores(self, pairs: Pairs, *, batch: int = 64) -> np.ndarray:
        """The probability that each pair is one product, (n,) float32."""
        found = np.zeros(len(pairs), np.float32)
        order = np.argsort([-len(left) - len(right) for left, right in pairs], kind="stable")
        self.eval()
        with torch.inference_mode(), precision(self, self.precision):
            for first in range(0, len(order), batch):
                rows = order[first : first + batch]
                found[rows] = torch.sigmoid(self(self.tokens([pairs[i] for i in rows]))).cpu().numpy()
        return found

    def _best_f1(self, pairs: Pairs, labels: Sequence[int]) -> float:
        scores = self.scores(pairs)
        return pair_f1(labels, scores, best_threshold(labels, scores))["f1"]

    def _up_the_gradient(self, tokens: Tokens, wanted: torch.Tensor, size: float) -> torch.Tensor:
        vectors = self.word_vectors(tokens["input_ids"]).detach()  # (s, t, d)
        noise = torch.zeros_like(vectors, requires_grad=True)
        (slope,) = torch.autograd.grad(_cross_entropy(self(tokens, noise), wanted, torch.tensor(1.0)), noise)
        scale = size * vectors.norm(dim=-1).mean() / slope.norm(dim=-1, keepdim=True).clamp(min=1e-12)
        return slope * scale * (tokens["sides"] > 0).unsqueeze(-1)


def by_length(
    lengths: np.ndarray, labels: np.ndarray, size: int, *, negatives: float | None = None
) -> Callable[[np.random.Generator], Iterator[np.ndarray]]:
    """Batches of pairs of similar length, in random order: little is padded, which is most of a processor's time.

    With `negatives`, an epoch sees all positives (label 1) and that many negatives a positive, drawn anew.
    """
    positive = np.flatnonzero(labels == 1)
    rest = np.flatnonzero(labels == 0)

    def epoch(rng: np.random.Generator) -> Iterator[np.ndarray]:
        wanted = len(rest) if negatives is None else min(len(rest), round(negatives * len(positive)))
        rows = np.concatenate([positive, rng.permutation(rest)[:wanted]])
        noisy = lengths[rows] * rng.uniform(0.9, 1.1, len(rows))  # so that batches are not the same every epoch
        rows = rows[np.argsort(noisy, kind="stable")]
        batches = np.array_split(rows, math.ceil(len(rows) / size))  # no short one, which several processes could not share
        for i in rng.permutation(len(batches)):
            yield batches[i]

    return epoch


def _batches(pairs: Pairs, labels: np.ndarray, size: int, negatives: float | None) -> Batches:
    lengths = np.array([len(left) + len(right) for left, right in pairs])
    return by_length(lengths, labels, size, negatives=negatives)


def _checked(pairs: Pairs, labels: Sequence[int]) -> np.ndarray:
    labels = np.asarray(labels, int)
    if len(labels) != len(pairs):
        raise ValueError(f"{len(labels)} labels for {len(pairs)} pairs")
    if not len(labels):
        raise ValueError("no pairs to train on; check the split")
    if len(np.unique(labels)) < 2:
        raise ValueError(f"all {len(labels)} pairs have label {labels[0]}: a classifier needs both matches and non-matches")
    return labels


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, default=np.ndarray.tolist).encode()).hexdigest()


def _cross_entropy(logits: torch.Tensor, wanted: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return nn.functional.binary_cross_entropy_with_logits(logits, wanted, pos_weight=weight.to(logits))


def _mean(hidden: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """The mean unit vector of each sequence's chosen tokens: (s, t, d), (s, t) -> (s, d)."""
    total = (hidden.float() * chosen.unsqueeze(-1)).sum(1)
    return nn.functional.normalize(total, dim=1)
