"""Surfaces that products are made of: grids of 3D points from a few strokes.

Every function returns a grid of shape (h, w, 3): x to the right, y up, z towards the viewer at the
front. This is not a modelling kernel: grids may intersect, and a coarse grid is enough because the
renderer fills each cell as finely as the picture needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

Colour = tuple[int, int, int]
Points = Sequence[Sequence[float]] | np.ndarray


@dataclass(frozen=True)
class Part:
    """One surface and its finish."""

    grid: np.ndarray  # (h, w, 3)
    colour: Colour
    gloss: float = 0.25  # 0 cloth, 0.5 glazed pottery, 1 chrome
    metal: float = 0.0  # 1: reflections take the part's own colour
    patterned: bool = False  # carries the look's pattern
    closed: bool = True  # only its outside, the side away from the product's middle, can be seen
    hollow: bool = False  # of a closed part, only its inside can be seen
    glow: float = 0.0  # light that the part gives off by itself
    uv: np.ndarray | None = (
        None  # (h, w, 2) where the pattern lies; without it, wrapped around by length
    )


def between(low: float, high: float, t: float) -> float:
    """The value a fraction `t` of the way from `low` to `high`."""
    return low + (high - low) * t


def curve(points: Points, n: int) -> np.ndarray:
    """`n` points on a smooth curve through `points` of any dimension (Catmull-Rom)."""
    p = np.asarray(points, np.float32)
    p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])  # (k + 2, d)
    at = np.linspace(0, len(p) - 3, n, dtype=np.float32)
    i = np.minimum(at.astype(int), len(p) - 4)
    t = (at - i)[:, None]
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    return 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * (b - c) + d - a) * t**3
    )  # (n, d)


def fillet(points: Points, radius: float, *, steps: int = 5) -> np.ndarray:
    """A polyline whose inner corners are rounded by at most `radius`."""
    p = np.asarray(points, np.float32)
    t = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    out = [p[:1]]
    for before, corner, after in zip(p[:-2], p[1:-1], p[2:], strict=True):
        ends = [
            corner + (q - corner) * min(0.49, radius / max(1e-6, float(np.linalg.norm(q - corner))))
            for q in (before, after)
        ]
        out.append((1 - t) ** 2 * ends[0] + 2 * t * (1 - t) * corner + t**2 * ends[1])
    return np.concatenate([*out, p[-1:]])  # (n, d)


def lathe(profile: Points, *, turns: int = 48) -> np.ndarray:
    """The surface that a profile of (radius, y) sweeps around the y axis; its seam is behind."""
    r, y = np.asarray(profile, np.float32).T
    angle = np.linspace(-np.pi, np.pi, turns + 1, dtype=np.float32)
    x, z = r[:, None] * np.sin(angle), r[:, None] * np.cos(angle)
    return np.stack([x, np.broadcast_to(y[:, None], x.shape), z], -1)  # (h, turns + 1, 3)


def stack(rows: Points, *, power: float = 2.0, turns: int = 48) -> np.ndarray:
    """Superellipse rings of (y, half width, half depth) put on top of each other; power 2 is round,
    8 a box.
    """
    y, w, d = (column[:, None] for column in np.asarray(rows, np.float32).T)
    angle = np.linspace(-np.pi, np.pi, turns + 1, dtype=np.float32)
    x, z = (np.sign(f) * np.abs(f) ** (2 / power) for f in (np.sin(angle), np.cos(angle)))
    return np.stack(
        [w * x, np.broadcast_to(y, (len(y), turns + 1)), d * z], -1
    )  # (h, turns + 1, 3)


def capped(grid: np.ndarray, *, level: bool = False) -> np.ndarray:
    """The same rings with both ends closed by a flat lid; one of `level` rings is folded along z:
    fewer points.
    """
    keep = np.array([level, False, False])
    first, last = (np.where(keep, row, row.mean(0))[None] for row in (grid[0], grid[-1]))
    return np.concatenate([first, grid, last])


def tube(
    path: Points,
    radius: float | np.ndarray,
    *,
    plane: Sequence[float] = (0, 0, 1),
    wide: float = 1.0,
    sides: int = 12,
) -> np.ndarray:
    """A closed tube along a path about in the plane with normal `plane`; `wide` stretches it along
    that normal.
    """
    p = np.asarray(path, np.float32)
    tangent = np.gradient(p, axis=0)
    across = np.asarray(plane, np.float32)
    inward = cross(tangent, across)
    inward /= np.linalg.norm(inward, axis=1, keepdims=True) + 1e-9
    side = cross(inward, tangent)
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
    angle = np.linspace(0, 2 * np.pi, sides + 1, dtype=np.float32)[:, None]
    r = np.broadcast_to(np.asarray(radius, np.float32), len(p))[:, None, None]
    ring = np.cos(angle) * inward[:, None] + wide * np.sin(angle) * side[:, None]
    return capped(p[:, None] + r * ring)  # (h + 2, sides + 1, 3)


def box(size: Sequence[float], radius: float, *, steps: int = 4) -> np.ndarray:
    """A box of (width, height, depth) about the origin with edges rounded by `radius`."""
    core = np.maximum(np.asarray(size, np.float32) / 2 - radius, 1e-4)
    quarter = np.linspace(0, np.pi / 2, steps, dtype=np.float32)
    lon = np.concatenate(
        [quarter + k * np.pi / 2 for k in range(-1, 3)] + [quarter[:1] - np.pi / 2]
    )  # from the back, round
    sx = np.repeat([1, 1, -1, -1, 1], [steps] * 4 + [1]).astype(np.float32)
    sz = np.repeat([-1, 1, 1, -1, -1], [steps] * 4 + [1]).astype(np.float32)
    lat = np.concatenate([quarter - np.pi / 2, quarter])[:, None]
    sy = np.repeat([-1, 1], steps).astype(np.float32)[:, None]
    x = sx * core[0] + radius * np.cos(lat) * np.cos(lon)
    z = sz * core[2] + radius * np.cos(lat) * np.sin(lon)
    y = np.broadcast_to(sy * core[1] + radius * np.sin(lat), x.shape)
    return capped(np.stack([x, y, z], -1), level=True)  # (2 steps + 2, 4 steps + 1, 3)


def ball(size: Sequence[float], *, steps: int = 16) -> np.ndarray:
    """An ellipsoid with these half axes about the origin."""
    t = np.linspace(-np.pi / 2, np.pi / 2, steps, dtype=np.float32)
    return lathe(np.stack([np.cos(t), np.sin(t)], 1), turns=2 * steps) * np.asarray(
        size, np.float32
    )


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """np.cross of rows, several times faster."""
    ax, ay, az, bx, by, bz = (m[..., i] for m in (a, b) for i in range(3))
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], -1)


def moved(grid: np.ndarray, x: float = 0, y: float = 0, z: float = 0) -> np.ndarray:
    """The grid shifted."""
    return grid + np.array([x, y, z], np.float32)


def turned(grid: np.ndarray, axis: str, degrees: float) -> np.ndarray:
    """The grid rotated about the x, y or z axis, counter-clockwise seen from that axis's tip."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    out = np.array(grid, np.float32)
    out[..., i], out[..., j] = (
        c * grid[..., i] - s * grid[..., j],
        s * grid[..., i] + c * grid[..., j],
    )
    return out


def posed(parts: list[Part], axis: str, degrees: float) -> list[Part]:
    """The whole product turned, so that its telling side faces the front."""
    return [replace(part, grid=turned(part.grid, axis, degrees)) for part in parts]


def mirrored(part: Part) -> Part:
    """The part on the product's other side."""
    return replace(part, grid=part.grid * np.array([-1, 1, 1], np.float32))
