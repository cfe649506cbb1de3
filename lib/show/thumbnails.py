"""Small photos to look at: as pictures for figures, as data: addresses for pages.

Encoders read photos by themselves.
"""

from __future__ import annotations

import base64
import functools
import io
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

SIDE = 128  # pixels
QUALITY = 75  # of a JPEG: about 3 kB for a product on white


def thumbnail(path: str | None) -> Image.Image:
    """The photo on a white square. A card says so where there is none, or none that opens."""
    from PIL import Image, ImageDraw, ImageOps

    from lib.encoders.image import open_photo

    try:
        if path:
            return ImageOps.pad(open_photo(path), (SIDE, SIDE), color="white")
        message = "no\nphoto"
    except ValueError:
        message = "unreadable\nphoto"
    card = Image.new("RGB", (SIDE, SIDE), "#eceff2")
    middle = SIDE / 2, SIDE / 2
    ImageDraw.Draw(card).text(middle, message, fill="#5b6675", anchor="mm", align="center")
    return card


def data_uri(path: str | None) -> str:
    """The thumbnail as a JPEG in a data: address, so that a page needs no further file."""
    there = path and os.path.exists(path)
    return _data_uri(path, os.path.getmtime(path) if there else None)


@functools.lru_cache(maxsize=4096)
def _data_uri(path: str | None, changed: float | None) -> str:  # a photo that changed is read anew
    data = io.BytesIO()
    thumbnail(path).save(data, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()
