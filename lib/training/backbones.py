"""Towers that start from a checkpoint: a text model, a torchvision classifier, or both towers of a CLIP.

Each comes with its own tokenizer or photo processing. Towers that start from nothing are in `networks.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from lib.encoders.image import TorchvisionEncoder, open_photo
from lib.encoders.joint import ImageTower
from lib.encoders.text import TextEncoder, minilm, pool
from lib.training.networks import fast, squares


class TextModelTower(nn.Module):
    """A Hugging Face text model from a folder, or the bundled "minilm", and a linear map into the joint space."""

    modality = "text"

    def __init__(self, model: str | Path, *, dimensions: int = 128, pooling: str = "mean", max_tokens: int = 64) -> None:
        super().__init__()
        options = {"pooling": pooling, "max_tokens": max_tokens, "precision": "float32"}
        source = minilm(**options) if str(model) == "minilm" else TextEncoder(model, **options)
        self.dimensions, self.pooling, self.max_tokens = dimensions, pooling, max_tokens
        self.tokenizer, self.model = source.tokenizer, source.model
        self.head = nn.Linear(self.model.config.hidden_size, dimensions)

    def tokens(self, texts: Sequence[str]) -> dict[str, torch.Tensor]:
        """What `forward` takes: token numbers and their mask, (b, t) each."""
        return _tokens(self.tokenizer, texts, self.max_tokens, self.model.config)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """(b, t), (b, t) -> (b, d)."""
        with fast(input_ids.device):
            hidden = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # (b, t, hidden)
        return self.head(pool(hidden.float(), attention_mask, self.pooling))

    def export(self, folder: Path) -> str:
        """Write the model into a folder, in a form that `encoder("hf:…")` reads; returns where, from there."""
        self.model.save_pretrained(folder / "text")
        self.tokenizer.save_pretrained(folder / "text")
        return "hf:text"


class TorchvisionTower(nn.Module):
    """A torchvision classifier without its last layer, `weights` as `TorchvisionEncoder` has them, and a linear map.

    Photos are `size` pixels wide, as the classifier was trained if not given; smaller is faster, by the square.
    """

    modality = "image"

    def __init__(
        self,
        model: str,
        *,
        dimensions: int = 128,
        weights: str | Path | None = "DEFAULT",
        size: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        from torchvision.models import get_model_weights

        source = TorchvisionEncoder(model, weights=weights, seed=seed)
        known = get_model_weights(model)
        preset = (known.__members__.get("IMAGENET1K_V1") or known.DEFAULT).transforms()
        self.dimensions, self.size, self.model = dimensions, size or preset.crop_size[0], source.model
        self.head = nn.Linear(source.dimensions, dimensions)
        self.register_buffer("mean", 255 * torch.tensor(preset.mean)[:, None, None], persistent=False)
        self.register_buffer("spread", 255 * torch.tensor(preset.std)[:, None, None], persistent=False)

    def photos(self, paths: Sequence[str]) -> torch.Tensor:
        """What `forward` takes: the photos as squares, (n, 3, size, size) uint8."""
        return squares(paths, self.size)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """(b, 3, size, size) uint8 -> (b, d)."""
        seen = ((pixels.float() - self.mean) / self.spread).contiguous(memory_format=torch.channels_last)
        with fast(seen.device):
            features = self.model(seen).flatten(1)  # (b, features)
        return self.head(features.float())


class ClipTextTower(nn.Module):
    """The text tower of a CLIP; its vectors are as wide as the checkpoint's projection."""

    modality = "text"

    def __init__(self, source: ImageTower) -> None:
        super().__init__()
        self.tokenizer, self.model, self.dimensions = source.tokenizer, source.model, source.dimensions

    def tokens(self, texts: Sequence[str]) -> dict[str, torch.Tensor]:
        """What `forward` takes: token numbers and their mask, (b, t) each."""
        config = self.model.config.text_config
        return _tokens(self.tokenizer, texts, config.max_position_embeddings, config)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """(b, t), (b, t) -> (b, d)."""
        with fast(input_ids.device):
            return self.model.get_text_features(input_ids=input_ids, attention_mask=attention_mask).pooler_output.float()

    def export(self, folder: Path) -> str:
        """Write both towers into a folder, in a form that `encoder("clip:…")` reads; returns where, from there."""
        self.model.save_pretrained(folder / "clip")
        self.tokenizer.save_pretrained(folder / "clip")
        return "clip:clip"


class ClipPhotoTower(nn.Module):
    """The photo tower of a CLIP; photos are cut and scaled by the checkpoint's own processor."""

    modality = "image"

    def __init__(self, source: ImageTower) -> None:
        super().__init__()
        self.processor, self.model, self.dimensions = source.processor, source.model, source.dimensions
        for name, values in (("mean", self.processor.image_mean), ("spread", self.processor.image_std)):
            self.register_buffer(name, 255 * torch.tensor(values)[:, None, None], persistent=False)

    def photos(self, paths: Sequence[str]) -> torch.Tensor:
        """What `forward` takes: the photos cut by the processor, (n, 3, h, w) uint8; scaled only after augmentation."""
        plain = {"do_rescale": False, "do_normalize": False, "return_tensors": "pt"}
        made = [self.processor(open_photo(path), **plain)["pixel_values"][0] for path in paths]
        return torch.stack(made).round().clamp(0, 255).to(torch.uint8)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """(b, 3, h, w) uint8 -> (b, d)."""
        with fast(pixels.device):
            return self.model.get_image_features(pixel_values=(pixels.float() - self.mean) / self.spread).pooler_output.float()

    def export(self, folder: Path) -> str:
        """Write the photo processor beside what the text tower writes; returns where, from there."""
        self.processor.save_pretrained(folder / "clip")
        return "clip:clip"


def clip_towers(model: str | Path) -> dict[str, nn.Module]:
    """Both towers of a CLIP by name or folder; they share one model, which training changes as a whole."""
    source = ImageTower(model, "clip")
    return {"text": ClipTextTower(source), "image": ClipPhotoTower(source)}


def _tokens(tokenizer: object, texts: Sequence[str], most: int, config: object) -> dict[str, torch.Tensor]:
    most = min(most, getattr(config, "max_position_embeddings", most), tokenizer.model_max_length)
    made = tokenizer(list(texts), padding=True, truncation=True, max_length=most, padding_side="right", return_tensors="pt")
    return {name: made[name] for name in ("input_ids", "attention_mask")}
