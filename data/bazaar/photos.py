"""Photos of generated products: the picture of a look and a shot (see looks.py).

A small software renderer with a real viewpoint, light and shade. It is not a source of realistic
images: its use is that what two photos share (the look) and what they do not (the shot) are known
exactly.
"""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import shutil
import sys
import tempfile
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np
from filelock import FileLock
from PIL import Image, ImageFilter

from bazaar.looks import PATTERNS, Look, Photo, Shot
from bazaar.raster import Mesh, join, visible
from bazaar.shade import backdrop, blend, shade
from bazaar.shapes import SHAPES
from bazaar.surfaces import Part
from bazaar.views import Camera, Lamp, axes

SUPERSAMPLING = 2
# what these decide is written in a Photo; all other files say how a Photo becomes pixels
TABLES = {"__init__", "shop", "products", "words", "questions", "rewordings"}


def write_photos(photos: dict[str, Photo], cache: Path) -> dict[str, Path]:
    """The photos as JPEG files in a folder of `cache`, by product id.

    The folder is named by what the photos show and by the code that draws them. It is drawn when
    it is not there yet, and it appears whole. A second process waits for the first.
    """
    version = b"".join(p.read_bytes() for p in _drawing_code())
    shown = repr(sorted(photos.items())).encode()
    folder = cache / hashlib.sha256(shown + version).hexdigest()[:16]
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f".{folder.name}.lock"):  # two notebooks that start together draw once
        if not folder.is_dir():
            _draw_all(photos, folder)
    return {product: folder / f"{product}.jpg" for product in photos}


def _drawing_code() -> list[Path]:
    return sorted(p for p in Path(__file__).parent.glob("*.py") if p.stem not in TABLES)


def _draw_all(photos: dict[str, Photo], folder: Path) -> None:
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".draft-"))
    try:
        with _workers() as pool:
            files = pool.map(_photo_jpeg, photos.values(), chunksize=32)
            for product, data in zip(photos, files, strict=True):
                (draft / f"{product}.jpg").write_bytes(data)
        draft.chmod(0o755)  # mkdtemp's folders are private
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _workers() -> Executor:
    """Forked processes where that is safe: all others would run an unguarded script once more.

    Elsewhere threads draw as well, more slowly.
    """
    if sys.platform == "linux":
        return ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork"))
    return ThreadPoolExecutor()


def _photo_jpeg(photo: Photo) -> bytes:
    return jpeg(photo.look, photo.shot, size=photo.size)


def draw(look: Look, shot: Shot, *, size: int = 160) -> Image.Image:
    """The photo as an RGB image of size x size pixels, before the JPEG's own losses."""
    (parts, product), fine = _product(look), size * SUPERSAMPLING
    camera = Camera.fit(
        product.points, axes(shot.azimuth, shot.elevation), zoom=shot.zoom, shift=shot.shift
    )
    lamp = Lamp.on(product, axes(shot.azimuth + shot.light[0], shot.light[1]))
    seen = visible(product, camera.screen(product.points, fine), fine)
    colour = shade(product, seen, parts, camera, lamp, look=look, shot=shot, size=fine)  # (3, n)
    shadow = Image.fromarray(lamp.shadow(product, camera, size // 2)).resize(
        (size, size), Image.Resampling.BILINEAR
    )
    return _develop(
        blend(backdrop(shot, size) * np.asarray(shadow), colour, seen.pixel, fine), shot
    )


def jpeg(look: Look, shot: Shot, *, size: int = 160) -> bytes:
    """The photo as the bytes of a JPEG file of the shot's quality."""
    out = io.BytesIO()
    draw(look, shot, size=size).save(out, "JPEG", quality=shot.quality)
    return out.getvalue()


@lru_cache(maxsize=32)  # one product's photos are usually drawn one after another
def _product(look: Look) -> tuple[list[Part], Mesh]:
    for value, known, what in ((look.kind, SHAPES, "kind"), (look.pattern, PATTERNS, "pattern")):
        if value not in known:
            raise ValueError(f"unknown {what} {value!r}; the known ones are {', '.join(known)}")
    parts = SHAPES[look.kind](look)
    return parts, join(parts)


def _develop(scene: np.ndarray, shot: Shot) -> Image.Image:
    """From linear light (3, size, size) to a picture with the camera's blur and noise."""
    grey = np.sqrt(scene) * 255
    if shot.noise:  # of brightness only: what a phone leaves over after its own filter
        grey += shot.noise * np.random.default_rng(shot.seed).standard_normal(
            grey.shape[1:], np.float32
        )
    grey += 0.5
    picture = Image.fromarray(
        np.clip(grey, 0, 255, out=grey).astype(np.uint8).transpose(1, 2, 0).copy()
    )
    return (
        picture.filter(ImageFilter.GaussianBlur(shot.blur * picture.width / 160))
        if shot.blur
        else picture
    )
