"""Photos of generated products: what a product looks like, how one seller photographed it, and the picture of both.

A small software renderer with a real viewpoint, light and shade. It is not a source of realistic images: its use is
that what two photos share (the look) and what they do not (the shot) are known exactly.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageFilter

from lib.bazaar.raster import Mesh, join, visible
from lib.bazaar.shade import backdrop, blend, shade
from lib.bazaar.shapes import SHAPES
from lib.bazaar.surfaces import Colour, Part
from lib.bazaar.views import Camera, Lamp, axes

PATTERNS = ("plain", "stripes", "dots", "checks")
SUPERSAMPLING = 2
NEUTRALS = ((246, 246, 245), (236, 234, 230), (222, 224, 227), (205, 200, 192), (240, 236, 226), (178, 180, 184))
TINTS = ((196, 214, 224), (226, 204, 196), (206, 219, 200), (222, 211, 184), (150, 120, 92), (92, 100, 112))


@dataclass(frozen=True)
class Look:
    """What the product itself looks like: the same in every seller's photo of it."""

    kind: str  # a key of SHAPES
    colour: Colour  # of the body
    accent: Colour  # of the trim and of the pattern
    pattern: str  # one of PATTERNS
    form: tuple[float, float, float]  # proportions in [0, 1]: slim to wide, short to tall, a detail


@dataclass(frozen=True)
class Shot:
    """How one seller photographed it; angles are in degrees."""

    azimuth: float = 20.0  # of the camera: 0 the front, positive to the product's left hand, our right
    elevation: float = 15.0
    light: tuple[float, float] = (-40.0, 50.0)  # azimuth from the camera (negative: from the left), elevation
    warmth: float = 0.0  # -1 cold to 1 warm
    background: Colour = (240, 240, 240)
    zoom: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)  # of the product to the right and down, in frames
    blur: float = 0.0  # pixels at size 160
    noise: float = 0.0  # standard deviation, in grey levels
    quality: int = 90  # of the JPEG
    seed: int = 0  # of the noise only

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Shot:
        """A plausible seller: most use a plain light backdrop and stand about in front of the product."""
        palette = NEUTRALS if rng.random() < 0.75 else TINTS
        side = rng.choice((-1, 1))
        return cls(
            azimuth=float(np.clip(rng.normal(0, 22), -42, 42)),
            elevation=float(rng.uniform(5, 35)),
            light=(float(side * rng.uniform(15, 70)), float(rng.uniform(30, 70))),
            warmth=float(np.clip(rng.normal(0, 0.4), -1, 1)),
            background=tuple(int(c) for c in palette[rng.integers(len(palette))]),
            zoom=float(rng.uniform(0.8, 1.15)),
            shift=(float(rng.uniform(-0.05, 0.05)), float(rng.uniform(-0.05, 0.05))),
            blur=float(max(0.0, rng.normal(0.2, 0.4))),
            noise=float(rng.uniform(0, 5)),
            quality=int(rng.integers(45, 96)),
            seed=int(rng.integers(2**31)),
        )


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
