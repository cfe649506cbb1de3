"""The kinds of product that can be photographed, by name; not their geometry, which is in the files
imported here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bazaar import apparel, gadgets, homeware, shoes
from bazaar.surfaces import Part

if TYPE_CHECKING:
    from bazaar.looks import Look

SHAPES: dict[str, Callable[[Look], list[Part]]] = {
    "mug": homeware.mug,
    "teapot": homeware.teapot,
    "bottle": homeware.bottle,
    "vase": homeware.vase,
    "lamp": homeware.lamp,
    "handbag": apparel.handbag,
    "backpack": apparel.backpack,
    "shoe": shoes.shoe,
    "shirt": apparel.shirt,
    "camera": gadgets.camera,
    "headphones": gadgets.headphones,
    "watch": gadgets.watch,
    "chair": homeware.chair,
    "pan": homeware.pan,
}
