"""Which column of an unknown table is what: guessed from its name and from its cells.

A guess is written to dataset.yaml, where its owner can correct it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.cells import attribute_table, first_photo, missing, parse_price

# what shops call a field, the likeliest word first
WORDS = {
    "id": "id uniq_id sku asin product_id item_id pid handle code ean gtin artikelnummer 编号",
    "group": "group item_group_id group_id parent_asin parent_id parent variant_of",
    "image": "image images image_link image_url photo photos picture img filename bild 图片",
    "price": "price sale_price discounted_price selling_price final_price cost preis prix precio "
    "价格",
    "title": "title name product_name product_title item_name titel bezeichnung nom nombre 标题 "
    "商品名称",
    "description": "description desc body about details text beschreibung reviews review 描述",
    "brand": "brand manufacturer vendor maker producer publisher author marke hersteller marque "
    "marca 品牌",
    "category": "category product_category_tree category_path categories product_type department "
    "kategorie breadcrumbs breadcrumb section collection kind type genre 分类 类别",
}
PHOTO = re.compile(r"\.(jpe?g|png|webp|gif|bmp)\b", re.I)
ADDRESS = re.compile(r"\s*https?://", re.I)
SHORT, LONG = 60, 40  # letters: attributes are at most, descriptions at least so long on average


def guess_columns(table: pd.DataFrame, images: Path | None = None) -> dict[str, str | list[str]]:
    """The column of each field that the table seems to have; other short columns: attributes.

    `images` is the folder of the photos. Raises ValueError where nothing can be the title.

    >>> shop = {"sku": ["1", "2"], "name": ["Red mug", "Blue cup"], "cost": ["9,99", "12"],
    ...         "colour": ["red", "blue"]}
    >>> guess_columns(pd.DataFrame(shop))
    {'id': 'sku', 'price': 'cost', 'title': 'name', 'attributes': ['colour']}
    """
    known = {name: _known(table[name]) for name in table}
    chosen: dict[str, str | list[str]] = {}
    for field in WORDS:
        left = {n: cells for n, cells in known.items() if len(cells) and n not in chosen.values()}
        fits = [n for n, cells in left.items() if FITS[field](cells, len(table), images)]
        named = {n: rank for n in fits if (rank := _rank(n, field)) is not None}
        if named:
            chosen[field] = min(named, key=named.get)
        elif field in ("image", "title") and fits:  # their cells alone tell
            chosen[field] = max(fits, key=lambda n: known[n].nunique())
    if not {"title", "image", "description"} & set(chosen):
        raise ValueError(
            f"none of the columns {', '.join(map(str, table))} looks like a title, a description "
            'or a photo; say which one is, in dataset.yaml: columns: {"title": "…"}'
        )
    rest = [n for n, cells in known.items() if n not in chosen.values() and _attribute(cells)]
    return chosen | ({"attributes": rest} if rest else {})


def _known(cells: pd.Series) -> pd.Series:
    cells = cells[[not missing(cell) for cell in cells]]
    return cells.map(lambda cell: cell if isinstance(cell, str) else str(cell))


def _rank(name: str, field: str) -> float | None:
    """How likely a column of that name is the field, 0 best; None: it says nothing."""
    words = WORDS[field].split()
    plain = re.sub(r"[^\w]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name))).lower()
    if plain in words:
        return words.index(plain)
    parts = plain.split("_")
    inside = [i for i, word in enumerate(words) if word in parts]
    return len(words) + min(inside) if inside else None


def _share(cells: pd.Series, test: Callable) -> float:
    return float(np.mean([bool(test(cell)) for cell in cells.head(500)]))


def _is_id(cells: pd.Series, rows: int, images: Path | None) -> bool:
    """Nearly every row has its own; the few that repeat one are left out later, with a warning."""
    return len(cells) >= 0.9 * rows and cells.nunique() >= 0.7 * rows


def _is_photo(cells: pd.Series, rows: int, images: Path | None) -> bool:
    if _share(cells, PHOTO.search) > 0.5:
        return True
    return bool(images) and _share(cells.head(50), lambda c: first_photo(images, c)) > 0.5


def _is_price(cells: pd.Series, rows: int, images: Path | None) -> bool:
    return _share(cells, lambda cell: len(cell) < 30 and not np.isnan(parse_price(cell))) > 0.5


def _is_text(cells: pd.Series, rows: int, images: Path | None) -> bool:
    """Letters, no addresses or photos; most rows differ."""
    wordy = _share(cells, lambda c: sum(map(str.isalpha, c)) * 2 > len(c.replace(" ", "")))
    web = _share(cells, lambda cell: ADDRESS.match(cell) or PHOTO.search(cell[-6:]))
    return wordy > 0.5 and web < 0.5 and cells.nunique() > 0.2 * len(cells)


def _is_description(cells: pd.Series, rows: int, images: Path | None) -> bool:
    return cells.str.len().mean() >= LONG and _share(cells, ADDRESS.match) < 0.5


def _is_kind(cells: pd.Series, rows: int, images: Path | None) -> bool:
    return _share(cells, ADDRESS.match) < 0.5 and cells.str.len().mean() < 200


def _is_group(cells: pd.Series, rows: int, images: Path | None) -> bool:
    return bool(cells.duplicated().any())


def _attribute(cells: pd.Series) -> bool:
    """Short, no address, neither the same in every row nor a number of its own in each; or a table
    such as {"colour": "red"}.
    """
    if len(cells) and _share(cells, attribute_table) > 0.5:
        return True
    if len(cells) == 0 or cells.str.len().mean() > SHORT or _share(cells, ADDRESS.match) > 0.5:
        return False
    if cells.nunique() > 0.9 * len(cells) and pd.to_numeric(cells, errors="coerce").notna().all():
        return False
    return cells.nunique() > 1 and _share(cells, PHOTO.search) < 0.5


FITS = {
    "id": _is_id,
    "group": _is_group,
    "image": _is_photo,
    "price": _is_price,
    "title": _is_text,
    "description": _is_description,
    "brand": _is_kind,
    "category": _is_kind,
}
