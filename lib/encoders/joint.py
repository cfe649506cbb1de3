"""Texts and photos in one space: the two towers of a CLIP, a SigLIP or their kin.

Both towers of a checkpoint give vectors of one space, so that `search` finds photos by text and
texts by photo. A modality gap stays between them: compare text with photo by rank, and do not mix
both kinds in one corpus.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.encoders.base import Pretrained
from lib.encoders.image_networks import HfPhotoNetwork
from lib.encoders.text import PretrainedText

if TYPE_CHECKING:
    import torch

BATCH = 64  # texts


class Tower(Pretrained):
    """What both towers share: the checkpoint."""

    kind = "model of texts and images"

    @functools.cached_property
    def model(self) -> torch.nn.Module:
        """The whole model, both towers, in evaluation mode."""
        model = self.load_model()
        if not hasattr(model, "get_text_features"):
            kind = model.config.model_type
            raise RuntimeError(
                f"{self.folder} holds a {kind!r} model, which lacks one of the two towers; "
                "CLIP or SigLIP is needed"
            )
        return model


class TextTower(PretrainedText, Tower):
    """Texts in the joint space, (n, projection); CLIP reads 77 tokens, SigLIP 64."""

    def __init__(self, model: str | Path, **reading: Any) -> None:
        super().__init__(model, **reading)
        self.name = f"clip:{Path(model).name}(text,{self.reads})"

    @functools.cached_property
    def dimensions(self) -> int:
        """How many features the tower gives."""
        return self._vectors(["-"]).shape[1]

    def tokens(self, texts: list[str]) -> dict[str, torch.Tensor]:
        """What the tower reads of texts: token numbers (b, t) and, in a CLIP, their mask."""
        # SigLIP reads its last place: it was trained on texts filled up to the full length,
        # without a mask
        filled = "siglip" in self.model.config.model_type
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
        return tokens

    def _vectors(self, texts: list[str]) -> np.ndarray:
        import torch

        vectors = []
        for first in range(0, len(texts), BATCH):
            tokens = self.tokens(texts[first : first + BATCH]).to(self.model.device)
            with torch.inference_mode():
                vectors.append(self.model.get_text_features(**tokens).pooler_output.cpu().numpy())
        return np.vstack(vectors)


class ImageTower(Tower, HfPhotoNetwork):
    """Photos in the joint space, (n, projection)."""

    def __init__(self, model: str | Path) -> None:
        super().__init__(model)
        self.name = f"clip:{Path(model).name}(image)"

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """What the tower makes of a batch, (b, 3, h, w) -> (b, projection)."""
        return self.model.get_image_features(pixel_values=pixels).pooler_output


def clip(model: str | Path, *, tower: str = "image", **reading: Any) -> TextTower | ImageTower:
    """One tower of a CLIP or SigLIP: `tower` is "text" or "image"; texts are read by `reading`."""
    towers = {"text": TextTower, "image": ImageTower}
    if tower not in towers:
        raise ValueError(f'tower is "text" or "image", got {tower!r}')
    return towers[tower](model, **reading)
