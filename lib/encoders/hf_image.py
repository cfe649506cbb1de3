"""Any Hugging Face vision model: ViT, DINOv2, ResNet, ConvNeXt, Swin, the image towers of CLIP and SigLIP, ….

A model comes with its own image processor from the same folder, which resizes, crops and normalises.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from lib.encoders.base import Pretrained
from lib.encoders.image import PhotoEncoder, open_photo

if TYPE_CHECKING:
    import torch


class Processed(Pretrained, PhotoEncoder):
    """What photo models of Hugging Face share: the folder's image processor prepares each photo."""

    kind = "vision model"

    @functools.cached_property
    def processor(self):  # noqa: ANN201 - a transformers class chosen by the folder
        """The model's own image processor."""
        return self._load("AutoImageProcessor", "image processor")

    @functools.cached_property
    def dimensions(self) -> int:  # type: ignore[override]
        """How many features the model gives."""
        return self._vectors([self._pixels(Image.new("RGB", (64, 64)))]).shape[1]

    def _prepare(self, path: str) -> torch.Tensor:
        return self._pixels(open_photo(path, grey=self.grey))

    def _pixels(self, photo: Image.Image) -> torch.Tensor:
        return self.processor(photo, return_tensors="pt")["pixel_values"][0]  # (3, h, w)

    def _vectors(self, prepared: list[torch.Tensor]) -> np.ndarray:
        import torch

        with torch.inference_mode():
            return self._features(torch.stack(prepared)).flatten(1).numpy()  # (b, 3, h, w) -> (b, d)

    def _features(self, pixels: torch.Tensor) -> torch.Tensor:
        raise TypeError(f"{type(self).__name__} must say how pixels become features")


class HfImageEncoder(Processed):
    """A vision model's pooled output, (n, hidden size), before any projection into a joint space (see `joint.py`).

    That is its own pooler where the files hold one; else the class token where the model has one (a ViT trained
    as a classifier has no pooler, and one drawn at random would spoil it); else the mean over places.
    `grey=True` takes the colours out.
    """

    def __init__(self, model: str | Path, *, grey: bool = False) -> None:
        super().__init__(model)
        self.grey = grey
        self.name = f"hf-image:{Path(model).name}({'grey' if grey else 'colour'})"

    @functools.cached_property
    def _loaded(self) -> tuple[torch.nn.Module, bool]:
        model, pooler = self.weights()
        return getattr(model, "vision_model", model), pooler  # of CLIP and SigLIP the image tower alone

    @property
    def model(self) -> torch.nn.Module:
        """The vision model in evaluation mode."""
        return self._loaded[0]

    def _features(self, pixels: torch.Tensor) -> torch.Tensor:
        model, has_pooler = self._loaded
        output = model(pixel_values=pixels)
        if has_pooler and getattr(output, "pooler_output", None) is not None:
            return output.pooler_output
        if any(name.endswith(("cls_token", "class_embedding")) for name, _ in model.named_parameters()):
            return output.last_hidden_state[:, 0]  # (b, t, d) -> (b, d)
        if output.last_hidden_state.ndim == 4:
            return output.last_hidden_state.mean((2, 3))  # (b, d, h, w) -> (b, d)
        return output.last_hidden_state.mean(1)
