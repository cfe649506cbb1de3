"""Text and photo towers trained together: vectors of texts, photos and products.

Networks are in `tower_networks.py` and `pretrained_towers.py`, encoders in `tower_encoder.py`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor, nn

from lib.data.catalogue import Catalogue
from lib.data.task import Task
from lib.encoders.device import best_device
from lib.encoders.embeddings import Embeddings
from lib.training.augment import PhotoNoise, TextNoise
from lib.training.batches import balanced, grouped
from lib.training.loop import train
from lib.training.objectives import TEMPERATURE, ClipLoss, objective
from lib.training.pretrained_towers import TextModelTower, TorchvisionTower, clip_towers
from lib.training.recipe import Batches, Loss, Recipe, seeded
from lib.training.tower_encoder import Products, TowerEncoder, encode, read, vectors
from lib.training.tower_networks import BagTower, PhotoTower
from lib.training.validation import task_scores

MEMBERS = 3  # listings of one product in a batch
FROM_NOTHING = Recipe(epochs=20, batch=192, learning_rate=3e-3, weight_decay=0.02)


class Towers:
    """A text tower, a photo tower, or both; `fit` them, then take `encoder("text")`,
    `encoder("image")` or, of both, "product".

    `text` is "bag", "minilm", "hf:folder" or None, `image` is "cnn", "torchvision:name" or None;
    "clip:folder" for both starts from a CLIP. `options` are those of the towers' classes by
    modality: {"image": {"width": 16}}. `losses` weighs what is minimised, all at once: "clip" ties
    the text and the photo of a listing (see `ClipLoss`); "text" and "image" hold the listings of
    one product together by their texts and by their photos, as `loss` says (see `objective`). Where
    some labels are rare, `imbalance="resample"` shows each label as often as any other and
    "weights" counts it as much (for "arcface"). `noise` by modality changes what the towers are
    shown while they train. Their weights are `network`, a torch module, which can be saved as any.
    """

    def __init__(
        self,
        *,
        text: str | None = "bag",
        image: str | None = "cnn",
        dimensions: int = 128,
        fields: Sequence[str] = ("title",),
        losses: Mapping[str, float] | None = None,
        loss: str = "infonce",
        imbalance: str | None = None,
        noise: Mapping[str, TextNoise | PhotoNoise] | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        recipe: Recipe = FROM_NOTHING,
    ) -> None:
        if imbalance not in (None, "resample") and (imbalance, loss) != ("weights", "arcface"):
            raise ValueError(
                f'imbalance is None, "resample" or, for arcface, "weights"; got {imbalance!r} for '
                f"{loss!r}"
            )
        self.loss, self.imbalance, self.recipe = loss, imbalance, recipe
        self.noise = dict(noise or {})
        self.settings = {"text": text, "image": image, "dimensions": dimensions}
        self.settings |= {"fields": list(fields), "options": dict(options or {})}
        with seeded(recipe.seed):
            towers = _build(text, image, dimensions, self.settings["options"])
        self.network = nn.ModuleDict(towers).to(best_device())
        possible = [*(["clip"] if len(towers) == 2 else []), *towers]
        self.losses = dict.fromkeys(possible, 1.0) if losses is None else dict(losses)
        if not self.losses or not set(self.losses) <= set(possible):
            raise ValueError(
                f"towers {list(towers)} can learn by {possible}, got losses {list(self.losses)}"
            )

    def read(self, catalogue: Catalogue) -> Products:
        """What the towers see of a catalogue."""
        return read(catalogue, self.network, self.settings["fields"])

    def learn_rarity(self, products: Products) -> None:
        """Let a bag of words learn how rare words are, once: later fits keep what it has."""
        for tower in self.network.values():
            if isinstance(tower, BagTower):
                tower.learn(products.texts)

    def fit(
        self,
        catalogue: Catalogue,
        labels: Sequence | None = None,
        *,
        validation: tuple[Task, str] | None = None,
        **kept: Any,
    ) -> Self:
        """Train on these products, from the weights as they are; (task, metric) picks the epoch.

        `labels` say which listings are one product; None: not known. Only "clip" does without.
        `kept` are `folder` and `watch`, as `train` has them. Raises ValueError where a loss has
        nothing to learn from.
        """
        products = self.read(catalogue)
        known = [None] * len(catalogue) if labels is None else labels
        codes = pd.factorize(np.array(known, dtype=object))[0]  # -1: not known
        for name in self.losses:
            _check(name, products, codes)
        self.learn_rarity(products)
        about = {
            "data": catalogue.digest,
            "labels": zlib.crc32(codes.tobytes()),
            "settings": [self.settings, self.losses, self.loss, self.noise],
        }
        validate = None
        if validation:
            task, metric = validation
            about["best"] = task.digest, metric
            score = self._scorer(task, [metric])
            validate = lambda _: score()[metric].mean()  # noqa: E731
        with seeded(self.recipe.seed):  # ArcFace's classes are drawn
            module = nn.ModuleDict({"towers": self.network, "losses": self.criteria(codes)})
        train(
            module.to(best_device()),
            self.multitask_loss(products, codes),
            self._batches(products, codes),
            self.recipe,
            name="towers",
            validate=validate,
            content=about,
            **kept,
        )
        return self

    def criteria(self, codes: np.ndarray) -> nn.ModuleDict:
        """The losses by name: modules, since a temperature or ArcFace's classes are trained too."""
        counts = np.bincount(codes[codes >= 0])  # (classes,)
        weights = None
        if self.imbalance == "weights":
            weights = counts.sum() / (len(counts) * counts)
        made = nn.ModuleDict()
        for name in self.losses:
            if name == "clip":
                temperature = getattr(self.network["text"], "temperature", TEMPERATURE)
                made[name] = ClipLoss(temperature=temperature)
            else:
                wide = self.network[name].dimensions
                made[name] = objective(
                    self.loss, classes=len(counts), dimensions=wide, weights=weights
                )
        return made

    def multitask_loss(self, products: Products, codes: np.ndarray) -> Loss:
        """The weighted sum of all that the towers are to learn of a batch of rows."""
        labels = torch.as_tensor(codes)
        teaching = {name: _teaching(name, products, codes) for name in self.losses}

        def loss(module: nn.ModuleDict, rows: Tensor, generator: Generator) -> Tensor:
            has, seen = {}, {}
            for side, tower in module["towers"].items():
                has[side] = products.present[side][rows]  # (b,) bool
                own, noise = rows[has[side]], self.noise.get(side)
                seen[side] = vectors(tower, products, own, noise=noise, generator=generator)
            terms = []
            for name, weight in self.losses.items():
                used = teaching[name][rows]  # (b,) bool
                sides = ("text", "image") if name == "clip" else (name,)
                shown = [seen[side][used[has[side]]] for side in sides]
                terms.append(weight * module["losses"][name](*shown, labels[rows][used]))
            return torch.stack(terms).sum()

        return loss

    def score(self, task: Task, metrics: Sequence[str] = ("ndcg@10",)) -> pd.DataFrame:
        """How well the towers, side by side if both, answer a task: one row a query."""
        return self._scorer(task, metrics)()

    def encoder(self, modality: str) -> TowerEncoder:
        """One tower as an encoder, or, as "product", both side by side."""
        return TowerEncoder(self.network, modality, self.settings)

    def _batches(self, products: Products, codes: np.ndarray) -> Batches:
        usable = [_teaching(name, products, codes) for name in self.losses]
        rows = np.flatnonzero(torch.stack(usable).any(0))
        labels = codes.astype(object)
        labels[codes < 0] = None
        if self.imbalance == "resample":
            return balanced(labels, rows, self.recipe.batch)
        groups = max(1, self.recipe.batch // MEMBERS)
        alone = "clip" in self.losses  # which asks for no second listing
        return grouped(labels, rows, groups=groups, members=MEMBERS, alone=alone)

    def _scorer(self, task: Task, metrics: Sequence[str]) -> Callable[[], pd.DataFrame]:
        """`score`, for a task whose photos are read once."""
        corpus = self.read(task.corpus)
        queries = corpus if task.queries is task.corpus else self.read(task.queries)

        def score() -> pd.DataFrame:
            found = Embeddings("towers", task.corpus.ids, encode(self.network, corpus))
            asked = found
            if queries is not corpus:
                asked = Embeddings("towers", task.queries.ids, encode(self.network, queries))
            return task_scores(asked, found, task, metrics)

        return score


def _teaching(loss: str, products: Products, codes: np.ndarray) -> Tensor:
    """The rows that a loss can learn from, (n,) bool."""
    if loss == "clip":
        return products.present["text"] & products.present["image"]
    return products.present[loss] & torch.as_tensor(codes >= 0)


def _check(loss: str, products: Products, codes: np.ndarray) -> None:
    rows = _teaching(loss, products, codes).numpy()
    if loss == "clip":
        if rows.sum() < 2:
            raise ValueError("loss 'clip' needs products with a text and a photo")
        return
    counts = np.bincount(codes[rows])
    if (counts > 0).sum() < 2 or counts.max() < 2:
        raise ValueError(
            f"loss {loss!r} needs labels of two products or more, of which one has two listings "
            f"with {loss}; got {(counts > 0).sum()} products, at most {counts.max(initial=0)} "
            "listings each"
        )


def _build(
    text: str | None, image: str | None, dimensions: int, options: Mapping[str, Mapping]
) -> dict[str, nn.Module]:
    if any(str(spec).startswith("clip:") for spec in (text, image)):
        if text != image:
            raise ValueError(
                "a CLIP brings both towers: give text and image the same folder, got "
                f"{text!r} and {image!r}"
            )
        return clip_towers(text)
    towers: dict[str, nn.Module] = {}
    for side, spec in (("text", text), ("image", image)):
        own = {"dimensions": dimensions, **options.get(side, {})}
        if spec in FROM_RANDOM[side]:
            towers[side] = FROM_RANDOM[side][spec](**own)
        elif spec is not None:
            towers[side] = PRETRAINED[side](spec, **own)
    if not towers:
        raise ValueError("neither a text nor a photo tower was asked for")
    return towers


FROM_RANDOM = {"text": {"bag": BagTower}, "image": {"cnn": PhotoTower}}
PRETRAINED = {"text": TextModelTower, "image": TorchvisionTower}
