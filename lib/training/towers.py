"""Text and photo towers trained together, and the encoders that they become: vectors of texts, photos and products.

The networks are in `networks.py` (from nothing) and `backbones.py` (from a checkpoint), what they read in `inputs.py`;
learning without labels is in `selfsupervised.py`.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from torch import nn

from lib.catalogue import Catalogue, Task
from lib.embeddings import Embeddings
from lib.files import whole_folder
from lib.metrics import evaluate
from lib.search import search
from lib.training import Recipe, balanced, best_device, class_weights, grouped, objective, train
from lib.training.augment import PhotoNoise, TextNoise
from lib.training.backbones import TextModelTower, TorchvisionTower, clip_towers
from lib.training.checkpoint import described
from lib.training.inputs import Inputs, TowerEncoder, encode, read, vectors
from lib.training.networks import BagTower, CrossModal, PhotoTower

MEMBERS = 3  # listings of one product in a batch
RECIPE = Recipe(epochs=20, batch=192, learning_rate=3e-3, weight_decay=0.02)  # for towers from nothing
LOSSES = ("clip", "text", "image")


class Towers:
    """A text tower, a photo tower, or both; `fit` them, then take `encoder("text")`, `encoder("image")` or, of both, "product".

    `text` is "bag", "minilm", "hf:folder" or None, `image` is "cnn", "torchvision:name" or None; "clip:folder" for both
    starts from a CLIP. `options` are those of the towers' classes by modality: {"image": {"width": 16}}.
    `losses` weighs what is minimised, all at once: "clip" ties the text and the photo of a listing (see `CrossModal`);
    "text" and "image" hold the listings of one product together by their texts and by their photos, as `loss` says (see
    `objective`). Where some labels are rare, `imbalance="resample"` shows each label as often as any other and "weights"
    counts it as much (for "arcface"). `noise` by modality changes what the towers are shown while they train.
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
        recipe: Recipe = RECIPE,
    ) -> None:
        self.settings = {"text": text, "image": image, "dimensions": dimensions, "fields": list(fields)}
        self.settings["options"] = {side: dict(some) for side, some in (options or {}).items()}
        if imbalance not in (None, "resample", "weights") or (imbalance == "weights" and loss != "arcface"):
            raise ValueError(f'imbalance is None, "resample" or, for arcface, "weights"; got {imbalance!r} for {loss!r}')
        self.loss, self.imbalance, self.noise, self.recipe = loss, imbalance, dict(noise or {}), recipe
        with torch.random.fork_rng():
            torch.manual_seed(recipe.seed)
            self.network = nn.ModuleDict(_build(text, image, dimensions, self.settings["options"])).to(best_device())
        possible = [name for name in LOSSES if name in self.network or (name == "clip" and len(self.network) == 2)]
        self.losses = dict.fromkeys(possible, 1.0) if losses is None else dict(losses)
        if not self.losses or not set(self.losses) <= set(possible):
            raise ValueError(f"towers {list(self.network)} can learn by {possible}, got losses {list(self.losses)}")

    def read(self, catalogue: Catalogue) -> Inputs:
        """What the towers see of a catalogue."""
        return read(catalogue, self.network, self.settings["fields"])

    def fit(
        self,
        catalogue: Catalogue,
        labels: Sequence | None = None,
        *,
        validation: tuple[Task, str] | None = None,
        folder: Path | str | None = None,
        watch: Callable[[dict], None] | None = None,
    ) -> Self:
        """Train on these products, from the weights as they are; with (task, metric) keep the epoch that is best there.

        `labels` say which listings are one product; None: not known. Only "clip" does without. `folder` and `watch`: see
        `train`. Raises ValueError where a loss has nothing to learn from.
        """
        inputs = self.read(catalogue)
        codes = pd.factorize(np.array([None] * len(catalogue) if labels is None else labels, dtype=object))[0]  # -1: None
        for name in self.losses:
            _check(name, inputs, codes)
        for tower in self.network.values():
            if isinstance(tower, BagTower) and not tower.learned:
                tower.learn(inputs.texts)
        alone = "clip" in self.losses
        rows = np.flatnonzero(np.any([_teaching(name, inputs, codes) for name in self.losses], axis=0))
        named = np.array([None if code < 0 else code for code in codes], dtype=object)
        if self.imbalance == "resample":
            batches = balanced(named, rows, self.recipe.batch)
        else:
            batches = grouped(named, rows, groups=max(1, self.recipe.batch // MEMBERS), members=MEMBERS, alone=alone)
        step = Step(self, inputs, torch.as_tensor(codes))
        validate = None
        if validation is not None:
            task, metric = validation
            scorer = self._scorer(task, [metric])
            validate = lambda _: float(scorer()[metric].mean())  # noqa: E731
        with torch.random.fork_rng():
            torch.manual_seed(self.recipe.seed)
            about = described(
                data=catalogue.digest, codes=zlib.crc32(codes.tobytes()), losses=self.losses, loss=self.loss, noise=self.noise,
                fields=self.settings["fields"], validation=validation and (validation[0].digest, validation[1]),
            )  # fmt: skip
            train(step.module(), step, batches, self.recipe, name="towers", validate=validate, folder=folder, watch=watch,
                  content=about)  # fmt: skip
        self.network.eval()
        return self

    def score(self, task: Task, metrics: Sequence[str] = ("ndcg@10",)) -> pd.DataFrame:
        """How well the towers, side by side if both, answer a task: one row a query, as `evaluate` has it."""
        return self._scorer(task, metrics)()

    def encoder(self, modality: str) -> TowerEncoder:
        """One tower as an encoder, or, as "product", both side by side."""
        return TowerEncoder(self.network, modality, self.settings)

    def save(self, folder: Path | str) -> None:
        """Write the towers as a folder, whole or not at all; in it a text model or a CLIP stays one that `encoder` reads."""
        from safetensors.torch import save_file

        with whole_folder(Path(folder)) as draft:
            moved = {side: tower.export(draft) for side, tower in self.network.items() if hasattr(tower, "export")}
            save_file({name: weights.contiguous() for name, weights in self._own().items()}, draft / "towers.safetensors")
            (draft / "towers.json").write_text(json.dumps(self.settings | moved, indent=1))

    @classmethod
    def load(cls, folder: Path | str, **training: Any) -> Self:
        """Towers that `save` wrote. `training` are the constructor's options that say how they learn on."""
        from safetensors.torch import load_file

        folder = Path(folder)
        settings = json.loads((folder / "towers.json").read_text())
        for side in ("text", "image"):
            kind, _, model = (settings[side] or "").partition(":")
            if kind in ("hf", "clip"):
                settings[side] = f"{kind}:{folder / model}"
            elif kind == "torchvision":  # its weights are in the file
                settings["options"] = settings["options"] | {side: settings["options"].get(side, {}) | {"weights": None}}
        made = cls(**settings, **training)
        weights = load_file(folder / "towers.safetensors")
        if set(weights) != set(made._own()):
            raise ValueError(f"{folder} holds other weights than its settings ask for; save the towers again")
        made.network.load_state_dict(weights, strict=False)
        made.network.eval()
        return made

    def _scorer(self, task: Task, metrics: Sequence[str]) -> Callable[[], pd.DataFrame]:
        """`score`, for a task whose photos are read once."""
        sides = {"corpus": task.corpus} | ({} if task.queries is task.corpus else {"queries": task.queries})
        inputs = {name: self.read(catalogue) for name, catalogue in sides.items()}
        deepest = max(int(metric.split("@")[1]) for metric in metrics)

        def score() -> pd.DataFrame:
            found = {name: Embeddings("towers", sides[name].ids, encode(self.network, seen)) for name, seen in inputs.items()}
            ranking = search(found.get("queries", found["corpus"]), found["corpus"], deepest, exclude=task.exclude)
            return evaluate(ranking, task, metrics)

        return score

    def _own(self) -> dict[str, torch.Tensor]:
        """The weights that no exported model holds."""
        apart = tuple(f"{side}.model." for side, tower in self.network.items() if hasattr(tower, "export"))
        return {name: weights for name, weights in self.network.state_dict().items() if not name.startswith(apart)}


class Step:
    """The loss of a batch of rows: the weighted sum of all that the towers are to learn."""

    def __init__(self, towers: Towers, inputs: Inputs, codes: torch.Tensor) -> None:
        self.towers, self.inputs, self.codes = towers, inputs, codes

    def module(self) -> nn.ModuleDict:
        """Towers and losses: a loss has weights of its own, a temperature or ArcFace's classes, which are trained as well."""
        network, loss = self.towers.network, self.towers.loss
        made = nn.ModuleDict()
        for name in self.towers.losses:
            if name == "clip":
                made[name] = CrossModal.of(network)
                continue
            sizes = {"classes": int(self.codes.max()) + 1, "dimensions": network[name].dimensions} if loss == "arcface" else {}
            if self.towers.imbalance == "weights":
                sizes["weights"] = class_weights(self.codes[self.codes >= 0])
            made[name] = objective(loss, **sizes)
        return nn.ModuleDict({"towers": network, "losses": made}).to(next(network.parameters()).device)

    def __call__(self, module: nn.ModuleDict, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """(b,) -> scalar."""
        shown = {side: self.inputs.present[side][rows] for side in module["towers"]}  # (b,) bool each
        seen = {
            side: vectors(tower, self.inputs, rows[shown[side]], noise=self.towers.noise.get(side), generator=generator)
            for side, tower in module["towers"].items()
        }
        codes = self.codes[rows]
        terms = []
        for name, weight in self.towers.losses.items():
            criterion = module["losses"][name]
            if name == "clip":
                both = shown["text"] & shown["image"]
                pair = (seen[side][both[shown[side]]] for side in ("text", "image"))
                terms.append(weight * criterion(*pair, codes[both]))
            else:
                own = codes[shown[name]]
                terms.append(weight * criterion(seen[name][own >= 0], own[own >= 0]))
        return torch.stack(terms).sum()


def _teaching(loss: str, inputs: Inputs, codes: np.ndarray) -> np.ndarray:
    """The rows that a loss can learn from, (n,) bool."""
    if loss == "clip":
        return (inputs.present["text"] & inputs.present["image"]).numpy()
    return inputs.present[loss].numpy() & (codes >= 0)


def _check(loss: str, inputs: Inputs, codes: np.ndarray) -> None:
    rows = _teaching(loss, inputs, codes)
    if loss == "clip":
        if rows.sum() < 2:
            raise ValueError("loss 'clip' needs products with a text and a photo")
        return
    counts = np.bincount(codes[rows])
    if (counts > 0).sum() < 2 or counts.max() < 2:
        raise ValueError(
            f"loss {loss!r} needs labels of two products or more, of which one has two listings with {loss}; "
            f"got {(counts > 0).sum()} products, at most {counts.max(initial=0)} listings each"
        )


def _build(text: str | None, image: str | None, dimensions: int, options: Mapping[str, Mapping]) -> dict[str, nn.Module]:
    clip = {side.partition(":")[2] for side in (text, image) if side and side.startswith("clip:")}
    if clip:
        if text != image:
            raise ValueError(f"a CLIP brings both towers: give text and image the same folder, got {text!r} and {image!r}")
        return clip_towers(clip.pop())
    towers = {}
    for side, spec in (("text", text), ("image", image)):
        if spec is not None:
            kind, _, model = spec.partition(":")
            if (side, kind) not in KINDS:
                raise ValueError(f"no {side} tower {spec!r}; there are {', '.join(k for s, k in KINDS if s == side)}, clip")
            given = [model] if model else [kind] if kind == "minilm" else []
            towers[side] = KINDS[side, kind](*given, dimensions=dimensions, **options.get(side, {}))
    if not towers:
        raise ValueError("neither a text nor a photo tower was asked for")
    return towers


KINDS = {
    ("text", "bag"): BagTower,
    ("text", "minilm"): TextModelTower,
    ("text", "hf"): TextModelTower,
    ("image", "cnn"): PhotoTower,
    ("image", "torchvision"): TorchvisionTower,
}
