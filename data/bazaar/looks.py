"""What a photo is drawn from: the look, which all photos of a product share, and the shot, which is
one seller's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bazaar.surfaces import Colour

PATTERNS = ("plain", "stripes", "dots", "checks")
NEUTRALS = (
    (246, 246, 245),
    (236, 234, 230),
    (222, 224, 227),
    (205, 200, 192),
    (240, 236, 226),
    (178, 180, 184),
)
TINTS = (
    (196, 214, 224),
    (226, 204, 196),
    (206, 219, 200),
    (222, 211, 184),
    (150, 120, 92),
    (92, 100, 112),
)


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

    azimuth: float = (
        20.0  # of the camera: 0 the front, positive to the product's left hand, our right
    )
    elevation: float = 15.0
    light: tuple[float, float] = (
        -40.0,
        50.0,
    )  # azimuth from the camera (negative: from the left), elevation
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
        """A plausible seller: most use a plain light backdrop and stand about in front of the
        product.
        """
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


@dataclass(frozen=True)
class Photo:
    """All that a photo is drawn from."""

    look: Look
    shot: Shot
    size: int
