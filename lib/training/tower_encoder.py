"""What towers read of a catalogue, their vectors of it, and the encoders that they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Generator, Tensor, nn

from lib.data.catalogue import Catalogue
from lib.encoders.base import count, digest_state
from lib.encoders.clean import TextReader
from lib.encoders.device import device_of
from lib.encoders.image import PhotoEncoder
from lib.training.augment import PhotoNoise, TextNoise

BATCH = 256  # rows encoded at once


@dataclass(frozen=True)
class Products:
    """Texts, photos as `pixels` (n, 3, h, w) uint8, and by modality who has it, (n,) bool."""

    texts: Sequence[str]
    pixels: Tensor | None
    present: Mapping[str, Tensor]


def read(
    catalogue: Catalogue, towers: Mapping[str, nn.Module], fields: Sequence[str] = ("title",)
) -> Products:
    """What these towers read.

    Photos are held in memory, n * 3 * h * w bytes: 40 MB for 6,000 of 48 pixels.
    """
    texts = TextReader(fields=fields).texts(catalogue)
    paths = catalogue.items["image"].tolist()
    there = {"text": [bool(t.strip()) for t in texts], "image": [bool(p) for p in paths]}
    present = {side: torch.tensor(there[side], dtype=torch.bool) for side in towers}
    pixels = None
    if "image" in towers:
        shown = towers["image"].photos([p for p in paths if p])
        pixels = shown.new_zeros(len(paths), *shown.shape[1:])
        pixels[present["image"]] = shown
    return Products(texts, pixels, present)


def vectors(
    tower: nn.Module,
    products: Products,
    rows: Tensor,
    *,
    noise: TextNoise | PhotoNoise | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """A tower's unit vectors of these rows, (b,) -> (b, d), which must have its modality.

    `noise` changes what the tower is shown, drawn from the generator.
    """
    device = device_of(tower)
    if not len(rows):  # which a network's batch normalisation refuses
        return torch.zeros(0, tower.dimensions, device=device)
    if tower.modality == "text":
        seen = [products.texts[row] for row in rows.tolist()]
        if noise:
            rng = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
            seen = [noise(text, rng) for text in seen]
    else:
        seen = products.pixels[rows]
        seen = (noise(seen, generator) if noise else seen).to(device)
    return nn.functional.normalize(tower(seen), dim=1)


def encode(towers: Mapping[str, nn.Module], products: Products) -> np.ndarray:
    """The towers' vectors side by side, (n, d1 + d2), zero where a modality is missing."""
    blocks = []
    with torch.inference_mode():
        for side, tower in towers.items():
            tower.eval()
            block = torch.zeros(len(products.texts), tower.dimensions)
            for rows in products.present[side].nonzero().ravel().split(BATCH):
                block[rows] = vectors(tower, products, rows).cpu()
            blocks.append(block)
    return torch.cat(blocks, dim=1).numpy()


class TowerEncoder:
    """One of the towers, or both side by side ("product"), as an `Encoder`: unit vectors."""

    def __init__(self, towers: nn.ModuleDict, modality: str, settings: Mapping[str, Any]) -> None:
        offered = [*towers, *(["product"] if len(towers) == 2 else [])]
        if modality not in offered:
            raise ValueError(f"these towers encode {offered}, not {modality!r}")
        sides = list(towers) if modality == "product" else [modality]
        self.modality = modality
        self._towers = nn.ModuleDict({side: towers[side] for side in sides})
        self._fields, self._options = settings["fields"], settings["options"]
        # of a folder its name: the weights are hashed
        kinds = "+".join(Path(settings[side]).name for side in sides)
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
        readers = {"text": TextReader(fields=self._fields), "image": PhotoEncoder()}
        seen = [readers[side].contents(catalogue) for side in self._towers]
        return [
            b"\0".join(part or b"" for part in parts) if any(parts) else None
            for parts in zip(*seen, strict=True)
        ]

    def encode(self, catalogue: Catalogue) -> np.ndarray:
        """Vectors (n, d), zero where nothing is there; a cosine is the mean of the towers'."""
        return encode(self._towers, read(catalogue, self._towers, self._fields))
