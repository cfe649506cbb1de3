"""Towers that start from a checkpoint: a text model, a torchvision classifier, or a CLIP.

Each comes with its encoder's tokenizer or photo processing. Towers that start from nothing are in
`tower_networks.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torchvision.transforms.v2 import Normalize

from lib.encoders import encoder
from lib.encoders.base import Encoder
from lib.encoders.device import autocast
from lib.encoders.image import open_photo
from lib.encoders.image_networks import PhotoNetwork, TorchvisionEncoder
from lib.encoders.joint import ImageTower, TextTower
from lib.encoders.text import TextEncoder
from lib.training.tower_networks import squares


class TextModelTower(nn.Module):
    """A text encoder, "minilm" or "hf:folder", and a linear map into the joint space."""

    modality = "text"

    def __init__(
        self, spec: str, *, dimensions: int = 128, max_tokens: int = 64, **options: object
    ) -> None:
        super().__init__()
        self.source = _source(spec, TextEncoder, max_tokens=max_tokens, **options)
        self.model, self.dimensions = self.source.load_model(), dimensions
        self.head = nn.Linear(self.model.config.hidden_size, dimensions)

    def forward(self, texts: Sequence[str]) -> Tensor:
        """b texts -> (b, d)."""
        with autocast(self.model.device):
            vectors = self.source.pooled(self.model, self.source.tokens(texts))  # (b, hidden)
        return self.head(vectors)


class ClipTextTower(nn.Module):
    """The text tower of a CLIP; its vectors are as wide as the checkpoint's projection.

    `temperature` is the one that the checkpoint was trained to.
    """

    modality = "text"

    def __init__(self, source: TextTower) -> None:
        super().__init__()
        self.source, self.model, self.dimensions = source, source.model, source.dimensions
        self.temperature = math.exp(-self.model.logit_scale.item())

    def forward(self, texts: Sequence[str]) -> Tensor:
        """b texts -> (b, d)."""
        tokens = self.source.tokens(list(texts)).to(self.model.device)
        with autocast(self.model.device):
            return self.model.get_text_features(**tokens).pooler_output.float()


class PhotoModelTower(nn.Module):
    """What photo encoders have in common as towers: they take pixels from 0 to 255, which are
    scaled, here, as their colours were when they were trained.
    """

    modality = "image"

    def __init__(
        self, source: PhotoNetwork, mean: Sequence[float], spread: Sequence[float]
    ) -> None:
        super().__init__()
        self.source, self.model, self.dimensions = source, source.model, source.dimensions
        self.head = nn.Identity()
        self.scale = Normalize(*((255 * torch.tensor(v)).tolist() for v in (mean, spread)))

    def forward(self, pixels: Tensor) -> Tensor:
        """(b, 3, h, w) uint8 -> (b, d)."""
        with autocast(pixels.device):
            features = self.source.features(self.scale(pixels.float())).flatten(1)
        return self.head(features.float())


class TorchvisionTower(PhotoModelTower):
    """A classifier without its last layer, "torchvision:name", and a linear map.

    Photos are `size` pixels wide, as the classifier was trained if not given; smaller is faster, by
    the square.
    """

    def __init__(
        self, spec: str, *, dimensions: int = 128, size: int | None = None, **options: object
    ) -> None:
        source = _source(spec, TorchvisionEncoder, **options)
        super().__init__(source, source.preset.mean, source.preset.std)
        self.size = size or source.preset.crop_size[0]
        self.head, self.dimensions = nn.Linear(source.dimensions, dimensions), dimensions

    def photos(self, paths: Sequence[str]) -> Tensor:
        """What `forward` takes: the photos as squares, (n, 3, size, size) uint8."""
        return squares(paths, self.size)


class ClipPhotoTower(PhotoModelTower):
    """The photo tower of a CLIP; photos are cut and scaled by the checkpoint's own processor."""

    def __init__(self, source: ImageTower) -> None:
        super().__init__(source, source.processor.image_mean, source.processor.image_std)

    def photos(self, paths: Sequence[str]) -> Tensor:
        """The photos cut by the processor, (n, 3, h, w) uint8; scaled only after augmentation."""
        cut, plain = self.source.processor, {"do_rescale": False, "do_normalize": False}
        made = [cut(open_photo(p), return_tensors="pt", **plain)["pixel_values"] for p in paths]
        return torch.cat(made).round().clamp(0, 255).to(torch.uint8)


def clip_towers(spec: str) -> dict[str, nn.Module]:
    """Both towers of "clip:folder"; they share one model, which training changes as a whole."""
    texts, photos = (encoder(spec, tower=side) for side in ("text", "image"))
    texts.model = photos.model
    return {"text": ClipTextTower(texts), "image": ClipPhotoTower(photos)}


def _source(spec: str, kind: type, **options: object) -> Encoder:
    made = encoder(spec, **options)
    if not isinstance(made, kind):
        raise ValueError(f"{spec!r} is no {kind.__name__}, so it cannot be a tower")
    return made
