"""Light on a product and on the backdrop behind it, in linear light; not where anything is
(raster.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from bazaar.raster import Fragments, Mesh
from bazaar.surfaces import Part
from bazaar.views import Camera, Lamp

if TYPE_CHECKING:
    from bazaar.looks import Look, Shot

STRIPE, DOT, CHECK = 0.125, 0.125, 0.2  # periods of the patterns, in product lengths


def linear(colour: tuple[int, int, int]) -> np.ndarray:
    """A screen colour as linear light (gamma 2)."""
    return (np.asarray(colour, np.float32) / 255) ** 2


def shade(
    mesh: Mesh,
    seen: Fragments,
    parts: list[Part],
    camera: Camera,
    lamp: Lamp,
    *,
    look: Look,
    shot: Shot,
    size: int,
) -> np.ndarray:
    """The linear colour of every visible point, (3, n): lamp, fill light, sky and floor, gloss,
    reflected softbox.
    """
    view, light = camera.axes[2], lamp.axes[2]
    lit = lamp.reaches(mesh, seen, size)
    normal = seen.interpolate(mesh, mesh.normal)  # (3, n)
    normal /= np.sqrt((normal * normal).sum(0) + np.float32(1e-12))
    facing = view @ normal
    normal *= np.sign(facing)  # the inside of an open part
    facing = np.abs(facing)
    part = mesh.part[seen.cell]
    gloss, metal, glow = (
        np.array([getattr(p, name) for p in parts], np.float32)[part]
        for name in ("gloss", "metal", "glow")
    )
    albedo = _albedo(mesh, seen, parts, look)  # (3, n)
    open_sky = occlusion(seen, size)
    warm = np.array([[1 + 0.14 * shot.warmth], [1], [1 - 0.2 * shot.warmth]], np.float32)

    key = np.maximum(light @ normal, 0) * lit
    up = normal[1] * np.float32(0.5)
    fill = (view - light) * np.float32(0.5)
    ambient = (
        np.float32(0.31) + np.float32(0.3) * up + np.float32(0.1) * np.maximum(fill @ normal, 0)
    ) * open_sky
    bounce = (np.float32(0.06) - np.float32(0.12) * up) * open_sky
    diffuse = key * (np.float32(0.86) * warm) + ambient + bounce * linear(shot.background)[:, None]
    diffuse *= 1 - np.float32(0.6) * metal
    diffuse += glow

    mirror = _mirror(normal, facing, light, view, gloss, metal, lit=lit, open_sky=open_sky)
    return albedo * diffuse + mirror * (1 - metal * (1 - albedo)) * warm


def _mirror(
    normal: np.ndarray,
    facing: np.ndarray,
    light: np.ndarray,
    view: np.ndarray,
    gloss: np.ndarray,
    metal: np.ndarray,
    *,
    lit: np.ndarray,
    open_sky: np.ndarray,
) -> np.ndarray:
    """What a glossy surface mirrors, (n,): the lamp itself (Blinn) and a softbox overhead, more at
    grazing angles.
    """
    half = (light + view) / np.linalg.norm(light + view)
    shine = gloss * gloss
    spot = (
        np.maximum(half @ normal, np.float32(1e-6)) ** (6 + 140 * shine)
        * gloss
        * (np.float32(0.55) * lit)
    )
    height = 2 * facing * normal[1] - view[1]  # of the mirrored direction
    box = np.clip((height - np.float32(0.15)) * 3, 0, 1) * np.clip(
        (np.float32(0.95) - height) * 4, 0, 1
    )
    grazing = (1 - facing) * (1 - facing)
    strength = np.float32(0.1) + np.float32(0.8) * grazing * grazing + np.float32(0.9) * metal
    return spot + (box * np.float32(0.9) + np.float32(0.1)) * shine * strength * open_sky


def _albedo(mesh: Mesh, seen: Fragments, parts: list[Part], look: Look) -> np.ndarray:
    """The parts' own colours, with the look's pattern printed in the accent colour where a part
    carries it, (3, n).
    """
    part = mesh.part[seen.cell]
    albedo = np.stack([linear(p.colour) for p in parts], 1).take(part, 1)
    if look.pattern != "plain":
        ink = (
            _ink(look.pattern, *seen.interpolate(mesh, mesh.uv))
            * np.array([p.patterned for p in parts], np.float32)[part]
        )
        albedo += ink * (linear(look.accent)[:, None] - albedo)
    return albedo


def _ink(pattern: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """How much of the pattern's ink is at surface coordinates u (around) and v (along), 0 to 1."""
    if pattern == "stripes":
        return (np.mod(v, STRIPE) < 0.42 * STRIPE).astype(np.float32)
    if pattern == "dots":
        row = np.floor(v / DOT)
        x = np.mod(u + np.mod(row, 2) * (DOT / 2), DOT) - DOT / 2
        y = v - (row + 0.5) * DOT
        return (x * x + y * y < (0.3 * DOT) ** 2).astype(np.float32)
    bands = (np.mod(u, CHECK) < CHECK / 2).astype(np.float32) + (np.mod(v, CHECK) < CHECK / 2)
    return bands * np.float32(0.5)


def occlusion(seen: Fragments, size: int) -> np.ndarray:
    """Share of the surroundings' light that reaches each visible point: less where the neighbours
    are nearer to us.
    """
    near, far = float(seen.depth.max()), float(seen.depth.min())
    depth = np.full(size * size, far, np.float32)
    depth[seen.pixel] = seen.depth
    small = depth.reshape(size, size)[
        ::4, ::4
    ]  # a coarse look is enough: the shade in a hollow is soft
    sunk = gaussian_filter(small, size / 110, truncate=2) - small  # positive in a hollow
    dark = np.clip(sunk * np.float32(3.2 / (near - far + 0.4)), 0, 0.75)
    return (
        1
        - np.asarray(Image.fromarray(dark).resize((size, size), Image.Resampling.BILINEAR)).ravel()[
            seen.pixel
        ]
    )


def backdrop(shot: Shot, size: int) -> np.ndarray:
    """A sheet of paper that hangs behind the product and sweeps under it, (3, size, size)."""
    y = np.linspace(0, 1, size, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, size, dtype=np.float32)[None] - np.float32(np.sign(shot.light[0]) * 0.25)
    horizon = np.float32(0.5 + 0.006 * (15 - shot.elevation))
    sweep = 1 / (1 + np.exp((horizon - y) * 14))
    level = 0.84 + 0.13 * sweep - 0.07 * x * x + 0.05 * y
    warm = np.array([1 + 0.07 * shot.warmth, 1, 1 - 0.1 * shot.warmth], np.float32)
    return np.minimum((linear(shot.background) * warm)[:, None, None] * level, 1)


def blend(scene: np.ndarray, colour: np.ndarray, pixel: np.ndarray, fine: int) -> np.ndarray:
    """The product's fine pixels laid over the scene, four to a pixel, (3, size, size)."""
    layer = np.zeros((4, fine * fine), np.float32)
    layer[:3, pixel] = _tone(colour)
    layer[3, pixel] = 1
    layer = layer.reshape(4, fine, fine)
    mean = (
        layer[:, ::2, ::2] + layer[:, 1::2, ::2] + layer[:, ::2, 1::2] + layer[:, 1::2, 1::2]
    ) * np.float32(0.25)
    return scene * (1 - mean[3]) + mean[:3]


def _tone(colour: np.ndarray) -> np.ndarray:
    """Film-like shoulder: straight up to 0.7, then gently towards 1."""
    over = np.maximum(colour - 0.7, 0)
    return np.minimum(colour, 0.7) + over / (1 + over / 0.3)
