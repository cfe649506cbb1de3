"""A text encoder fine-tuned on a catalogue's groups: listings of one product are drawn together.

It reads each listing by itself, so it embeds any catalogue as before; a classifier that reads two
listings at once is in `pair_classifier.py`. Which weights are trained is in `adapters.py`.
"""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor, nn

from lib.data.catalogue import Catalogue
from lib.data.task import Task
from lib.encoders.base import digest_state
from lib.encoders.device import autocast, best_device
from lib.encoders.embeddings import embed
from lib.encoders.text import TextEncoder
from lib.search.exact import search
from lib.training.adapters import trainable_copy
from lib.training.augment import Noise
from lib.training.batches import grouped, mined
from lib.training.loop import train
from lib.training.objectives import objective
from lib.training.recipe import Batches, Recipe, seeded
from lib.training.validation import task_scores

MEMBERS = 4  # listings of one product in a batch, at most


class TunedTextEncoder(TextEncoder):
    """`start`, fine-tuned by a metric-learning loss (see `objective`) on products with one `group`.

    `method` and `options` say which weights are trained (see `trainable_copy`); a batch holds
    `recipe.batch // 4` products. `mine` takes each batch from among the `mine` nearest neighbours
    by the frozen encoder, so that its negatives are hard; only then are products without a group,
    or alone in theirs, seen at all. `augment` changes a text anew each time it is read.
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
        augment: Noise | None = None,
        **options: object,
    ) -> None:
        vars(self).update(vars(start))  # it reads, cuts and pools texts as `start` does
        self._start, self.recipe, self.loss, self.mine = start, recipe, loss, mine
        self.method, self.augment = method, augment
        self.name = (
            f"tuned({start.name},{loss},{method}{options or ''},mine {mine},dropout {dropout},"
            f"{recipe})"
        )
        with seeded(recipe.seed):
            model = trainable_copy(start, method, dropout=dropout, **options)
        self.model = model.to(best_device())

    @property
    def state(self) -> str:
        """A hash of all weights, trained or not."""
        return digest_state(self.model)

    def load_model(self, **options: object) -> nn.Module:
        """A copy of the tuned Transformer, for further training; only where it was tuned whole."""
        if self.method != "full":
            raise ValueError(
                f"a {self.method} adapter cannot be trained further as a whole model; "
                "tune with method='full'"
            )
        return copy.deepcopy(self.model)

    def fit(
        self,
        catalogue: Catalogue,
        *,
        validation: Task | None = None,
        metric: str = "recall@1",
        **kept: Any,
    ) -> Self:
        """Fine-tune on the catalogue's groups; with a validation task keep its best epoch.

        Best is by `metric`; `kept` are `folder` and `watch`, as `train` has them. Raises ValueError
        where no two products share a group.
        """
        texts = self.texts(catalogue)
        codes = pd.factorize(catalogue.items["group"].to_numpy(dtype=object))[0]  # -1: no group
        alone = len(codes) + np.arange(len(codes))
        codes = np.where(codes < 0, alone, codes)  # such a product stands for itself
        tokens, wanted, criterion = self.tokens(texts), torch.as_tensor(codes), objective(self.loss)

        def loss(module: nn.Module, rows: Tensor, generator: Generator) -> Tensor:
            own = [tokens[i] for i in rows.tolist()]
            if self.augment:
                rng = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
                own = self.tokens([self.augment(texts[i], rng) for i in rows.tolist()])
            return criterion(self.pooled(module, own), wanted[rows].to(module.device))

        def score(module: nn.Module) -> float:
            sides = [embed(self, c, cache=None) for c in (validation.queries, validation.corpus)]
            return task_scores(*sides, validation, [metric])[metric].mean()

        about = {"encoder": self.name, "data": catalogue.digest, "augment": self.augment}
        if validation:
            about["best"] = validation.digest, metric
        train(
            self.model,
            loss,
            self._training_batches(catalogue, texts, codes),
            self.recipe,
            name="tuning",
            validate=score if validation else None,
            content=about,
            **kept,
        )
        return self

    def _training_batches(
        self, catalogue: Catalogue, texts: list[str], codes: np.ndarray
    ) -> Batches:
        labels = codes.astype(object)
        labels[[not text.strip() for text in texts]] = None
        rows = np.arange(len(codes))
        size = {"groups": max(2, self.recipe.batch // MEMBERS), "members": MEMBERS}
        if not self.mine:
            return grouped(labels, rows, **size)
        frozen = embed(self._start, catalogue)
        near = search(frozen, frozen, self.mine + 1).positions  # a product finds itself, too
        return mined(labels, rows, near, **size)

    def _vectors(self, texts: list[str]) -> np.ndarray:
        with autocast(self.model.device, self.precision):  # its weights stay float32
            return super()._vectors(texts)
