"""From parts to pixels: one mesh per product, and which point of it every pixel shows.

Nothing here knows of colour or light; that is shade.py. Triangles would need a loop over pixels,
which numpy cannot do quickly; so every cell of a grid is filled with just enough points to leave no
pixel behind it empty, and the nearest point of each pixel wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter

from bazaar.surfaces import Part, cross

# pixels between neighbouring points of a cell; tilted cells leave a few holes above 0.71, see
# _patched
SPACING = 1.0
# of 65535 depth levels: a pixel that much farther away than its neighbours on both sides is a hole
STEP = 400
# Few lattice shapes, so that few matrix products fill all cells.
SIZES = np.array(sorted({*range(1, 9), *(int(8 * 1.12**k) for k in range(44))}), np.int32)
_REACH = (SIZES * SPACING).astype(np.float32)  # the longest side that each of them fills


@dataclass(frozen=True)
class Mesh:
    """All parts of a product as one list of cells, four points each."""

    points: np.ndarray  # (v, 3), centred, longest side 1
    normal: np.ndarray  # (3, v)
    uv: np.ndarray  # (2, v): lengths around and along the part, for patterns
    cells: np.ndarray  # (4, q) columns of points, in order around the cell
    part: np.ndarray  # (q,) which of the parts
    closed: np.ndarray  # (q,) bool: never seen from behind


@dataclass(frozen=True)
class Fragments:
    """The visible points, at most one a pixel."""

    pixel: np.ndarray  # (n,) row * size + column
    cell: np.ndarray  # (n,)
    weights: np.ndarray  # (4, n) of the cell's corners, each column sums to 1
    depth: np.ndarray  # (n,) larger is nearer

    def take(self, some: np.ndarray) -> Fragments:
        """These of the points."""
        return Fragments(self.pixel[some], self.cell[some], self.weights[:, some], self.depth[some])

    def interpolate(self, mesh: Mesh, values: np.ndarray) -> np.ndarray:
        """Values of the mesh's points, (d, v), at the visible points, (d, n)."""
        out = np.empty((len(values), len(self.cell)), np.float32)
        (a, b, c, d), (wa, wb, wc, wd) = mesh.cells.take(self.cell, 1), self.weights
        for row, value in zip(out, values, strict=True):
            np.multiply(value.take(a), wa, out=row)
            row += value.take(b) * wb
            row += value.take(c) * wc
            row += value.take(d) * wd
        return out


def join(parts: list[Part]) -> Mesh:
    """One mesh of all parts, scaled so that the product's longest side is 1."""
    every = np.concatenate([part.grid.reshape(-1, 3) for part in parts])
    low, high = every.min(0), every.max(0)
    scale = np.float32(1 / (high - low).max())
    columns, start = [], 0
    for number, part in enumerate(parts):
        grid = (part.grid.astype(np.float32) - (low + high) / 2) * scale
        normal, volume = _normals(grid)
        cells = _cells(grid.shape[:2])
        if part.closed and (volume < 0) != part.hollow:  # drawn inside out, or mirrored
            normal, cells = -normal, cells[::-1]
        flags = np.full(cells.shape[1], number), np.full(cells.shape[1], part.closed)
        columns.append(
            (
                grid.reshape(-1, 3),
                normal.reshape(-1, 3).T,
                _uv(part, grid, scale),
                cells + np.int32(start),
                *flags,
            )
        )
        start += len(columns[-1][0])
    return Mesh(
        *(
            np.concatenate(column, axis)
            for column, axis in zip(zip(*columns, strict=True), (0, 1, 1, 1, 0, 0), strict=True)
        )
    )


@lru_cache(maxsize=256)
def _cells(shape: tuple[int, int]) -> np.ndarray:
    at = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
    return np.stack([at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]]).reshape(4, -1)  # (4, q)


def _normals(grid: np.ndarray) -> tuple[np.ndarray, float]:
    """Area-weighted normals of a grid's points, and a volume whose sign tells whether they point
    outwards.
    """
    area = cross(grid[1:, 1:] - grid[:-1, :-1], grid[1:, :-1] - grid[:-1, 1:])  # (h - 1, w - 1, 3)
    volume = float((area * (grid[1:, 1:] + grid[:-1, :-1])).sum())
    total = np.zeros_like(grid)
    for rows in (slice(0, -1), slice(1, None)):
        for columns in (slice(0, -1), slice(1, None)):
            total[rows, columns] += area
    if np.abs(grid[:, 0] - grid[:, -1]).max() < 1e-4:  # the grid closes on itself: no seam
        total[:, 0] = total[:, -1] = total[:, 0] + total[:, -1]
    return total / (np.sqrt((total**2).sum(-1, keepdims=True)) + 1e-12), volume


def _uv(part: Part, grid: np.ndarray, scale: np.float32) -> np.ndarray:
    """Mean lengths along the columns, from the middle one, and along the rows, from the first, (2,
    h * w).
    """
    if not part.patterned:
        return np.zeros((2, grid.size // 3), np.float32)
    if part.uv is not None:
        return part.uv.reshape(-1, 2).T.astype(np.float32) * scale
    out = np.empty((2, *grid.shape[:2]), np.float32)
    for axis in (0, 1):
        step = np.sqrt((np.diff(grid, axis=axis) ** 2).sum(-1)).mean(1 - axis)
        length = np.concatenate([[0], np.cumsum(step)])
        out[1 - axis] = length[:, None] if axis == 0 else length - length[-1] / 2
    return out.reshape(2, -1)


def visible(mesh: Mesh, screen: np.ndarray, size: int) -> Fragments:
    """Which point of which cell each pixel shows; `screen` is (3, v): column, row, nearness."""
    (x, y, z), fill = _points(mesh, screen)
    near, span = float(z.min()), float(np.ptp(z)) + 1e-6
    level = ((z - near) * np.float32(65534 / span) + 1).astype(np.uint16)  # 0 is for nothing at all
    order = np.argsort(level, kind="stable")  # a radix sort; the nearest come last
    shown = np.full(size * size + 1, -1, np.int32)
    shown[_pixel(x, y, size)[order]] = order
    shown = _patched(shown[:-1], level, size)
    where = np.flatnonzero(shown >= 0).astype(np.int32)
    point = shown[where]
    return Fragments(where, *fill.of(point), z[point])


def depths(mesh: Mesh, screen: np.ndarray, size: int) -> np.ndarray:
    """The nearness of what each pixel shows, softened, (size, size); far below all where it shows
    nothing.
    """
    (x, y, z), _ = _points(mesh, screen)
    order = np.argsort((z * 16000 + 32000).astype(np.uint16), kind="stable")
    out = np.full(size * size + 1, -1, np.float32)
    out[_pixel(x, y, size)[order]] = z[order]
    return gaussian_filter(out[:-1].reshape(size, size), 0.7, truncate=1.5)


def cover(
    mesh: Mesh, screen: np.ndarray, size: int, *, sigma: float, cells: np.ndarray | None = None
) -> np.ndarray:
    """The blurred silhouette of the mesh, or of some of its cells, in a (size, size) frame."""
    (x, y, _), _ = _points(mesh, screen, cells)
    mask = np.zeros(size * size + 1, np.float32)
    mask[_pixel(x, y, size)] = 1
    return gaussian_filter(mask[:-1].reshape(size, size), sigma, truncate=2.5)


def _pixel(x: np.ndarray, y: np.ndarray, size: int) -> np.ndarray:
    """The pixel under each point; one past the last where that is out of the frame."""
    pixel = y.astype(np.int32) * np.int32(size) + x.astype(np.int32)
    if x.min() < 0 or y.min() < 0 or x.max() >= size or y.max() >= size:
        pixel[(x < 0) | (x >= size) | (y < 0) | (y >= size)] = size * size
    return pixel


def _patched(shown: np.ndarray, level: np.ndarray, size: int) -> np.ndarray:
    """Pixels that lie far behind both their neighbours, left and right or above and below, were
    missed: copy one.
    """
    depth = np.where(shown >= 0, level[shown].astype(np.int32), np.int32(-STEP)).reshape(size, size)
    shown = shown.reshape(size, size)
    for one, other, hole in (
        (np.s_[:, :-2], np.s_[:, 2:], np.s_[:, 1:-1]),
        (np.s_[:-2], np.s_[2:], np.s_[1:-1]),
    ):
        missed = np.minimum(depth[one], depth[other]) - depth[hole] > STEP
        shown[hole][missed] = shown[one][missed]
        depth[hole][missed] = depth[one][missed]
    return shown.ravel()


@dataclass(frozen=True)
class _Fill:
    """Which points fill which cell: cells in blocks of one lattice shape, the points of a cell one
    after another.
    """

    cell: np.ndarray  # (p,) places in `cells`, one for each point
    cells: np.ndarray  # (q,) the mesh's cells
    first: np.ndarray  # (q,) their first points
    across: np.ndarray  # (q,)
    down: np.ndarray  # (q,)

    def of(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The cells of these points, (n,), and the weights of the cells' corners, (4, n)."""
        at = self.cell[point]
        s = ((point - self.first[at]).astype(np.float32) + np.float32(0.5)) * (
            1 / self.across
        ).astype(np.float32)[at]
        row = np.floor(s)
        s -= row
        t = (row + np.float32(0.5)) * (1 / self.down).astype(np.float32)[at]
        st = s * t
        return self.cells[at], np.stack([1 - s - t + st, s - st, st, t - st])


def _points(
    mesh: Mesh, screen: np.ndarray, cells: np.ndarray | None = None
) -> tuple[np.ndarray, _Fill]:
    """Lattices of points that fill these cells, or all that face the frame: their screen places (3,
    p).
    """
    a, b, c, d = (screen.take(corner, 1) for corner in mesh.cells)  # (3, q) each
    if cells is None:
        cells = (c - a)[0] * (d - b)[1] - (c - a)[1] * (d - b)[0] < 0
        cells |= ~mesh.closed
    keep = np.flatnonzero(cells)
    a, b, c, d = (corner.take(keep, 1) for corner in (a, b, c, d))
    across, down = _count(b - a, c - d), _count(d - a, c - b)
    order = np.argsort((across * len(SIZES) + down).astype(np.uint16), kind="stable")
    keep, across, down = keep[order], SIZES[across[order]], SIZES[down[order]]
    corners = np.stack([a, b, c, d], 2).take(order, 1)  # (3, q, 4)
    count = across * down
    ends = np.cumsum(count, dtype=np.int32)
    place = np.empty((3, int(ends[-1])), np.float32)
    blocks = np.flatnonzero(np.diff(across, prepend=0) | np.diff(down, prepend=0))
    for low, high in zip(blocks, [*blocks[1:], len(keep)], strict=True):
        weights = _lattice(int(across[low]), int(down[low]))  # (4, k)
        out = place[:, ends[low] - count[low] : ends[high - 1]].reshape(3, high - low, -1)
        np.matmul(corners[:, low:high], weights, out=out)  # (3, q', 4) @ (4, k) -> (3, q', k)
    return place, _Fill(
        np.repeat(np.arange(len(keep), dtype=np.int32), count), keep, ends - count, across, down
    )


@lru_cache(maxsize=4096)
def _lattice(across: int, down: int) -> np.ndarray:
    """Bilinear weights of a cell's corners at the middles of across x down parts, (4, across *
    down).
    """
    s = np.tile((np.arange(across) + 0.5) / across, down)
    t = np.repeat((np.arange(down) + 0.5) / down, across)
    return np.stack([(1 - s) * (1 - t), s * (1 - t), s * t, (1 - s) * t]).astype(np.float32)


def _count(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Which of SIZES each cell needs between its two opposite sides, (3, q) each."""
    longest = np.sqrt(np.maximum(one[0] ** 2 + one[1] ** 2, other[0] ** 2 + other[1] ** 2))
    return np.searchsorted(_REACH, longest).clip(0, len(SIZES) - 1)
