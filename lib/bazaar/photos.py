"""Photos of generated products: the picture of a look and a shot (see looks.py).

A small software renderer with a real viewpoint, light and shade. It is not a source of realistic images: its use is
that what two photos share (the look) and what they do not (the shot) are known exactly.
"""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageFilter

from lib.bazaar.looks import PATTERNS, Look, Shot
from lib.bazaar.raster import Mesh, join, visible
from lib.bazaar.shade import backdrop, blend, shade
from lib.bazaar.shapes import SHAPES
from lib.bazaar.surfaces import Part
from lib.bazaar.views import Camera, Lamp, axes

SUPERSAMPLING = 2


def draw(look: Look, shot: Shot, *, size: int = 160) -> Image.Image:
    """The photo as an RGB image of size x size pixels, before the JPEG's own losses."""
    (parts, product), fine = _product(look), size * SUPERSAMPLING
    camera = Camera.fit(product.points, axes(shot.azimuth, shot.elevation), zoom=shot.zoom, shift=shot.shift)
    lamp = Lamp.on(product, axes(shot.azimuth + shot.light[0], shot.light[1]))
    seen = visible(product, camera.screen(product.points, fine), fine)
    colour = shade(product, seen, parts, camera, lamp, look=look, shot=shot, size=fine)  # (3, n)
    shadow = Image.fromarray(lamp.shadow(product, camera, size // 2)).resize((size, size), Image.Resampling.BILINEAR)
    return _develop(blend(backdrop(shot, size) * np.asarray(shadow), colour, seen.pixel, fine), shot)


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
        grey += shot.noise * np.random.default_rng(shot.seed).standard_normal(grey.shape[1:], np.float32)
    grey += 0.5
    picture = Image.fromarray(np.clip(grey, 0, 255, out=grey).astype(np.uint8).transpose(1, 2, 0).copy())
    return picture.filter(ImageFilter.GaussianBlur(shot.blur * picture.width / 160)) if shot.blur else picture
