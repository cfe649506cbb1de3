"""A sneaker as surfaces: everything is drawn on the upper's own (s, t) coordinates; no light and no
camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from bazaar.surfaces import Part, between, capped, curve, posed, tube

if TYPE_CHECKING:
    from bazaar.looks import Look

WHITE, LINING = (240, 239, 234), (58, 54, 54)
MOUTH = (
    0.225,
    0.5,
    0.185,
    0.225,
)  # of the shoe, an ellipse on the upper: centre and half axes in (s, t)


def shoe(look: Look) -> list[Part]:
    """A sneaker seen from its side; thin to thick sole, low to high top, short to long toe."""
    thick, high, toe = look.form
    last = Last(between(0.11, 0.27, thick), between(0.6, 1.0, high), between(0.96, 1.22, toe))
    s, t = _ease(64)[:, None], np.linspace(0, 1, 49, dtype=np.float32)[None]
    parts = [Part(last.upper(s, t), look.colour, gloss=0.2, patterned=True)]
    return posed(
        parts
        + _sole(last, look)
        + _collar(last, look)
        + _laces(last, look)
        + _trim(last, look, bars=2 if toe < 0.5 else 4, cap=high > 0.5),
        "y",
        14,
    )


@dataclass(frozen=True)
class Last:
    """What a shoe is built on: s runs from heel (0) to toe (1), t from the near side (0) over the
    top to the far.
    """

    sole: float
    collar: float
    toe: float

    def width(self, s: np.ndarray) -> np.ndarray:
        """Half of the shoe's width."""
        return _along(
            s,
            (
                (0, 0),
                (0.012, 0.12),
                (0.05, 0.21),
                (0.16, 0.265),
                (0.4, 0.25),
                (0.68, 0.33),
                (0.86, 0.29),
                (0.95, 0.2),
                (0.988, 0.1),
                (1, 0),
            ),
        )

    def length(self, s: np.ndarray) -> np.ndarray:
        """The place along the shoe."""
        return np.where(s < 0.5, 2 * s - 1, (2 * s - 1) * self.toe)

    def height(self, s: np.ndarray) -> np.ndarray:
        """The upper's height above the sole."""
        c = self.collar
        return _along(
            s,
            (
                (0, c * 0.93),
                (0.05, c * 1.05),
                (0.2, c * 0.97),
                (0.38, c * 1.04),
                (0.48, max(0.53, c * 0.78)),
                (0.66, 0.38),
                (0.8, 0.29),
                (0.93, 0.23),
                (1, 0.1),
            ),
        )

    def upper(self, s: np.ndarray, t: np.ndarray, out: float = 0.0) -> np.ndarray:
        """Points of the upper, lifted by `out`; it sinks inside the mouth."""
        s, t = np.broadcast_arrays(np.asarray(s, float), np.asarray(t, float))
        ankle = np.clip((0.56 - s) / 0.16, 0, 1)
        side, up = np.cos(np.pi * t), np.abs(np.sin(np.pi * t)) ** 0.7
        lean = 1 - ankle * 0.26 * up
        ends = np.clip(
            np.minimum(s, 1 - s) / 0.03, 0, 1
        )  # both halves still meet at the heel and the toe
        z = (
            (self.width(s) + out * ends)
            * np.sign(side)
            * np.abs(side) ** (0.7 - 0.25 * ankle)
            * lean
        )
        inside = np.clip(
            1 - ((s - MOUTH[0]) / MOUTH[2]) ** 2 - ((t - MOUTH[1]) / MOUTH[3]) ** 2, 0, 1
        )
        y = self.sole + up * (self.height(s) + out) - np.sqrt(inside) * 0.55 * self.collar
        heel = np.clip(1 - s / 0.06, 0, 1) * up * 0.05  # the heel leans forward, as the ankle does
        return np.stack(
            [self.length(s) - out * np.clip(1 - s / 0.1, 0, 1) + heel, y, z], -1
        ).astype(np.float32)


def _ease(n: int) -> np.ndarray:
    """From 0 to 1, densest at both ends, where the outline turns."""
    return 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, n))


def _along(s: np.ndarray, points: tuple[tuple[float, float], ...]) -> np.ndarray:
    return np.interp(s, *_smooth(points))


@lru_cache(maxsize=8)
def _smooth(points: tuple[tuple[float, float], ...]) -> tuple[np.ndarray, np.ndarray]:
    x, y = curve(points, 80).T
    return np.maximum.accumulate(x), y


def _sole(last: Last, look: Look) -> list[Part]:
    """The slab underneath, with a line in the accent colour around it."""
    s = _ease(40)
    outline = [
        np.stack([last.length(s) * 1.02, 0 * s, side * (last.width(s) + 0.035)], 1)
        for side in (1, -1)
    ]
    ring = np.concatenate([outline[0], outline[1][::-1], outline[0][:1]])  # (81, 3)
    slab, line = (
        [ring * [1 + (f - 1) / 3, 0, f] + [0, y * last.sole, 0] for y, f in rows]
        for rows in (
            ((0, 0.97), (0.12, 1), (0.95, 1), (1.15, 0.97)),
            ((0.4, 1.0), (0.44, 1.03), (0.6, 1.03), (0.64, 1.0)),
        )
    )
    return [
        Part(capped(np.stack(slab).astype(np.float32), level=True), WHITE, gloss=0.25),
        Part(np.stack(line).astype(np.float32), look.accent, gloss=0.25),
    ]


def _collar(last: Last, look: Look) -> list[Part]:
    """The padded edge of the mouth, its lining and the tongue."""
    angle = np.linspace(0, 2 * np.pi, 49)
    r = np.linspace(0.03, 1.0, 9)[:, None]
    lining = last.upper(
        MOUTH[0] + MOUTH[2] * r * np.cos(angle), MOUTH[1] + MOUTH[3] * r * np.sin(angle), out=0.012
    )
    rim = last.upper(MOUTH[0] + MOUTH[2] * np.cos(angle), MOUTH[1] + MOUTH[3] * np.sin(angle))
    path = last.upper(np.array([0.62, 0.54, 0.47, 0.43]), 0.5, out=0.02)
    tip = path[-1] + np.array([[-0.06, 0.08, 0], [-0.09, 0.17, 0]], np.float32)
    tongue = curve(np.concatenate([path, tip]), 14)
    return [
        Part(lining, LINING, gloss=0.05, closed=False),
        Part(tube(rim, 0.034, plane=(0, 1, 0)), look.accent, gloss=0.1),
        Part(tube(tongue, 0.03, wide=4.6, sides=16), look.accent, gloss=0.1),
    ]


def _laces(last: Last, look: Look) -> list[Part]:
    """Four laces over the instep and the two strips that hold them."""
    t = np.linspace(0.37, 0.63, 11)
    laces = [
        tube(
            last.upper(np.full(11, s) + 0.004 * np.cos(9 * t), t, out=0.045),
            0.02,
            plane=(1, 0, 0),
            sides=8,
        )
        for s in (0.47, 0.525, 0.58, 0.635)
    ]
    s = np.linspace(0.43, 0.68, 12)[:, None]
    strips = [
        last.upper(s, np.linspace(a, b, 6)[None], out=0.014) for a, b in ((0.3, 0.41), (0.59, 0.7))
    ]
    return [
        *(Part(strip, look.accent, gloss=0.2) for strip in strips),
        *(Part(lace, WHITE, gloss=0.1) for lace in laces),
    ]


def _trim(last: Last, look: Look, *, bars: int, cap: bool) -> list[Part]:
    """Slanted bars on both sides, a heel tab and, on high tops, a rubber cap over the toe."""
    t = np.linspace(0.02, 0.3, 10)[None]
    s = np.linspace(0, 0.035, 4)[:, None]
    grids = []
    for bar in range(
        bars if look.pattern == "plain" else 0
    ):  # over a pattern they would only be clutter
        slant = s + 0.42 + 0.07 * bar - 0.25 * t
        grids += [last.upper(slant, t, out=0.013), last.upper(slant, 1 - t, out=0.013)]
    grids.append(
        last.upper(np.linspace(0, 0.05, 8)[:, None], np.linspace(0.06, 0.94, 25)[None], out=0.014)
    )
    toe = last.upper(1 - 0.15 * _ease(14)[:, None], np.linspace(0, 1, 31)[None], out=0.014)
    trim = [Part(grid, look.accent, gloss=0.25) for grid in grids]
    return [*trim, Part(toe, WHITE, gloss=0.3)] if cap else trim
