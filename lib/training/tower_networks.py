"""Towers that are trained from nothing: a text and a photo network for small data.

Towers that start from a checkpoint are in `pretrained_towers.py`; what trains them is in
`towers.py`.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock
from torchvision.transforms.v2.functional import pil_to_tensor

from lib.encoders.device import autocast
from lib.encoders.image import open_photo
from lib.encoders.lexical import words


class BagTower(nn.Module):
    """Texts as the sum of a vector for each hashed word and character trigram, then a residual
    layer, (b, dimensions).

    Its random vectors, weighted by how rare a feature is among the texts that `learn` reads,
    approximate TF-IDF (Johnson and Lindenstrauss 1984): the tower starts as a lexical encoder and
    training moves what the texts teach; a word never seen keeps the vector that its spelling gives
    it.
    """

    modality = "text"

    def __init__(self, *, dimensions: int = 128, buckets: int = 2**13) -> None:
        super().__init__()
        self.dimensions, self.buckets = dimensions, buckets
        self.bag = nn.EmbeddingBag(buckets, dimensions, mode="sum")
        self.layer = nn.Sequential(
            nn.LayerNorm(dimensions),
            nn.Linear(dimensions, 2 * dimensions),
            nn.GELU(),
            nn.Linear(2 * dimensions, dimensions),
        )
        nn.init.zeros_(self.layer[-1].weight)  # the residual layer starts as nothing
        self.register_buffer("rarity", torch.ones(buckets))

    def learn(self, texts: Sequence[str]) -> None:
        """Weigh each feature by how few of these texts have it (as TF-IDF does), once: later calls
        change nothing.
        """
        if (self.rarity != 1).any():
            return
        counts = np.zeros(self.buckets, np.float32)
        for text in texts:
            counts[self._features(text)] += 1
        self.rarity = torch.as_tensor(
            np.log((1 + len(texts)) / (1 + counts)) + 1, device=self.rarity.device
        )

    def forward(self, texts: Sequence[str]) -> Tensor:
        """b texts -> (b, d)."""
        device = self.rarity.device
        found = [self._features(text) for text in texts]
        features = torch.as_tensor(np.concatenate([*found, []]).astype(int), device=device)
        begins = torch.as_tensor(np.cumsum([0, *map(len, found)])[:-1], device=device)
        bag = self.bag(features, begins, per_sample_weights=self.rarity[features])  # (b, d)
        scale = bag.norm(dim=1, keepdim=True).detach() / self.dimensions**0.5
        return bag + scale * self.layer(bag)

    def _features(self, text: str) -> np.ndarray:
        found = {bucket for word in words(text) for bucket in _hashes(word, self.buckets)}
        return np.array(sorted(found), int)


@functools.lru_cache(2**16)
def _hashes(word: str, buckets: int) -> tuple[int, ...]:
    framed = f" {word} "
    parts = [word, *(f"#{framed[i : i + 3]}" for i in range(len(framed) - 2))]
    return tuple(zlib.crc32(part.encode()) % buckets for part in parts)


class PhotoTower(nn.Module):
    """Photos through a residual network of seven convolutions (after He et al. 2016), (b,
    dimensions).

    `size` is the side of the square that a photo is padded to, in pixels; `width` the number of the
    first layer's filters.
    """

    modality = "image"

    def __init__(self, *, dimensions: int = 128, size: int = 48, width: int = 32) -> None:
        super().__init__()
        if size < 32:
            raise ValueError(
                f"photos are halved four times: give a size of 32 pixels or more, got {size}"
            )
        self.dimensions, self.size = dimensions, size
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            _halving(width),
            _halving(2 * width),
            _halving(4 * width),
        )
        self.head = nn.Linear(8 * width, dimensions)
        self.to(memory_format=torch.channels_last)

    def photos(self, paths: Sequence[str]) -> Tensor:
        """What `forward` takes: the photos as squares, (n, 3, size, size) uint8."""
        return squares(paths, self.size)

    def forward(self, pixels: Tensor) -> Tensor:
        """(b, 3, size, size) uint8 -> (b, d)."""
        pixels = ((pixels.float() - 127.5) / 64).contiguous(memory_format=torch.channels_last)
        with autocast(pixels.device):
            maps = self.body(pixels)  # (b, 8 width, size / 16, size / 16)
        return self.head(maps.mean((2, 3)).float())


def _halving(width: int) -> nn.Module:
    """A residual block that halves the sides and doubles the filters, (b, w, h, h) -> (b, 2 w, h /
    2, h / 2).

    Its shortcut takes the mean of four places, where torchvision's would leave three of them out.
    """
    block = BasicBlock(width, 2 * width, stride=2)
    block.downsample = nn.Sequential(
        nn.AvgPool2d(2, ceil_mode=True),
        nn.Conv2d(width, 2 * width, 1, bias=False),
        nn.BatchNorm2d(2 * width),
    )
    return block


def squares(paths: Sequence[str], size: int) -> Tensor:
    """Photos whole on white squares, (n, 3, size, size) uint8.

    Raises ValueError for a photo that cannot be read.
    """

    def square(path: str) -> Tensor:
        photo = open_photo(path)
        whole = ImageOps.pad(photo, (size, size), color="white", method=Image.Resampling.BILINEAR)
        return pil_to_tensor(whole)

    with ThreadPoolExecutor() as pool:  # Pillow lets go of the interpreter while it decodes
        found = list(pool.map(square, paths))
    return torch.stack(found) if found else torch.zeros(0, 3, size, size, dtype=torch.uint8)
