"""Photos: how they are read, and three encoders that need no weights.

Networks that read photos are in `image_networks.py`. A product without a photo gets a zero row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image, ImageOps

from lib.data.catalogue import Catalogue

BATCH = 16  # photos: larger batches leave the processor's caches and take longer


class PhotoEncoder:
    """What image encoders share: photos in, one vector each.

    Subclasses set `name` and `dimensions` and say in `_prepare` what becomes of a photo.
    """

    modality = "image"
    state: str = "fixed"  # nothing is fitted: the name says all
    name: str
    dimensions: int
    _prepare: Callable[[str], Any]

    def fit(self, train: Catalogue) -> Self:
        """Nothing to learn."""
        return self

    def contents(self, catalogue: Catalogue) -> Sequence[bytes | None]:
        """The bytes of each photo's file."""
        return [_read(path) if path else None for path in catalogue.items["image"]]

    def encode(self, catalogue: Catalogue) -> np.ndarray:
        """Vectors (n, dimensions), not normalised.

        Raises ValueError for a photo that cannot be read.
        """
        paths = catalogue.items["image"].tolist()
        vectors = np.zeros((len(paths), self.dimensions), np.float32)
        present = [i for i, path in enumerate(paths) if path]
        with ThreadPoolExecutor() as pool:  # Pillow lets go of the interpreter while it decodes
            for first in range(0, len(present), BATCH):
                rows = present[first : first + BATCH]
                prepared = pool.map(self._prepare, [paths[i] for i in rows])
                vectors[rows] = self._vectors(list(prepared))
        return vectors

    def _vectors(self, prepared: list) -> np.ndarray:
        return np.stack(prepared)


class ColourHistogram(PhotoEncoder):
    """Hue-saturation-value histogram of the product's pixels, square-rooted, (n, 256).

    Shops photograph before plain backdrops, so pixels near the colour of their row's left and right
    edge count as background. The cosine of two square-rooted histograms is their Bhattacharyya
    coefficient.
    """

    name = "colour(hsv 16x4x4,foreground)"
    bins = (16, 4, 4)
    dimensions = 256
    distance = 30  # of a pixel's RGB from the backdrop's, 0 to 441

    def _prepare(self, path: str) -> np.ndarray:
        photo = open_photo(path).resize((64, 64))
        rgb = np.asarray(photo, np.float32)  # (64, 64, 3)
        edge = (rgb[:, :3].mean(axis=1) + rgb[:, -3:].mean(axis=1))[:, None] / 2  # (64, 1, 3)
        product = np.linalg.norm(rgb - edge, axis=2) > self.distance
        if product.mean() < 0.05:  # hardly anything stands out: take the whole photo
            product[:] = True
        hsv = np.asarray(photo.convert("HSV"), np.int64)[product]  # (p, 3)
        cell = hsv * np.array(self.bins) // 256
        code = (cell[:, 0] * self.bins[1] + cell[:, 1]) * self.bins[2] + cell[:, 2]
        return np.sqrt(np.bincount(code, minlength=self.dimensions) / len(code))


class Hog(PhotoEncoder):
    """Histograms of oriented gradients (Dalal and Triggs 2005) of 64 x 64 pixels, (n, 1764)."""

    name = "hog(64,9,8x8,2x2)"
    dimensions = 7 * 7 * 2 * 2 * 9

    def _prepare(self, path: str) -> np.ndarray:
        from skimage.feature import hog

        grey = np.asarray(open_photo(path).convert("L").resize((64, 64)))
        return hog(grey, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(2, 2))


class PerceptualHash(PhotoEncoder):
    """ImageHash's phash: the signs of a photo's 64 lowest frequencies as +1 and -1, (n, 64).

    The cosine of two is 1 - 2 * Hamming distance / 64: 1 for the same photo in another size or
    compression, about 0 for two that have nothing in common.
    """

    name = "phash(8x8)"
    dimensions = 64

    def _prepare(self, path: str) -> np.ndarray:
        from imagehash import phash

        return np.where(phash(open_photo(path)).hash.ravel(), 1.0, -1.0)


def open_photo(path: str | Path) -> Image.Image:
    """The photo upright, as RGB, transparency on white.

    Raises ValueError where it is unreadable.
    """
    try:
        with Image.open(path) as photo:
            photo = ImageOps.exif_transpose(photo)
            if photo.mode.startswith("I"):  # 16-bit grey, which Pillow would cut off at 255
                grey = (np.asarray(photo, np.int64) >> 8).clip(0, 255)
                photo = Image.fromarray(grey.astype(np.uint8))
            if photo.mode in ("RGBA", "LA", "PA") or "transparency" in photo.info:
                photo = photo.convert("RGBA")
                photo = Image.alpha_composite(Image.new("RGBA", photo.size, "white"), photo)
            return photo.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"photo {path} cannot be read ({error}); replace it or leave it out of the catalogue"
        ) from error


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # Path.read_bytes takes twice as long for small files
        return file.read()
