"""What towers read of a catalogue, the vectors that they make of it, and the encoders that they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import nn

from lib.catalogue import Catalogue
from lib.encoders.base import count, digest_state
from lib.encoders.clean import TextReader
from lib.encoders.image import PhotoEncoder
from lib.training.augment import PhotoNoise, TextNoise

BATCH = 256  # rows encoded at once


@dataclass(frozen=True)
class Inputs:
    """`texts`, `pixels` (n, 3, h, w) uint8, and by modality which products have it, (n,) bool."""

    texts: Sequence[str]
    pixels: torch.Tensor | None
    present: Mapping[str, torch.Tensor]


def read(catalogue: Catalogue, towers: Mapping[str, nn.Module], fields: Sequence[str] = ("title",)) -> Inputs:
    """What these towers read. Photos are held in memory, n * 3 * h * w bytes: 40 MB for 6,000 of 48 pixels."""
    texts = TextReader(fields=fields).texts(catalogue)
    paths = catalogue.items["image"].tolist()
    there = {"text": [bool(t.strip()) for t in texts], "image": [bool(p) for p in paths]}
    present = {side: torch.tensor(there[side], dtype=torch.bool) for side in towers}
    pixels = None
    if "image" in towers:
        shown = towers["image"].photos([p for p in paths if p])
        pixels = shown.new_zeros(len(paths), *shown.shape[1:])
        pixels[present["image"]] = shown
    return Inputs(texts, pixels, present)


def vectors(
    tower: nn.Module,
    seen: Inputs,
    rows: torch.Tensor,
    *,
    noise: TextNoise | PhotoNoise | None = None,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """A tower's unit vectors of these rows, (b,) -> (b, d), shown through `noise`; all must have the tower's modality."""
    device = next(tower.parameters()).device
    if not len(rows):  # which a network's batch normalisation refuses
        return torch.zeros(0, tower.dimensions, device=device)
    if tower.modality == "text":
        texts = [seen.texts[row] for row in rows.tolist()]
        if noise is not None:
            rng = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
            texts = [noise(text, rng) for text in texts]
        tokens = tower.tokens(texts)
    else:
        pixels = seen.pixels[rows]
        tokens = {"pixels": pixels if noise is None else noise(pixels, generator)}
    return nn.functional.normalize(tower(**{name: value.to(device) for name, value in tokens.items()}), dim=1)


def encode(towers: Mapping[str, nn.Module], seen: Inputs) -> np.ndarray:
    """The towers' vectors side by side, (n, d1 + d2), zero where a modality is missing."""
    n = len(seen.texts)
    blocks = {side: torch.zeros(n, tower.dimensions) for side, tower in towers.items()}
    with torch.inference_mode():
        for side, tower in towers.items():
            was = tower.training
            tower.eval()
            for rows in seen.present[side].nonzero().ravel().split(BATCH):
                blocks[side][rows] = vectors(tower, seen, rows).cpu()
            tower.train(was)
    return torch.cat(list(blocks.values()), dim=1).numpy()


class TowerEncoder:
    """One of the towers, or both side by side ("product"), as an `Encoder`: unit vectors, zero where nothing is there."""

    def __init__(self, towers: nn.ModuleDict, modality: str, settings: Mapping[str, Any]) -> None:
        offered = [*towers, *(["product"] if len(towers) == 2 else [])]
        if modality not in offered:
            raise ValueError(f"these towers encode {offered}, not {modality!r}")
        sides = [modality] if modality != "product" else list(towers)
        self.modality, self._towers = modality, nn.ModuleDict({side: towers[side] for side in sides})
        self._fields, self._options = settings["fields"], settings["options"]
        kinds = "+".join(Path(settings[side]).name for side in sides)  # of a folder its name: the weights are hashed
        self.name = f"towers:{kinds}({modality},{'+'.join(self._fields)})"

    @property
    def state(self) -> str:
        """A hash of the weights as they are now."""
        return digest_state(self._towers, self._options)

    @property
    def parameters(self) -> int:
        """How many weights the towers have."""
        return count(self._towers)

    def fit(self, train: Catalogue) -> Self:
        """Nothing to learn here: `Towers.fit` has the labels."""
        return self

    def contents(self, catalogue: Catalogue) -> Sequence[bytes | None]:
        """Each product's text, photo file, or both."""
        texts = TextReader(fields=self._fields).contents(catalogue)
        photos = PhotoEncoder().contents(catalogue)
        seen = {"text": texts, "image": photos}
        rows = zip(*(seen[side] for side in self._towers), strict=True)
        return [b"\0".join(part or b"" for part in row) if any(row) else None for row in rows]

    def encode(self, catalogue: Catalogue) -> np.ndarray:
        """Vectors (n, dimensions of the towers side by side); the cosine of two products is the mean of their towers'."""
        return encode(self._towers, read(catalogue, self._towers, self._fields))
