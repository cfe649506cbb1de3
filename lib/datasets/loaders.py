"""How each set's files become catalogues and tasks. Where the files come from is in `sources.py`."""

from __future__ import annotations

import functools
import hashlib
import html
import json
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import block_array, csr_array
from scipy.sparse.csgraph import connected_components

from lib import bazaar as generator
from lib import reading
from lib.bazaar import Photo
from lib.bazaar.photos import jpeg
from lib.catalogue import Catalogue, Task
from lib.datasets import Dataset
from lib.datasets.sources import SOURCES, fetch
from lib.files import DATA
from lib.reading import parse_price, read_table
from lib.tasks.purchases import Purchases, leave_last_out


def bazaar(*, photos: bool = True, **options: object) -> Dataset:
    """The generated shop (options: `bazaar.shop`'s). Photos are drawn once, into a folder named by what they show."""
    shop = generator.shop(**options)
    items = shop.items.copy()
    if photos:
        folder = _drawn(shop.photos, key=repr(sorted(shop.photos.items())) + generator.version())
        items["image"] = [str(folder / f"{i}.jpg") if i in shop.photos else None for i in items.index]
    items["all_fields"] = Catalogue("bazaar", items).text(("title", "description", "brand", "price"))
    catalogue = Catalogue("bazaar", items)
    asked = {name: Catalogue(name, frame) for name, frame in (("queries", shop.queries), ("questions", shop.questions))}
    tasks = {
        "same product": Task.same_label("same product", catalogue, catalogue.items["group"]),
        "category": Task.same_label("category", catalogue, catalogue.category(2)),
        "blocking": _blocking(catalogue),
        "search": Task.from_matches("search", asked["queries"], catalogue, shop.judgements),
        "questions": Task.from_matches("questions", asked["questions"], catalogue, shop.answers),
    }
    pairs = _family_pairs(tasks["blocking"])
    return Dataset("bazaar", {"bazaar": catalogue, **asked}, tasks, interactions=shop.interactions, pairs=pairs)


def _blocking(catalogue: Catalogue) -> Task:
    """The sellers as two shops: what the odd ones list is looked for among what the even ones list."""
    odd = np.array([int(seller.split()[1]) % 2 == 1 for seller in catalogue.items["seller"]])
    same = Task.same_label("blocking", catalogue, catalogue.items["group"])
    relevance = same.relevance[odd][:, ~odd]
    return Task("blocking", catalogue.take(odd), catalogue.take(~odd), relevance, csr_array(relevance.shape))


def _family_pairs(task: Task) -> pd.DataFrame:
    """Every pair of a family's listings in the two shops, labelled, as records; whole families are in one split."""
    shares = {"train": 0.6, "valid": 0.2, "test": 0.2}
    queries = [part.items.assign(split=split) for split, part in task.queries.split(shares, by="family").items()]
    sides = [frame[["family", "group", *_RECORD]].reset_index(drop=True) for frame in (pd.concat(queries), task.corpus.items)]
    for frame in sides:
        records = frame[_RECORD].to_dict("records")
        frame["record"] = [{f: "" if reading.missing(v) else str(v) for f, v in record.items()} for record in records]
    sides[0]["split"] = pd.concat(queries)["split"].to_numpy()
    pairs = sides[0].merge(sides[1], on="family", suffixes=("", "_found"))
    label = (pairs["group"] == pairs["group_found"]).astype(int)
    return pd.DataFrame({"split": pairs["split"], "left": pairs["record"], "right": pairs["record_found"], "label": label})


def _drawn(photos: dict[str, Photo], key: str) -> Path:
    """The folder with these photos; drawn where it is not there yet, and never half."""
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

    folder = DATA / "bazaar" / hashlib.sha256(key.encode()).hexdigest()[:16]
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".draft-"))
    try:
        # elsewhere new processes would run an unguarded script once more; threads draw as well, more slowly
        with ProcessPoolExecutor() if sys.platform == "linux" else ThreadPoolExecutor() as pool:
            for name, data in zip(photos, pool.map(_jpeg, photos.values(), chunksize=32), strict=True):
                (draft / f"{name}.jpg").write_bytes(data)
        draft.chmod(0o755)
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process drew the same photos meanwhile
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _jpeg(photo: Photo) -> bytes:
    return jpeg(photo.look, photo.shot, size=photo.size)


def two_shops(name: str, left: str, right: str, sep: str, fields: dict[str, str | list[str]]) -> Dataset:
    """Two shops that sell partly the same: the second's items are queries, the first is searched.

    The column `all_fields` joins every column after the id as it stands in the file: the text of the
    published blocking protocol. `group` names the product of matched items; the others have none.
    """
    folder = fetch(name, SOURCES[name])
    catalogues = {}
    for shop in (left, right):
        frame = read_table(folder / f"{shop}.csv", sep=sep)
        frame["all_fields"] = [" ".join(v for v in row if v) for row in frame.drop(columns="id").itertuples(index=False)]
        columns = {"id": "id", "all_fields": "all_fields", **fields}
        catalogues[shop] = Catalogue.from_frame(frame, name=shop, columns=columns)
    matches = read_table(folder / "gt.csv", sep=sep)[["D2", "D1"]].itertuples(index=False, name=None)
    task = _with_groups(Task.from_matches("blocking", catalogues[right], catalogues[left], matches))
    catalogues = {left: task.corpus, right: task.queries}
    return Dataset(name, catalogues, {"blocking": task}, pairs=_pairs(folder / "pairs"))


def _with_groups(task: Task) -> Task:
    """The same task, its matched items labelled with their product: what matches join, directly or through others."""
    matches = task.relevance
    _, product = connected_components(block_array([[None, matches], [matches.T, None]]), directed=False)
    sides = []
    for catalogue, own, matched in (
        (task.queries, product[: matches.shape[0]], matches.sum(axis=1) > 0),
        (task.corpus, product[matches.shape[0] :], matches.sum(axis=0) > 0),
    ):
        groups = [f"product {p}" if known else None for p, known in zip(own, matched, strict=True)]
        sides.append(Catalogue(catalogue.name, catalogue.items.assign(group=groups)))
    return Task(task.name, *sides, task.relevance, task.exclude)


def _pairs(folder: Path) -> pd.DataFrame:
    rows = []
    for split in ("train", "valid", "test"):
        for line in (folder / f"{split}.txt").read_text(encoding="utf-8").splitlines():
            left, right, label = line.split("\t")
            rows.append((split, _fields(left), _fields(right), int(label)))
    return pd.DataFrame(rows, columns=["split", "left", "right", "label"])


def _fields(serialised: str) -> dict[str, str]:
    """ "COL name VAL sony tv COL price VAL 9" -> {"name": "sony tv", "price": "9"}."""
    parts = re.split(r"\s*COL (\S+) VAL\s*", serialised)[1:]
    return dict(zip(parts[::2], (p.strip() for p in parts[1::2]), strict=True))


def flipkart() -> Dataset:
    """Products with photo, text, price and brand; relevant is what shares the top-level category (a proxy)."""
    folder = fetch("flipkart", SOURCES["flipkart"])
    frame = read_table(folder / "flipkart_com-ecommerce_sample_1050.csv")
    items = pd.DataFrame(
        {
            "title": frame["product_name"],
            "description": frame["description"],
            "brand": frame["brand"],
            "category": [" > ".join(json.loads(tree)[0].split(" >> ")) for tree in frame["product_category_tree"]],
            "price": [parse_price(p) for p in frame["discounted_price"]],
            "image": [_photo(folder / "Images" / name) for name in frame["image"]],
            "attributes": [_specifications(s) for s in frame["product_specifications"]],
        }
    ).set_index(frame["uniq_id"])
    _check_photos("flipkart", items, folder / "Images")
    catalogue = Catalogue("flipkart", items)
    task = Task.same_label("category", catalogue, catalogue.category(0))
    return Dataset("flipkart", {"flipkart": catalogue}, {"category": task})


def _specifications(text: str) -> dict[str, str]:
    return dict(re.findall(r'"key"=>"([^"]*)", "value"=>"([^"]*)"', text))


def _photo(path: Path) -> str | None:
    return str(path) if path.is_file() else None


def _check_photos(name: str, items: pd.DataFrame, folder: Path) -> None:
    lacking = items["image"].isna().sum()
    if lacking == len(items):
        raise FileNotFoundError(f"{name}: none of the {len(items)} photos is in {folder}; get them from {SOURCES[name].origin}")
    if lacking:
        warnings.warn(f"{name}: {lacking} of {len(items)} products have no photo in {folder}", stacklevel=4)


def fashion() -> Dataset:
    """Fashion photos and names; relevant is what shares article type; colour variants share a name, so a group."""
    folder = fetch("fashion", SOURCES["fashion"])
    frame = read_table(folder / "styles.csv")
    kept = ["gender", "baseColour", "season", "year", "usage"]
    items = pd.DataFrame(
        {
            "title": frame["productDisplayName"],
            "category": frame[["masterCategory", "subCategory", "articleType"]].agg(" > ".join, axis=1),
            "image": [_photo(folder / "images" / f"{i}.jpg") for i in frame["id"]],
            "attributes": [{k: v for k, v in row.items() if v} for row in frame[kept].to_dict("records")],
            "group": frame["productDisplayName"].str.lower().str.split().str.join(" "),
        }
    ).set_index(frame["id"])
    _check_photos("fashion", items, folder / "images")
    catalogue = Catalogue("fashion", items)
    task = Task.same_label("category", catalogue, catalogue.category(2))
    return Dataset("fashion", {"fashion": catalogue}, {"category": task})


def beauty() -> Dataset:
    """Purchases in time order; items have attribute codes but no titles. Task: each user's last item."""
    folder = fetch("beauty", SOURCES["beauty"])
    attributes = json.loads((folder / "Beauty_item2attributes.json").read_text())
    histories = [line.split() for line in (folder / "Beauty.txt").read_text().splitlines()]
    ids = sorted({item for _, *items in histories for item in items}, key=int)
    catalogue = Catalogue(
        "beauty", pd.DataFrame({"attributes": [{"codes": " ".join(map(str, attributes.get(i, [])))} for i in ids]}, index=ids)
    )
    pairs = [(user, item) for user, *items in histories for item in items]
    return _next_item("beauty", catalogue, pairs)


def games() -> Dataset:
    """Histories over video games with titles. Task: each user's last item."""
    folder = fetch("games", SOURCES["games"])
    lines = (folder / "Games-6k.item").read_text(encoding="utf-8").splitlines()[1:]
    titles = dict(line.split("\t", 1) for line in lines)
    catalogue = Catalogue("games", pd.DataFrame({"title": [html.unescape(t) for t in titles.values()]}, index=list(titles)))
    pairs = []
    for line in (folder / "Games-6k.test.inter").read_text().splitlines()[1:]:
        user, history, last = line.split("\t")
        pairs += [(user, item) for item in (*history.split(), last)]
    return _next_item("games", catalogue, pairs)


def _next_item(name: str, catalogue: Catalogue, pairs: list[tuple[str, str]]) -> Dataset:
    """Leave-last-out: the last item of each user is relevant, the items before are excluded."""
    interactions = pd.DataFrame(pairs, columns=["user", "item"])
    _, task = leave_last_out(Purchases.read(interactions, catalogue))
    return Dataset(name, {name: catalogue, "users": task.queries}, {"next item": task}, interactions=interactions)


def product1m() -> Dataset:
    """Chinese titles; relevant is a listing that contains the same products. Catalogues: dev and test."""
    folder = fetch("product1m", SOURCES["product1m"])
    catalogues = {}
    for part in ("dev", "test"):
        lines = (folder / f"product1m_{part}_ossurl_v2.txt").read_text(encoding="utf-8").splitlines()
        rows = [line.split("#####") for line in lines if line.strip()]
        labels = [" + ".join(sorted(row[4].split("#;#"))) for row in rows]
        frame = pd.DataFrame({"title": [row[1] for row in rows], "group": labels}, index=[row[0] for row in rows])
        catalogues[part] = Catalogue(part, frame)
    tasks = {part: Task.same_label(f"same products, {part}", c, c.items["group"]) for part, c in catalogues.items()}
    return Dataset("product1m", catalogues, tasks)


_RECORD = ["title", "description", "brand", "price"]
_SHOPS: dict[str, tuple] = {
    "abt-buy": ("abt", "buy", "|", {"title": "name", "description": "description", "price": "price"}),
    "amazon-google": (
        "amazon", "gp", "#",
        {"title": "title", "description": "description", "brand": "manufacturer", "price": "price"},
    ),
    "walmart-amazon": (
        "walmart", "amazon", "|",
        {"title": "title", "brand": "brand", "price": "price", "attributes": ["modelno", "shipweight", "dimensions"]},
    ),
}  # fmt: skip

LOADERS: dict[str, Callable[..., Dataset]] = {
    "bazaar": bazaar,
    **{name: functools.partial(two_shops, name, *rest) for name, rest in _SHOPS.items()},
    "flipkart": flipkart,
    "fashion": fashion,
    "beauty": beauty,
    "games": games,
    "product1m": product1m,
}
