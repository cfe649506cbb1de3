"""A text encoder fine-tuned on a catalogue's groups: listings of one product drawn together, others apart.

Both towers of a search, queries and products, are the one encoder, so it embeds any catalogue as before. Pairs with labels are
`pairs.py`'s; which weights are trained, `adapters.py`'s.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import torch

from lib import training
from lib.catalogue import Catalogue, Task
from lib.embeddings import embed
from lib.encoders.base import count, digest_state
from lib.encoders.text import TextEncoder
from lib.metrics import evaluate
from lib.search import search
from lib.training.adapters import adapt, backbone
from lib.training.batches import grouped, mined
from lib.training.checkpoint import described, trainable
from lib.training.loop import Recipe, best_device, precision
from lib.training.objectives import objective

MEMBERS = 4  # listings of one product in a batch, at most


class TunedText(TextEncoder):
    """`start`, fine-tuned by a metric-learning loss (see `objective`) on products with the same `group`.

    `method` and `options` say which weights are trained (see `adapt`); a batch holds `recipe.batch // 4` products. `mine` takes
    each batch from among the `mine` nearest neighbours by the frozen encoder, so that its negatives are hard; only then are
    products without a group, or alone in theirs, seen at all.
    """

    def __init__(
        self,
        start: TextEncoder,
        recipe: Recipe,
        *,
        loss: str = "infonce",
        method: str = "full",
        mine: int = 0,
        dropout: float = 0.1,
        augment: Callable[[str, np.random.Generator], str] | None = None,
        **options: object,
    ) -> None:
        super().__init__(start.folder, pooling=start.pooling, max_tokens=start.max_tokens, fields=start.fields)
        self._clean, self._stop_words, self.reads = start._clean, start._stop_words, start.reads
        self._start, self.recipe, self.loss, self.method, self.mine, self.augment = start, recipe, loss, method, mine, augment
        self.name = f"tuned({start.name},{loss},{method}{options or ''},mine {mine},dropout {dropout},{recipe})"
        with torch.random.fork_rng():
            torch.manual_seed(recipe.seed)
            self._body = adapt(backbone(start, dropout=dropout), method, **options).to(best_device())

    @property
    def model(self) -> torch.nn.Module:
        """The Transformer that is trained."""
        return self._body

    @property
    def state(self) -> str:
        """A hash of the frozen encoder and of the weights that were trained."""
        return digest_state(self._body)

    def weights(self, **more: object) -> tuple[torch.nn.Module, bool]:
        """A copy of the tuned Transformer, for further training; only where all its weights were trained."""
        if self.method != "full":
            raise ValueError(f"a {self.method} adapter cannot be trained further as a whole model; tune with method='full'")
        return copy.deepcopy(self._body), True

    @property
    def trained(self) -> int:
        """How many weights are trained."""
        return sum(weights.numel() for weights in trainable(self._body).values())

    @property
    def parameters(self) -> int:
        """How many weights there are."""
        return count(self._body)

    def fit(
        self,
        train: Catalogue,
        *,
        validation: Task | None = None,
        metric: str = "recall@1",
        folder: Path | str | None = None,
        watch: Callable[[dict], None] | None = None,
    ) -> Self:
        """Fine-tune on the catalogue's groups; with a validation task the epoch with the best `metric` there is kept.

        Raises ValueError where no two products share a group.
        """
        texts = self.texts(train)
        codes = pd.factorize(train.items["group"].to_numpy(dtype=object))[0]  # -1: no group
        codes = np.where(codes < 0, len(codes) + np.arange(len(codes)), codes)  # a product of its own
        labels = np.array([c if text.strip() else None for c, text in zip(codes, texts, strict=True)], dtype=object)
        rows, tokens, wanted = np.arange(len(train)), self.tokens(texts), torch.as_tensor(codes)
        criterion = objective(self.loss)

        def loss(module: torch.nn.Module, chosen: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
            own = [tokens[i] for i in chosen.tolist()]
            if self.augment:
                rng = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
                own = self.tokens([self.augment(texts[i], rng) for i in chosen.tolist()])
            return criterion(self.pooled(module, own), wanted[chosen].to(module.device))

        size = max(2, self.recipe.batch // MEMBERS)
        batches = grouped(labels, rows, groups=size, members=MEMBERS)
        if self.mine:
            frozen = embed(self._start, train)
            near = search(frozen, frozen, self.mine + 1).positions
            batches = mined(labels, rows, near, groups=size, members=MEMBERS)
        about = (
            f"{self.name}{train.digest}{folder and described(augment=self.augment)}{validation and validation.digest}{metric}"
        )
        training.train(
            self._body, loss, batches, self.recipe, name="tuning", folder=folder, watch=watch,
            content=about,
            validate=None if validation is None else lambda _: self._score(validation, metric),
        )  # fmt: skip
        return self

    def _forward(self, tokens: list[list[int]]) -> np.ndarray:
        with precision(self._body, "auto"):
            return super()._forward(tokens)

    def _score(self, task: Task, metric: str) -> float:
        queries, corpus = (embed(self, side, cache=None) for side in (task.queries, task.corpus))
        ranking = search(queries, corpus, int(metric.split("@")[1]), exclude=task.exclude)
        return float(evaluate(ranking, task, [metric])[metric].mean())
