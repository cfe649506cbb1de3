"""The published sets of one shop: products with photos or names, and shoppers' histories."""

from __future__ import annotations

import html
import json
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lib.data.catalogue import Catalogue
from lib.data.cells import parse_prices
from lib.data.dataset import Dataset
from lib.data.purchases import Purchases, leave_last_out
from lib.data.sources import SOURCES, fetch
from lib.data.tables import read_table
from lib.data.task import Task

SPECIFICATION = re.compile(r'"key"=>"([^"]*)", "value"=>"([^"]*)"')  # as Flipkart writes one


def flipkart() -> Dataset:
    """Products with photo, text, price and brand.

    Products of the same top-level category count as relevant: the set has no better judgement of
    likeness.
    """
    folder = fetch("flipkart")
    frame = read_table(folder / "flipkart_com-ecommerce_sample_1050.csv")
    trees = [json.loads(tree)[0] for tree in frame["product_category_tree"]]
    items = {
        "title": frame["product_name"],
        "description": frame["description"],
        "brand": frame["brand"],
        "category": [tree.replace(" >> ", " > ") for tree in trees],
        "price": parse_prices(frame["discounted_price"], "flipkart"),
        "image": _photos("flipkart", [folder / "Images" / name for name in frame["image"]]),
        "attributes": [dict(SPECIFICATION.findall(t)) for t in frame["product_specifications"]],
    }
    catalogue = Catalogue("flipkart", pd.DataFrame(items).set_index(frame["uniq_id"]))
    task = Task.same_label("category", catalogue, catalogue.category(0))
    return Dataset("flipkart", {"flipkart": catalogue}, {"category": task})


def fashion() -> Dataset:
    """Fashion photos and names.

    Products of the same article type are relevant. Colour variants share a name, so they are a
    group.
    """
    folder = fetch("fashion")
    frame = read_table(folder / "styles.csv")
    names = frame["productDisplayName"]
    levels = frame[["masterCategory", "subCategory", "articleType"]]
    kept = frame[["gender", "baseColour", "season", "year", "usage"]].to_dict("records")
    items = {
        "title": names,
        "category": levels.agg(" > ".join, axis=1),
        "image": _photos("fashion", [folder / "images" / f"{i}.jpg" for i in frame["id"]]),
        "attributes": [{k: v for k, v in row.items() if v} for row in kept],
        "group": names.str.lower().str.split().str.join(" "),
    }
    catalogue = Catalogue("fashion", pd.DataFrame(items).set_index(frame["id"]))
    task = Task.same_label("category", catalogue, catalogue.category(2))
    return Dataset("fashion", {"fashion": catalogue}, {"category": task})


def product1m() -> Dataset:
    """Chinese titles in two catalogues, dev and test.

    A listing is relevant where it contains the same products.
    """
    folder = fetch("product1m")
    catalogues, tasks = {}, {}
    for part in ("dev", "test"):
        lines = _lines(folder / f"product1m_{part}_ossurl_v2.txt")
        rows = pd.DataFrame([line.split("#####") for line in lines if line.strip()]).set_index(0)
        products = [" + ".join(sorted(names.split("#;#"))) for names in rows[4]]
        items = pd.DataFrame({"title": rows[1], "group": products})
        catalogues[part] = Catalogue(part, items)
        tasks[part] = Task.same_label(f"same products, {part}", catalogues[part], products)
    return Dataset("product1m", catalogues, tasks)


def beauty() -> Dataset:
    """Purchases in time order; items have attribute codes but no titles."""
    folder = fetch("beauty")
    codes = json.loads((folder / "Beauty_item2attributes.json").read_text())
    histories = [line.split() for line in _lines(folder / "Beauty.txt")]
    ids = sorted({item for _, *items in histories for item in items}, key=int)
    attributes = [{"codes": " ".join(map(str, codes.get(i, [])))} for i in ids]
    catalogue = Catalogue("beauty", pd.DataFrame({"attributes": attributes}, index=ids))
    return _next_item(catalogue, histories)


def games() -> Dataset:
    """Shoppers' histories over video games with titles."""
    folder = fetch("games")
    rows = [line.split("\t", 1) for line in _lines(folder / "Games-6k.item")[1:]]
    titles = {item: html.unescape(title) for item, title in rows}
    catalogue = Catalogue("games", pd.DataFrame({"title": titles}))
    histories = [line.split() for line in _lines(folder / "Games-6k.test.inter")[1:]]
    return _next_item(catalogue, histories)


def _next_item(catalogue: Catalogue, histories: Sequence[Sequence[str]]) -> Dataset:
    """The task is each user's last item; a history is the user and the items, oldest first."""
    rows = [(user, item) for user, *items in histories for item in items]
    interactions = pd.DataFrame(rows, columns=["user", "item"])
    _, task = leave_last_out(Purchases.read(interactions, catalogue))
    catalogues = {catalogue.name: catalogue, "users": task.queries}
    return Dataset(catalogue.name, catalogues, {"next item": task}, interactions=interactions)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def _photos(name: str, paths: Sequence[Path]) -> list[str | None]:
    """The photos that are there; warns where some are not, and refuses a set without any."""
    found = [str(path) if path.is_file() else None for path in paths]
    lacking, folder = found.count(None), paths[0].parent
    if lacking == len(found):
        raise FileNotFoundError(
            f"{name}: none of the {len(found)} photos is in {folder}; get them from "
            f"{SOURCES[name].origin}"
        )
    if lacking:
        warnings.warn(
            f"{name}: {lacking} of {len(found)} products have no photo in {folder}", stacklevel=4
        )
    return found
