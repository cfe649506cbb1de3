"""Bags and clothes as surfaces: handbag, backpack, shirt; no light and no camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bazaar.surfaces import Part, between, box, capped, curve, fillet, mirrored, moved, stack, tube

if TYPE_CHECKING:
    from bazaar.looks import Look

BRASS, DARK = (214, 176, 96), (44, 42, 44)


def handbag(look: Look) -> list[Part]:
    """A hand bag with two handles; narrow to wide, low to high, open top to a flap."""
    wide, tall, flap = look.form
    w, h, d = between(0.48, 0.72, wide), between(0.62, 0.95, tall), 0.24
    rows = [
        (0, w * 0.9, d * 0.85),
        (0.03, w * 0.97, d * 0.97),
        (h * 0.35, w * 0.97, d),
        (h * 0.8, w * 0.86, d * 0.55),
        (h, w * 0.8, d * 0.3),
    ]
    body = stack(curve(rows, 22), power=4.5, turns=72)
    arch = between(0.5, 0.34, flap)
    parts = [
        Part(capped(body, level=True), look.colour, gloss=0.3, patterned=True),
        Part(
            stack(
                [
                    (0.0, w * 0.93, d * 0.92),
                    (0.03, w * 0.985, d * 1.02),
                    (0.12, w * 0.99, d * 1.03),
                    (0.125, w * 0.97, d),
                ],
                power=4.5,
            ),
            look.accent,
            gloss=0.3,
        ),
        Part(
            stack(
                [
                    (h - 0.05, w * 0.825, d * 0.38),
                    (h, w * 0.815, d * 0.34),
                    (h + 0.01, w * 0.79, d * 0.27),
                ],
                power=4.5,
            ),
            look.accent,
            gloss=0.3,
        ),
    ]
    return (
        parts
        + _handles(look, w, h, d, arch)
        + (_flap(look, w, h, d) if flap >= 0.5 else _pocket(look, h))
    )


def _handles(look: Look, w: float, h: float, d: float, arch: float) -> list[Part]:
    """Two arches with brass rings, one over each face."""
    parts = []
    for z in (-1, 1):
        foot = z * d * 0.68
        path = fillet(
            [
                (-w * 0.45, h * 0.72, foot),
                (-w * 0.4, h + arch, z * 0.1),
                (w * 0.4, h + arch, z * 0.1),
                (w * 0.45, h * 0.72, foot),
            ],
            arch * 0.8,
            steps=12,
        )
        parts.append(Part(tube(path, 0.036), look.accent, gloss=0.35))
        parts += [
            Part(moved(box((0.11, 0.14, 0.05), 0.02), x, h * 0.72, foot), BRASS, gloss=0.8, metal=1)
            for x in (-w * 0.45, w * 0.45)
        ]
    return parts


def _flap(look: Look, w: float, h: float, d: float) -> list[Part]:
    """A rounded flap over the front with its clasp."""
    x = np.linspace(-1, 1, 25, dtype=np.float32)
    t = np.linspace(0, 1, 12, dtype=np.float32)[:, None]
    y = h + 0.02 - t * h * (0.62 - 0.22 * np.abs(x) ** 3)  # (12, 25)
    z = (
        d
        * np.interp(y, [h * 0.35, h * 0.8, h], [1.06, 0.66, 0.36]).astype(np.float32)
        * (1 - 0.25 * np.abs(x) ** 4)
    )
    grid = np.stack([np.broadcast_to(x * w * 0.8, y.shape), y, z + 0.015], -1).astype(np.float32)
    clasp = moved(box((0.17, 0.13, 0.06), 0.025), y=h * 0.44, z=d * 1.02)
    edge = tube(grid[-1], 0.016)
    return [
        Part(grid, look.accent, gloss=0.35, closed=False),
        Part(edge, BRASS, gloss=0.6, metal=0.6),
        Part(clasp, BRASS, gloss=0.85, metal=1),
    ]


def _pocket(look: Look, h: float) -> list[Part]:
    """A tag that hangs from a brass ring."""
    tag = moved(box((0.15, 0.24, 0.03), 0.012), y=h * 0.58, z=0.27)
    ring = moved(box((0.06, 0.06, 0.04), 0.015), y=h * 0.72, z=0.24)
    return [Part(tag, look.accent, gloss=0.3), Part(ring, BRASS, gloss=0.85, metal=1)]


def backpack(look: Look) -> list[Part]:
    """A school backpack; slim to wide, short to tall, small to large front pocket."""
    wide, tall, large = look.form
    w, h, d = between(0.42, 0.58, wide), between(1.0, 1.35, tall), 0.3
    rows = [
        (0, w * 0.82, d * 0.8),
        (0.05, w * 0.97, d * 0.97),
        (h * 0.3, w, d),
        (h * 0.7, w * 0.94, d * 0.9),
        (h * 0.88, w * 0.8, d * 0.72),
        (h * 0.97, w * 0.52, d * 0.5),
        (h, w * 0.2, d * 0.2),
    ]
    p = h * between(0.34, 0.5, large)
    front = [
        (0, w * 0.68, 0.14),
        (0.04, w * 0.74, 0.19),
        (p * 0.6, w * 0.74, 0.18),
        (p * 0.92, w * 0.66, 0.13),
        (p, w * 0.5, 0.05),
    ]
    side = [(0, 0.1, 0.16), (0.04, 0.13, 0.2), (h * 0.26, 0.12, 0.2), (h * 0.28, 0.09, 0.17)]
    angle = np.linspace(-0.62, 0.62, 24, dtype=np.float32) * np.pi
    zip_ = np.stack(
        [
            w * 0.84 * np.sin(angle),
            h * 0.6 + h * 0.31 * np.cos(angle),
            d * np.interp(np.cos(angle), [-1, 0.2, 1], [0.93, 0.94, 0.72]),
        ],
        1,
    )
    loop = curve(
        [
            (-0.1, h - 0.03, -0.08),
            (-0.09, h + 0.1, -0.08),
            (0.09, h + 0.1, -0.08),
            (0.1, h - 0.03, -0.08),
        ],
        14,
    )
    strap = curve(
        [
            (w * 0.45, h * 0.9, -d * 0.6),
            (w * 0.75, h * 0.86, -d * 1.5),
            (w * 1.12, h * 0.5, -d * 1.5),
            (w * 1.02, h * 0.14, -d * 0.9),
            (w * 0.9, h * 0.06, -d * 0.4),
        ],
        22,
    )
    straps = Part(tube(strap, 0.035, plane=(0.8, 0, 0.6), wide=2.6), look.accent, gloss=0.1)
    pocket_zip = np.stack(
        [
            w * 0.62 * np.linspace(-1, 1, 9),
            np.full(9, p * 0.8),
            d * 0.86 + 0.15 - 0.03 * np.linspace(-1, 1, 9) ** 4,
        ],
        1,
    )
    return [
        Part(
            capped(stack(curve(rows, 30), power=3.2, turns=64), level=True),
            look.colour,
            gloss=0.1,
            patterned=True,
        ),
        Part(
            moved(capped(stack(curve(front, 16), power=3.2), level=True), y=0.05, z=d * 0.86),
            look.accent,
            gloss=0.1,
        ),
        *(
            Part(
                moved(capped(stack(curve(side, 10), power=3), level=True), s * w * 0.94, 0.04),
                look.accent,
                gloss=0.08,
            )
            for s in (-1, 1)
        ),
        Part(tube(zip_, 0.017), DARK, gloss=0.3),
        Part(tube(pocket_zip, 0.014, plane=(0, 1, 0)), DARK, gloss=0.3),
        Part(
            moved(box((0.03, 0.12, 0.025), 0.01), w * 0.3, p * 0.76, d * 0.86 + 0.16),
            BRASS,
            gloss=0.8,
            metal=1,
        ),
        Part(tube(loop, 0.026, wide=1.6), look.accent, gloss=0.1),
        straps,
        mirrored(straps),
    ]


def shirt(look: Look) -> list[Part]:
    """A T-shirt as if worn; slim to wide, short to long, short to long sleeves."""
    wide, long, arm = look.form
    w, hem = between(0.42, 0.56, wide), -between(0.0, 0.4, long)
    rows = [
        (hem, w * 1.02, 0.22),
        (0.35, w * 0.96, 0.2),
        (0.8, w, 0.22),
        (1.02, w * 0.99, 0.2),
        (1.13, w * 0.95, 0.15),
        (1.19, w * 0.8, 0.13),
        (1.25, 0.29, 0.115),
        (1.28, 0.225, 0.11),
    ]
    torso = _creased(stack(curve(rows, 34), power=2.3, turns=72))
    front = (
        np.clip(0.35 + torso[..., 2] / 0.1, 0, 1)
        * np.clip((torso[..., 1] - 1.02) / 0.26, 0, 1) ** 2
    )
    torso[..., 1] -= (
        0.16 * front * np.exp(-((torso[..., 0] / 0.2) ** 4))
    )  # the neckline hangs lower in front
    collar = tube(np.concatenate([torso[-1], torso[-1, 1:2]]), 0.018, plane=(0, 1, 0.4), wide=1.8)
    sleeve, cuff = _sleeve(w, arm)
    parts = [
        Part(torso, look.colour, gloss=0.03, patterned=True, closed=False),
        Part(collar, look.accent, gloss=0.03),
        Part(sleeve, look.colour, gloss=0.03, patterned=True, closed=False),
        Part(cuff, look.accent, gloss=0.03, closed=False),
    ]
    return parts + [mirrored(part) for part in parts[2:]]


def _sleeve(w: float, arm: float) -> tuple[np.ndarray, np.ndarray]:
    """The right sleeve and the band at its end, from inside the shoulder outwards and down."""
    reach = between(0.42, 1.15, arm)
    lean = np.radians(between(46, 64, arm))
    t = np.linspace(0, 1, 20, dtype=np.float32)[:, None]
    middle = np.array([w * 0.6, 1.12, 0], np.float32) + t * (reach + 0.14) * np.array(
        [np.cos(lean), -np.sin(lean), 0], np.float32
    )
    radius = np.interp(t, [0, 0.14, 0.34, 1], [0.04, 0.12, 0.19, between(0.175, 0.11, arm)])
    angle = np.linspace(0, 2 * np.pi, 33, dtype=np.float32)
    across = np.array([np.sin(lean), np.cos(lean), 0], np.float32)
    ring = np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * np.array(
        [0, 0, 0.78], np.float32
    )  # (33, 3)
    grid = _creased(middle[:, None] + radius[..., None] * ring)
    last = grid[-3:]
    return grid, last.mean(1, keepdims=True) + (last - last.mean(1, keepdims=True)) * np.float32(
        1.07
    )


def _creased(grid: np.ndarray) -> np.ndarray:
    """Shallow folds, so that cloth does not look like plaster."""
    x, y = grid[..., 0], grid[..., 1]
    fold = 0.010 * np.sin(9 * x + 5 * y) * np.cos(6 * y - 3 * x) + 0.006 * np.sin(
        17 * x - 8 * y + 1
    )
    out = grid.copy()
    out[..., 2] += fold * np.sign(grid[..., 2]) * np.minimum(np.abs(grid[..., 2]) / 0.08, 1)
    return out
