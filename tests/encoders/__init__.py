"""What the tests of encoders share: small catalogues of titles or of photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from lib.data.catalogue import Catalogue


def listed(**columns: list) -> Catalogue:
    """A catalogue of these columns, its ids i0, i1, ...."""
    size = len(next(iter(columns.values())))
    return Catalogue("shop", pd.DataFrame(columns, index=[f"i{n}" for n in range(size)]))


def titles(*texts: str | None, **columns: list) -> Catalogue:
    return listed(title=list(texts), **columns)


def photos(*paths: Path | None) -> Catalogue:
    return listed(image=[path and str(path) for path in paths])


def noise(seed: int, *size: int) -> Image.Image:
    """A photo of smooth random colours."""
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)


def cosines(vectors: np.ndarray) -> np.ndarray:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T
