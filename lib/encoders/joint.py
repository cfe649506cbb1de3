"""Encoders of a joint space of texts and photos: CLIP, SigLIP and their kin, one tower at a time.

Both towers of a checkpoint give vectors of one space, so that `search` finds photos by text and texts by photo.
A modality gap stays between them: compare text with photo by rank, and don't mix both kinds in one corpus.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.catalogue import Catalogue
from lib.encoders.base import Pretrained
from lib.encoders.clean import TextReader
from lib.encoders.hf_image import Processed

if TYPE_CHECKING:
    import torch

BATCH = 64  # texts


class Tower(Pretrained):
    """What both towers share: the checkpoint, which must be of the `family` that it is called."""

    kind = "model of texts and images"
    family: str

    @functools.cached_property
    def model(self) -> torch.nn.Module:
        """The whole model, both towers, in evaluation mode."""
        model, _ = self.weights()
        kind = model.config.model_type
        if self.family not in kind or not hasattr(model, "get_text_features"):  # "chinese_clip", "siglip2", …
            raise RuntimeError(f"{self.folder} holds a {kind!r}, not a {self.family} with both towers")
        return model


class TextTower(TextReader, Tower):
    """Texts in the joint space, (n, projection), cut where the tower's positions end (CLIP: 77 tokens, SigLIP: 64)."""

    def __init__(self, model: str | Path, family: str, **reading: Any) -> None:
        TextReader.__init__(self, **reading)
        Tower.__init__(self, model)
        self.family = family
        self.name = f"{family}:{Path(model).name}(text,{self.reads})"

    def encode(self, catalogue: Catalogue) -> np.ndarray:
        """Vectors (n, projection), not normalised; zero for an empty text."""
        return self.encode_texts(self.texts(catalogue))

    def encode_texts(self, texts: list[str]) -> np.ndarray:
        """Vectors of plain texts, (n, projection)."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        present = [i for i, text in enumerate(texts) if text.strip()]
        for first in range(0, len(present), BATCH):
            rows = present[first : first + BATCH]
            vectors[rows] = self._vectors([texts[i] for i in rows])
        return vectors

    @functools.cached_property
    def dimensions(self) -> int:
        """How many features the tower gives."""
        return self._vectors(["-"]).shape[1]

    def _vectors(self, texts: list[str]) -> np.ndarray:
        import torch

        # SigLIP reads its last place and was trained on texts filled up to the full length, without a mask
        filled = self.family == "siglip"
        tokens = self.tokenizer(
            texts,
            padding="max_length" if filled else True,
            truncation=True,
            max_length=self.model.config.text_config.max_position_embeddings,
            padding_side="right",
            return_attention_mask=not filled,
            return_tensors="pt",
        )
        tokens.pop("token_type_ids", None)
        with torch.inference_mode():
            return self.model.get_text_features(**tokens).pooler_output.numpy()


class ImageTower(Tower, Processed):
    """Photos in the joint space, (n, projection)."""

    def __init__(self, model: str | Path, family: str, *, grey: bool = False) -> None:
        super().__init__(model)
        self.family, self.grey = family, grey
        self.name = f"{family}:{Path(model).name}(image{',grey' if grey else ''})"

    def _features(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.model.get_image_features(pixel_values=pixels).pooler_output


def clip(model: str | Path, *, tower: str = "image", **options: Any) -> TextTower | ImageTower:
    """One tower of a CLIP (also Chinese-CLIP, …): `tower` is "text" or "image"; further options are the tower's."""
    return _tower(model, "clip", tower, options)


def siglip(model: str | Path, *, tower: str = "image", **options: Any) -> TextTower | ImageTower:
    """One tower of a SigLIP or SigLIP 2 of fixed resolution: `tower` is "text" or "image"; further options are its own."""
    return _tower(model, "siglip", tower, options)


def _tower(model: str | Path, family: str, tower: str, options: dict[str, Any]) -> TextTower | ImageTower:
    towers = {"text": TextTower, "image": ImageTower}
    if tower not in towers:
        raise ValueError(f'tower is "text" or "image", got {tower!r}')
    return towers[tower](model, family, **options)
