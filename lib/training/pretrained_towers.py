"""Towers that start from a checkpoint: a text model, a torchvision classifier, or a CLIP.

Each comes with its encoder's tokenizer or photo processing. Towers that start from nothing are in
`tower_networks.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from lib.encoders import encoder
from lib.encoders.base import Encoder
from lib.encoders.device import autocast
from lib.encoders.image import open_photo
from lib.encoders.image_networks import TorchvisionEncoder
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

    def forward(self, texts: Sequence[str]) -> torch.Tensor:
        """b texts -> (b, d)."""
        with autocast(self.model.device):
            vectors = self.source.pooled(self.model, self.source.tokens(texts))  # (b, hidden)
        return self.head(vectors)


class TorchvisionTower(nn.Module):
    """A classifier without its last layer, "torchvision:name", and a linear map.

    Photos are `size` pixels wide, as the classifier was trained if not given; smaller is faster, by
    the square.
    """

    modality = "image"

    def __init__(
        self, spec: str, *, dimensions: int = 128, size: int | None = None, **options: object
    ) -> None:
        super().__init__()
        source = _source(spec, TorchvisionEncoder, **options)
        self.model, self.dimensions = source.model, dimensions
        self.size = size or source.preset.crop_size[0]
        self.head = nn.Linear(source.dimensions, dimensions)
        _keep_scale(self, source.preset.mean, source.preset.std)

    def photos(self, paths: Sequence[str]) -> torch.Tensor:
        """What `forward` takes: the photos as squares, (n, 3, size, size) uint8."""
        return squares(paths, self.size)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """(b, 3, size, size) uint8 -> (b, d)."""
        seen = (pixels.float() - self.mean) / self.spread
        with autocast(seen.device):
            features = self.model(seen.contiguous(memory_format=torch.channels_last)).flatten(1)
        return self.head(features.float())


class ClipTextTower(nn.Module):
    """The text tower of a CLIP; its vectors are as wide as the checkpoint's projection."""

    modality = "text"

    def __init__(self, source: TextTower) -> None:
        super().__init__()
        self.source, self.model, self.dimensions = source, source.model, source.dimensions

    def forward(self, texts: Sequence[str]) -> torch.Tensor:
        """b texts -> (b, d)."""
        tokens = self.source.tokens(list(texts)).to(self.model.device)
        with autocast(self.model.device):
            return self.model.get_text_features(**tokens).pooler_output.float()


class ClipPhotoTower(nn.Module):
    """The photo tower of a CLIP; photos are cut and scaled by the checkpoint's own processor."""

    modality = "image"

    def __init__(self, source: ImageTower) -> None:
        super().__init__()
        self.source, self.model, self.dimensions = source, source.model, source.dimensions
        _keep_scale(self, source.processor.image_mean, source.processor.image_std)

    def photos(self, paths: Sequence[str]) -> torch.Tensor:
        """The photos cut by the processor, (n, 3, h, w) uint8; scaled only after augmentation."""
        cut, plain = self.source.processor, {"do_rescale": False, "do_normalize": False}
        made = [cut(open_photo(p), return_tensors="pt", **plain)["pixel_values"] for p in paths]
        return torch.cat(made).round().clamp(0, 255).to(torch.uint8)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """(b, 3, h, w) uint8 -> (b, d)."""
        seen = (pixels.float() - self.mean) / self.spread
        with autocast(seen.device):
            return self.source.features(seen).float()


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


def _keep_scale(tower: nn.Module, mean: Sequence[float], spread: Sequence[float]) -> None:
    """Keep a preset's mean and standard deviation of colours, for pixels from 0 to 255."""
    for name, values in (("mean", mean), ("spread", spread)):
        each = 255 * torch.tensor(values)[:, None, None]
        tower.register_buffer(name, each, persistent=False)
