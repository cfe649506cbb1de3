"""Household products as surfaces: mug, teapot, bottle, vase, lamp, chair, pan; no light and no
camera.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bazaar.surfaces import (
    Part,
    between,
    box,
    capped,
    curve,
    fillet,
    lathe,
    moved,
    posed,
    stack,
    tube,
    turned,
)

if TYPE_CHECKING:
    from bazaar.looks import Look

STEEL, WOOD, CREAM = (196, 198, 202), (172, 128, 84), (244, 236, 216)


def mug(look: Look) -> list[Part]:
    """A cup with a handle; slim to wide, short to tall, straight to flared."""
    wide, tall, flare = look.form
    r, h = between(0.34, 0.52, wide), between(0.72, 1.15, tall)
    foot = r * between(1.0, 0.62, flare)
    wall = fillet([(0, 0), (foot - 0.03, 0), (foot, 0.04), (r, h)], 0.14)
    rim = lathe(
        fillet(
            [
                (r + 0.008, h - 0.014),
                (r + 0.008, h + 0.012),
                (r - 0.05, h + 0.012),
                (r - 0.05, h - 0.012),
            ],
            0.02,
        )
    )
    inside = lathe(fillet([(r - 0.05, h), (foot - 0.05, 0.08), (0, 0.08)], 0.12))
    a, b, out = h * 0.22, h * 0.8, between(0.2, 0.34, 1 - flare)
    ends = [foot + (r - foot) * y / h - 0.02 for y in (a, b)]
    path = fillet(
        [(ends[0], a, 0), (r + out * 0.75, a + 0.02, 0), (r + out, b, 0), (ends[1], b, 0)],
        0.3,
        steps=9,
    )
    return [
        Part(lathe(wall), look.colour, gloss=0.5, patterned=True),
        Part(rim, look.accent, gloss=0.5, closed=False),
        Part(inside, CREAM, gloss=0.4, hollow=True),
        Part(tube(path, 0.05, wide=1.5), look.accent, gloss=0.5),
    ]


def teapot(look: Look) -> list[Part]:
    """A pot with lid, spout and handle; slim to wide, flat to tall, short to long spout."""
    wide, tall, spout = look.form
    r, h = between(0.42, 0.62, wide), between(0.55, 0.9, tall)
    belly = curve(
        [
            (0.0, 0),
            (r * 0.62, 0.0),
            (r * 0.93, h * 0.28),
            (r, h * 0.5),
            (r * 0.8, h * 0.82),
            (r * 0.5, h),
        ],
        26,
    )
    lid = curve(
        [(r * 0.52, h - 0.01), (r * 0.44, h + 0.06), (r * 0.2, h + 0.13), (0, h + 0.15)], 10
    )
    knob = curve(
        [(0, h + 0.1), (0.035, h + 0.14), (0.08, h + 0.21), (0.05, h + 0.27), (0, h + 0.28)], 12
    )
    reach = between(0.34, 0.55, spout)
    nose = curve(
        [
            (-r * 0.8, h * 0.32, 0),
            (-r - reach * 0.45, h * 0.42, 0),
            (-r - reach * 0.65, h * 0.8, 0),
            (-r - reach, h * 1.02, 0),
        ],
        16,
    )
    ear = curve(
        [
            (r * 0.75, h * 0.84, 0),
            (r + 0.24, h * 0.92, 0),
            (r + 0.32, h * 0.55, 0),
            (r * 0.85, h * 0.2, 0),
        ],
        20,
    )
    return [
        Part(lathe(belly), look.colour, gloss=0.6, patterned=True),
        Part(lathe(lid), look.colour, gloss=0.6, patterned=True),
        Part(
            lathe(fillet([(r * 0.5, h - 0.02), (r * 0.56, h), (r * 0.5, h + 0.02)], 0.02)),
            look.accent,
            gloss=0.6,
            closed=False,
        ),
        Part(lathe(knob, turns=20), look.accent, gloss=0.6),
        Part(tube(nose, np.linspace(0.15, 0.055, 16)), look.colour, gloss=0.6),
        Part(tube(ear, 0.05, wide=1.4), look.accent, gloss=0.6),
    ]


def bottle(look: Look) -> list[Part]:
    """A drinking bottle with a cap and a carrying loop; slim to wide, short to tall, sloping to
    square shoulder.
    """
    wide, tall, square = look.form
    r, h = between(0.24, 0.4, wide), between(1.0, 1.6, tall)
    neck, shoulder = r * 0.55, between(0.42, 0.14, square)
    body = fillet(
        [(0, 0), (r, 0), (r, h - shoulder), (neck, h), (neck, h + 0.06)],
        between(0.12, 0.08, square),
        steps=7,
    )
    cap = fillet(
        [(0, h + 0.03), (neck + 0.03, h + 0.03), (neck + 0.03, h + 0.2), (0, h + 0.2)], 0.03
    )
    loop = curve(
        [
            (-neck, h + 0.15, 0),
            (-neck * 0.9, h + 0.33, 0),
            (0, h + 0.4, 0),
            (neck * 0.9, h + 0.33, 0),
            (neck, h + 0.15, 0),
        ],
        18,
    )
    band = [(r * 1.004, 0.1), (r * 1.02, 0.11), (r * 1.02, 0.19), (r * 1.004, 0.2)]
    return [
        Part(lathe(body), look.colour, gloss=0.62, patterned=True),
        Part(lathe(cap, turns=32), look.accent, gloss=0.35),
        Part(tube(loop, 0.03, wide=2.0), look.accent, gloss=0.3),
        Part(
            lathe([(neck + 0.012, h + 0.005), (neck + 0.012, h + 0.035)]),
            STEEL,
            gloss=0.8,
            metal=1,
            closed=False,
        ),
        Part(lathe(band), look.accent, gloss=0.4),
    ]


def vase(look: Look) -> list[Part]:
    """A bellied vase with a flared lip; slim to wide, short to tall, low to high belly."""
    wide, tall, high = look.form
    r, h = between(0.3, 0.56, wide), between(0.95, 1.5, tall)
    foot, neck, lip, at = (
        r * 0.5,
        r * between(0.28, 0.5, wide),
        r * between(0.5, 0.8, 1 - high),
        h * between(0.3, 0.62, high),
    )
    wall = curve(
        [
            (foot, 0.03),
            (between(foot, r, 0.8), at * 0.5),
            (r, at),
            (between(neck, r, 0.35), between(at, h, 0.55)),
            (neck, h * 0.88),
            (lip, h),
        ],
        40,
    )
    inner = np.stack([wall[::-1, 0] - 0.03, wall[::-1, 1]], 1)[:28]
    edge = lathe(
        fillet(
            [
                (lip, h - 0.015),
                (lip + 0.012, h + 0.01),
                (lip - 0.045, h + 0.01),
                (lip - 0.035, h - 0.02),
            ],
            0.02,
        )
    )
    return [
        Part(lathe(wall), look.colour, gloss=0.55, patterned=True),
        Part(lathe(inner), tuple(int(c * 0.45) for c in look.colour), gloss=0.1, hollow=True),
        Part(edge, look.accent, gloss=0.5, closed=False),
        Part(
            lathe(fillet([(0, 0), (foot + 0.03, 0), (foot + 0.02, 0.07), (0, 0.07)], 0.02)),
            look.accent,
            gloss=0.5,
        ),
    ]


def lamp(look: Look) -> list[Part]:
    """A table lamp; narrow to wide shade, short to tall stem, drum to cone."""
    wide, tall, cone = look.form
    low, h = between(0.36, 0.6, wide), between(0.5, 1.0, tall)
    top, high = low * between(0.85, 0.42, cone), h + between(0.42, 0.6, wide)
    base = fillet([(0, 0), (low * 0.58, 0), (low * 0.55, 0.06), (0.05, 0.12), (0, 0.12)], 0.04)
    bulb = curve(
        [
            (0.04, 0.1),
            (between(0.05, 0.16, cone), h * 0.3),
            (0.045, h * 0.7),
            (0.035, h * 0.85),
            (0.035, h + 0.2),
        ],
        22,
    )
    shade = lathe(np.linspace((low, h - 0.02), (top, high), 8), turns=64)
    rings = [
        lathe(fillet([(r, y - 0.018), (r + 0.014, y), (r, y + 0.018)], 0.01), turns=64)
        for r, y in ((low, h - 0.02), (top, high))
    ]
    return [
        Part(base_grid := lathe(base), look.accent, gloss=0.5),
        Part(lathe(bulb, turns=32), look.accent, gloss=0.5),
        Part(shade, look.colour, gloss=0.05, patterned=True, closed=False, glow=0.22),
        *(Part(ring, look.accent, gloss=0.2, closed=False, glow=0.05) for ring in rings),
        Part(moved(base_grid * np.float32(0.3), y=h), CREAM, glow=0.9),
    ]


def chair(look: Look) -> list[Part]:
    """A dining chair; slim to wide, low to high back, closed to slatted back."""
    wide, tall, slats = look.form
    w, d, seat, back = between(0.42, 0.6, wide), 0.5, 0.5, between(0.42, 0.72, tall)
    cushion = moved(box((w * 2 * 0.5 + 0.42, 0.11, d + 0.36), 0.05), y=seat)
    half = (w + 0.42) / 2
    top = seat + 0.12 + back
    legs = [
        tube(
            [(sx * (half - 0.1), seat, sz * 0.33), (sx * (half - 0.01), 0, sz * 0.43)],
            np.array([0.042, 0.026]),
            plane=(0, 0, 1),
        )
        for sx in (-1, 1)
        for sz in (-1, 1)
    ]
    posts = [
        tube([(sx * (half - 0.06), seat, -0.37), (sx * (half - 0.05), top - 0.05, -0.53)], 0.032)
        for sx in (-1, 1)
    ]
    rails = [tube([(-half + 0.07, 0.22, z), (half - 0.07, 0.22, z)], 0.02) for z in (-0.38, 0.38)]
    return [
        Part(cushion, look.colour, gloss=0.12, patterned=True, uv=cushion[..., ::2]),
        *(
            Part(panel, look.colour, gloss=0.12, patterned=True, uv=panel[..., :2])
            for panel in _chair_back(half, seat, back, slats)
        ),
        *(Part(leg, look.accent, gloss=0.3) for leg in (*legs, *posts, *rails)),
    ]


def _chair_back(half: float, seat: float, back: float, slats: float) -> list[np.ndarray]:
    """One panel, or from half of the scale on three or four slats, bent and leaning back."""
    n = 1 if slats < 0.5 else 3 if slats < 0.75 else 4
    height = back if n == 1 else back / n * 0.62
    middles = [seat + 0.12 + (k + 0.5) * back / n for k in range(n)]
    rows = [
        (-height / 2, 0.9),
        (-height / 2 + 0.02, 0.98),
        (height / 2 - 0.04, 1.0),
        (height / 2, 0.93),
    ]
    panels = []
    for y in middles:
        x = np.linspace(-1, 1, 13, dtype=np.float32)
        flat = np.array(
            [[(half * f * s, dy, -0.07 * (1 - s * s)) for s in x] for dy, f in rows], np.float32
        )
        half_thick = np.array([0, 0, 0.035], np.float32)
        thick = np.concatenate(
            [flat + half_thick, flat[::-1] - half_thick, flat[:1] + half_thick]
        )  # around and closed
        shell = thick.transpose(1, 0, 2)[::-1]
        panels.append(moved(turned(capped(shell), "x", -12), y=y, z=-0.37 - 0.22 * (y - seat)))
    return panels


def pan(look: Look) -> list[Part]:
    """A frying pan, tipped towards the viewer; small to wide, shallow to deep, short to long
    handle.
    """
    wide, deep, long = look.form
    r, h, reach = between(0.5, 0.68, wide), between(0.12, 0.34, deep), between(0.6, 1.0, long)
    outer = fillet([(0, 0), (r * 0.82, 0), (r, h)], 0.12, steps=8)
    inner = fillet([(r - 0.02, h), (r * 0.8, 0.03), (0, 0.03)], 0.1, steps=8)
    rim = fillet(
        [(r, h - 0.01), (r + 0.02, h + 0.012), (r - 0.025, h + 0.012), (r - 0.02, h - 0.01)], 0.01
    )
    path = curve(
        [
            (r * 0.93, h * 0.7, 0),
            (r + 0.15, h + 0.02, 0),
            (r + reach * 0.6, h + 0.1, 0),
            (r + reach, h + 0.1, 0),
        ],
        16,
    )
    neck = path[:5]
    parts = [
        Part(lathe(outer, turns=64), look.colour, gloss=0.45, patterned=True),
        Part(
            bowl := lathe(inner, turns=64),
            look.colour,
            gloss=0.35,
            patterned=True,
            hollow=True,
            uv=bowl[..., ::2],
        ),
        Part(lathe(rim, turns=64), STEEL, gloss=0.8, metal=1, closed=False),
        Part(tube(neck, 0.028, wide=1.6), STEEL, gloss=0.8, metal=1),
        Part(
            tube(path[4:], np.array([0.03, *[0.04] * 9, 0.045, 0.03]), wide=1.7),
            look.accent,
            gloss=0.3,
        ),
        *(
            Part(
                moved(
                    stack([(0, 0.03, 0.03), (0.02, 0.02, 0.02), (0.02, 0, 0)]), r * 0.72, 0.03, z
                ),
                STEEL,
                gloss=0.8,
                metal=1,
            )
            for z in (-0.06, 0.06)
        ),
    ]
    return posed(posed(parts, "y", 28), "x", 32)
