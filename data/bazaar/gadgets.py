"""Devices as surfaces: camera, headphones, watch; no light and no camera of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bazaar.surfaces import (
    Part,
    ball,
    between,
    box,
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

BLACK, STEEL, GLASS, WHITE = (34, 35, 38), (196, 198, 202), (18, 22, 40), (240, 240, 238)


def camera(look: Look) -> list[Part]:
    """A compact camera with a lens; narrow to wide body, low to high, short to long lens."""
    wide, tall, zoom = look.form
    w, h, d, out = (
        between(1.15, 1.5, wide),
        between(0.68, 0.92, tall),
        0.36,
        between(0.16, 0.5, zoom),
    )
    r = h * 0.34
    body = moved(box((w, h * 0.72, d), 0.09), y=h * 0.4)
    top = moved(box((w, h * 0.26, d * 0.98), 0.07), y=h * 0.83)
    base = moved(box((w * 0.99, 0.1, d * 0.98), 0.045), y=0.05)
    hump = moved(
        stack([(0, 0.24, 0.17), (0.1, 0.2, 0.16), (0.14, 0.16, 0.13), (0.145, 0, 0)], power=5),
        y=h * 0.94,
    )
    grip = moved(
        stack(
            [(0.06, 0.1, 0.07), (h * 0.35, 0.11, 0.1), (h * 0.66, 0.1, 0.07), (h * 0.7, 0, 0)],
            power=3,
        ),
        x=-w * 0.4,
        z=d * 0.45,
    )
    barrel = [
        (r * 1.12, 0),
        (r * 1.12, 0.05),
        (r, 0.06),
        (r, out),
        (r * 0.86, out + 0.02),
        (r * 0.8, out - 0.03),
        (r * 0.62, out - 0.1),
    ]
    lens = [
        _towards(fillet(barrel, 0.02), h * 0.42, d),
        _towards(
            [
                (r * 1.02, out * 0.5),
                (r * 1.05, out * 0.56),
                (r * 1.05, out * 0.84),
                (r * 1.02, out * 0.9),
            ],
            h * 0.42,
            d,
        ),
    ]
    pupil = moved(
        turned(ball((r * 0.66, 0.07, r * 0.66)), "x", 90), y=h * 0.42, z=d / 2 + out - 0.1
    )
    dial = lathe(fillet([(0, 0), (0.09, 0), (0.09, 0.08), (0, 0.08)], 0.015), turns=24)
    return [
        Part(body, look.colour, gloss=0.15, patterned=True, uv=body[..., :2]),
        Part(grip, look.colour, gloss=0.15, patterned=True),
        *(Part(grid, look.accent, gloss=0.5) for grid in (top, base, hump)),
        Part(lens[0], BLACK, gloss=0.5),
        Part(lens[1], STEEL, gloss=0.8, metal=1),
        Part(pupil, GLASS, gloss=0.95),
        Part(moved(dial, -w * 0.36, h * 0.95), STEEL, gloss=0.8, metal=1),
        Part(moved(dial * np.float32(0.8), w * 0.36, h * 0.95), BLACK, gloss=0.4),
        Part(moved(box((0.22, 0.11, 0.04), 0.015), w * 0.32, h * 0.83, d / 2), WHITE, gloss=0.7),
        Part(moved(box((0.13, 0.09, 0.04), 0.015), 0, h * 0.99, 0.165), GLASS, gloss=0.9),
    ]


def _towards(profile: list[tuple[float, float]] | np.ndarray, y: float, depth: float) -> np.ndarray:
    """A lathe whose axis points out of a front plate at height `y`."""
    return moved(turned(lathe(profile), "x", 90), y=y, z=depth / 2)


def headphones(look: Look) -> list[Part]:
    """Headphones, turned a little to the side; small to large cups, narrow to tall band, thin to
    thick padding.
    """
    big, tall, pad = look.form
    r, h, span = between(0.27, 0.4, big), between(0.72, 0.98, tall), 0.62
    angle = np.linspace(-0.52 * np.pi, 0.52 * np.pi, 40, dtype=np.float32)
    arch = np.stack([span * np.sin(angle), h * np.cos(angle) + 0.22, 0 * angle], 1)  # (n, 3)
    thick = between(0.03, 0.065, pad)
    cushion = np.stack([0.95 * arch[10:30, 0], arch[10:30, 1] - 0.03, arch[10:30, 2]], 1)
    parts = [
        Part(tube(arch, thick, wide=3.4), look.colour, gloss=0.45, patterned=True),
        Part(tube(cushion, thick * 0.9, wide=2.6), look.accent, gloss=0.08),
    ]
    shell = fillet([(0, 0.2), (r * 0.72, 0.2), (r, 0.1), (r, 0)], 0.09)
    soft = curve(
        [
            (r * 0.98, 0.01),
            (r * 1.03, -0.07),
            (r * 0.92, -0.15),
            (r * 0.6, -0.15),
            (r * 0.5, -0.06),
            (0, -0.05),
        ],
        20,
    )
    badge = [(r * 0.46, 0.2), (r * 0.44, 0.215), (0, 0.215)]
    for side in (-1, 1):
        for profile, colour, gloss, printed in (
            (shell, look.colour, 0.5, True),
            (soft, look.accent, 0.06, False),
            (badge, look.accent, 0.6, False),
        ):
            cup = turned(lathe(profile), "z", -90 * side)
            cup = cup * np.array([1, 1.18, 1], np.float32)
            parts.append(
                Part(
                    moved(cup, side * (span + 0.02), 0.05),
                    colour,
                    gloss=gloss,
                    patterned=printed,
                    closed=profile is not soft,
                )
            )
        fork = [
            (side * (span + 0.03), 0.32, 0.0),
            (side * (span + 0.14), 0.34, 0),
            (side * (span + 0.25), 0.2, 0),
            (side * (span + 0.23), 0.05, 0),
        ]
        parts.append(Part(tube(curve(fork, 12), 0.03, wide=1.6), STEEL, gloss=0.8, metal=1))
    return posed(parts, "y", -32)


def watch(look: Look) -> list[Part]:
    """A wrist watch on its closed strap; small to large case, narrow to wide strap, round to square
    case.
    """
    big, broad, square = look.form
    r, strap, power = (
        between(0.34, 0.46, big),
        between(0.14, 0.23, broad),
        2.0 + 8.0 * max(0.0, square - 0.4),
    )
    angle = np.linspace(0.07 * np.pi, 1.93 * np.pi, 56, dtype=np.float32)
    loop = np.stack([0 * angle, 0.66 * np.sin(angle), 0.52 * np.cos(angle) - 0.56], 1)  # (n, 3)
    rings = [(r, -0.1), (r * 1.0, 0.05), (r * 0.93, 0.09), (r * 0.86, 0.09), (r * 0.84, 0.06)]
    case = stack([(y, w, w) for w, y in rings], power=power, turns=56)
    dial = stack([(0.06, r * 0.86, r * 0.86), (0.06, 0, 0)], power=power, turns=56)
    forward = [
        Part(turned(case, "x", 90), STEEL, gloss=0.85, metal=1),
        Part(turned(dial, "x", 90), look.accent, gloss=0.3),
    ]
    face = tuple(30 if sum(look.accent) > 330 else 240 for _ in range(3))
    for hour in range(12):
        long = 0.12 if hour % 3 == 0 else 0.07
        tick = moved(box((0.028, long, 0.02), 0.004, steps=2), y=r * 0.7 - long / 2 + 0.03, z=0.065)
        forward.append(Part(turned(tick, "z", 30 * hour), face))
    for degrees, long in ((-60, r * 0.55), (52, r * 0.42)):
        forward.append(
            Part(
                turned(
                    moved(box((0.032, long, 0.02), 0.004, steps=2), y=long / 2 - 0.04, z=0.08),
                    "z",
                    degrees,
                ),
                face,
                gloss=0.4,
            )
        )
    forward.append(
        Part(
            moved(
                turned(
                    lathe(fillet([(0, 0), (0.05, 0), (0.05, 0.08), (0, 0.08)], 0.01), turns=16),
                    "z",
                    -90,
                ),
                x=r,
            ),
            STEEL,
            gloss=0.8,
            metal=1,
        )
    )
    buckle = moved(box((strap * 2.5, 0.16, 0.05), 0.02), y=-0.3, z=-1.04)
    parts = [
        Part(
            tube(loop, 0.04, plane=(1, 0, 0), wide=strap / 0.04, sides=20),
            look.colour,
            gloss=0.2,
            patterned=True,
        ),
        *forward,
        Part(buckle, STEEL, gloss=0.8, metal=1),
    ]
    return posed(posed(parts, "y", -14), "x", -14)
