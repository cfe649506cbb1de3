"""Photos made small, to be looked at: as pictures for figures, as data URIs for pages. Encoders read photos by themselves."""

from __future__ import annotations

import base64
import functools
import io
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

QUALITY = 75  # of a JPEG: about 3 kB for 128 pixels of a product on white


def thumbnail(path: str | None, side: int = 128) -> Image.Image:
    """The photo on a white square of `side` pixels; where there is none, or none that opens, a card that says so."""
    from PIL import Image, ImageDraw, ImageOps

    from lib.encoders.image import open_photo

    try:
        if path:
            return ImageOps.pad(open_photo(path), (side, side), color="white")
        says = "no photo"
    except ValueError:
        says = "unreadable photo"
    card = Image.new("RGB", (side, side), "#eceff2")
    ImageDraw.Draw(card).text((side / 2, side / 2), says.replace(" ", "\n"), fill="#5b6675", anchor="mm", align="center")
    return card


def data_uri(path: str | None, side: int = 128) -> str:
    """The thumbnail as a JPEG in a data: address, which a page shows without asking for a file."""
    there = path and os.path.exists(path)
    return _data_uri(path, os.path.getmtime(path) if there else None, side)


@functools.lru_cache(maxsize=4096)
def _data_uri(path: str | None, changed: float | None, side: int) -> str:
    data = io.BytesIO()
    thumbnail(path, side).save(data, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()
