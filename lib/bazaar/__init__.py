"""The generated shop that serves with no download: `shop()` gives its tables, `photos.jpeg` its photos."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lib.bazaar.shop import Photo, Shop, shop

TABLES = ("__init__.py", "shop.py", "words.py", "questions.py", "rewordings.py")  # say what is drawn, not how


def version() -> str:
    """A hash of the code that draws: another version makes other photos of what `Shop.photos` holds."""
    files = sorted(p for p in Path(__file__).parent.glob("*.py") if p.name not in TABLES)
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:16]


__all__ = ["Photo", "Shop", "shop", "version"]
