"""Where a product is seen from: the seller's camera, and the lamp, whose view of the product is its
shadow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter

from bazaar.raster import Fragments, Mesh, cover, depths

DISTANCE = 3.4  # of the camera, in product lengths: close enough for some perspective
FILL = 0.71  # share of the frame that the product's longer side takes at zoom 1
MAP = 128  # pixels across the lamp's view
REACH = 0.9  # half of that view's width: the product's diagonal is 1.73 at most


def axes(azimuth: float, elevation: float) -> np.ndarray:
    """Right, up and towards-the-eye of a viewpoint, as the rows of a (3, 3) rotation; angles in
    degrees.
    """
    a, e = np.radians(azimuth), np.radians(elevation)
    right = (np.cos(a), 0, -np.sin(a))
    up = (-np.sin(a) * np.sin(e), np.cos(e), -np.cos(a) * np.sin(e))
    return np.array(
        [right, up, (np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e))], np.float32
    )


@dataclass(frozen=True)
class Camera:
    """A perspective view whose frame is fitted around the product."""

    axes: np.ndarray  # (3, 3)
    scale: float  # frames per unit
    origin: tuple[float, float]  # where the optical axis meets the frame, in frames

    @classmethod
    def fit(
        cls, points: np.ndarray, axes: np.ndarray, *, zoom: float, shift: tuple[float, float]
    ) -> Camera:
        """As a seller frames it: the product in the middle, then the shot's own zoom and shift."""
        flat = cls(axes, 1.0, (0.0, 0.0)).screen(points, 1)[:2]  # (2, v)
        low, high = flat.min(1), flat.max(1)
        scale = FILL * zoom / float((high - low).max())
        x, y = 0.5 + np.asarray(shift) - scale * (low + high) / 2
        return cls(axes, scale, (float(x), float(y)))

    def screen(self, points: np.ndarray, size: int) -> np.ndarray:
        """Column, row and nearness of world points (v, 3) in a frame of `size` pixels, (3, v)."""
        x, y, z = self.axes @ points.T  # (3, 3) @ (3, v) -> (3, v)
        scale = np.float32(self.scale * size * DISTANCE) / (np.float32(DISTANCE) - z)
        return np.stack(
            [
                x * scale + np.float32(self.origin[0] * size),
                np.float32(self.origin[1] * size) - y * scale,
                z,
            ]
        )

    def on_floor(self, floor: float, size: int) -> np.ndarray:
        """The world point of the plane y = floor behind each pixel, (3, size * size); far away
        above the horizon.
        """
        at = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / size
        x, y = np.meshgrid((at - self.origin[0]) / self.scale, (self.origin[1] - at) / self.scale)
        ray = self.axes.T @ np.stack(
            [x.ravel(), y.ravel(), np.full(size * size, -DISTANCE)]
        ).astype(np.float32)
        eye = self.axes[2] * np.float32(DISTANCE)
        far = (np.float32(floor) - eye[1]) / np.minimum(ray[1], np.float32(-1e-3))
        return eye[:, None] + far * ray


@dataclass(frozen=True)
class Lamp:
    """Parallel light: what the lamp sees is lit, the rest is in shadow."""

    axes: np.ndarray  # (3, 3)
    nearest: np.ndarray  # (MAP, MAP): how near to the lamp the product is; far below all beside it

    @classmethod
    def on(cls, product: Mesh, axes: np.ndarray) -> Lamp:
        """The lamp's view of a product."""
        return cls(axes, depths(product, cls._place(axes, product.points.T), MAP))

    @staticmethod
    def _place(axes: np.ndarray, points: np.ndarray) -> np.ndarray:
        x, y, z = axes @ points  # (3, 3) @ (3, n) -> (3, n)
        scale = np.float32(MAP / 2 / REACH)
        return np.stack([(x + np.float32(REACH)) * scale, (np.float32(REACH) - y) * scale, z])

    def reaches(self, product: Mesh, seen: Fragments, size: int) -> np.ndarray:
        """Share of the lamp that each visible point sees, (n,), softened: worked out for every
        fourth pixel only.
        """
        half = size // 2
        row, column = np.divmod(seen.pixel.astype(np.int32), np.int32(size))
        where = (row >> 1) * np.int32(half) + (column >> 1)
        even = np.flatnonzero((row | column) & 1 == 0)
        some = seen.take(even)
        lifted = (
            product.points.T + np.float32(0.012) * product.normal
        )  # a coarse map must not shade its own surface
        x, y, z = some.interpolate(product, self._place(self.axes, lifted))
        over = self.nearest[y.astype(np.int32), x.astype(np.int32)] - z
        layers = np.zeros((2, half * half), np.float32)
        layers[:, where[even]] = 1 - np.clip((over - np.float32(0.012)) * 30, 0, 1), np.ones_like(z)
        lit, there = (
            uniform_filter(layer.reshape(half, half), 2 * (size // 160) + 1).ravel()
            for layer in layers
        )
        return ((lit + np.float32(1e-4)) / (there + np.float32(1e-4)))[where]

    def shadow(self, product: Mesh, camera: Camera, size: int) -> np.ndarray:
        """What is left of the light on the floor, (size, size): the lamp's soft shadow and the dark
        line of contact.
        """
        height = product.points[:, 1:2] - product.points[:, 1].min()  # (v, 1)
        floor = camera.on_floor(float(product.points[:, 1].min()), size)
        x, y, _ = np.clip(self._place(self.axes, floor), 0, MAP - 1).astype(np.int32)
        cast = gaussian_filter((self.nearest > -0.95).astype(np.float32), MAP / 55, truncate=2.5)[
            y, x
        ].reshape(size, size)
        low = (height[:, 0] < 0.05)[product.cells].any(0)
        down = product.points - np.array([0, 1, 0], np.float32) * height
        contact = cover(product, camera.screen(down, size), size, sigma=size / 50, cells=low)
        return (1 - 0.42 * gaussian_filter(cast, size / 100, truncate=2)) * (1 - 0.45 * contact)
