"""A shop of one's own: a folder with a table and, where there are any, photos, pairs, judged
queries and purchases.

Which column is what stands in the folder's dataset.yaml; `guess.py` guesses where it does not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from lib.data.catalogue import Catalogue
from lib.data.cells import missing
from lib.data.dataset import Dataset
from lib.data.guess import guess_columns
from lib.data.perturbed import found_again
from lib.data.purchases import Purchases, leave_last_out
from lib.data.tables import TABLES, read_table
from lib.data.task import Task
from lib.files import DATA, write_atomically
from lib.hints import did_you_mean

SETTINGS = ("columns", "images", "alike", "separator", "encoding")
PAIRS, QUERIES = ("left", "right", "label"), ("id", "text")
REVIEWS = ("product", "text")
JUDGED, BOUGHT = ("query", "product", "gain"), ("user", "item")
TEXTS = ("title", "description", "brand", "category")
SPLITS = {"train": 0.6, "valid": 0.2, "test": 0.2}


def find_table(folder: Path) -> Path | None:
    """The folder's catalogue.csv, .tsv, .parquet, .jsonl or .ndjson; None where there is none."""
    return next((f for f in (folder / f"catalogue{end}" for end in TABLES) if f.is_file()), None)


def read_shop(folder: Path) -> Dataset:
    """The shop in a folder.

    Its tasks, the surest truth first: "search" (judged queries), "same product" (groups, or the
    pairs that are labelled 1), "next item" (purchases), what dataset.yaml calls `alike`,
    "category" and "brand". The last two are proxies: nobody judged them. Where there is none of
    these, "found again" looks for listings whose words were disturbed. Raises ValueError that
    names file and row of what cannot be read; a photo or a price that cannot be read is missing,
    with a warning.
    """
    settings = _settings(folder / "dataset.yaml")
    return _dataset(folder, read_catalogue(folder, settings), settings)


def _dataset(folder: Path, catalogue: Catalogue, settings: Mapping) -> Dataset:
    pairs = _table(folder, "pairs.csv", PAIRS)
    if pairs is not None:
        catalogue = _grouped(catalogue, pairs, folder / "pairs.csv")
    catalogue = _with_reviews(catalogue, folder)
    catalogues, tasks = {catalogue.name: catalogue}, {}
    if (folder / "queries.csv").is_file():
        tasks["search"] = _search(folder, catalogue)
        catalogues["queries"] = tasks["search"].queries
    if catalogue.items["group"].dropna().duplicated().any():
        tasks["same product"] = Task.same_label("same product", catalogue, catalogue.items["group"])
    bought = _table(folder, "purchases.csv", BOUGHT)
    if bought is not None:
        _, tasks["next item"] = leave_last_out(Purchases.read(bought, catalogue))
    for label in filter(None, (settings.get("alike"), "category", "brand")):
        labels = catalogue.labels(label)
        known = pd.Series(labels, dtype=object).value_counts()
        if len(known) > 1 and known.iloc[0] > 1:
            name = label.partition(":")[0]
            tasks.setdefault(name, Task.same_label(name, catalogue, labels))
    if not tasks:
        tasks["found again"] = found_again(catalogue)
    records = None if pairs is None else _records(pairs, catalogue)
    return Dataset(catalogue.name, catalogues, tasks, interactions=bought, pairs=records)


def read_catalogue(folder: Path, settings: Mapping) -> Catalogue:
    """The folder's table; what dataset.yaml does not say of its columns is guessed."""
    path = find_table(folder)
    letters = settings.get("encoding", "utf-8-sig")
    table = read_table(path, sep=settings.get("separator"), encoding=letters)
    images = folder / settings.get("images", "images")
    return as_catalogue(table, folder.resolve().name, images, settings.get("columns"))


def as_catalogue(
    table: pd.DataFrame, name: str, images: Path, columns: Mapping | None = None
) -> Catalogue:
    """A table of cells as a catalogue, forgiving: what cannot be read is missing, with a warning.

    Rows are numbered where no column can be the id. Without a column of photos, those that are
    called like a product's id are its own.
    """
    columns = dict(columns or guess_columns(table, images))
    if "id" not in columns:
        table = table.assign(id=[f"row {row}" for row in table.index])
        columns["id"] = "id"
    if "image" not in columns and images.is_dir():
        named = {path.stem: path.name for path in images.iterdir()}
        table = table.assign(image=[named.get(str(i)) for i in table[columns["id"]]])
        columns["image"] = "image"
    table = table[[c for c in table if c in _flat(columns.values())]]
    return Catalogue.read(table, columns=columns, images=images, name=name, bad_rows="mend")


def parquet_files(folder: Path) -> list[Path]:
    """The Parquet files of a Hugging Face `datasets` folder, those of "train" if it has parts."""
    files = sorted([*folder.glob("*.parquet"), *folder.glob("data/*.parquet")])
    return [file for file in files if file.stem.startswith("train")] or files


def read_parquet_shop(folder: Path) -> Dataset:
    """The shop in a folder of Parquet files; photos inside them are kept in data/cache/photos."""
    table = pd.concat([read_table(file) for file in parquet_files(folder)], ignore_index=True)
    photos = DATA / "cache" / "photos"
    for column in table:
        first = next((cell for cell in table[column] if not missing(cell)), None)
        if isinstance(first, dict) and "bytes" in first:
            table[column] = [_photo_file(cell, photos) for cell in table[column]]
    catalogue = as_catalogue(
        table.set_axis(range(1, len(table) + 1)), folder.resolve().name, photos
    )
    return _dataset(folder, catalogue, {})


def _photo_file(cell: object, photos: Path) -> str | None:
    """A photo's bytes as a file that is called by their hash."""
    data = cell.get("bytes") if isinstance(cell, dict) else None
    if not data:
        return None
    path = photos / f"{hashlib.sha256(data).hexdigest()[:24]}.jpg"
    if not path.exists():
        write_atomically(path, data)
    return path.name


def _flat(sources: Iterable[str | Sequence[str]]) -> list[str]:
    return [name for s in sources for name in ([s] if isinstance(s, str) else s)]


def _settings(file: Path) -> dict:
    if not file.is_file():
        return {}
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise ValueError(f"{file}: {str(error).splitlines()[0]}; it must be YAML") from error
    for key in found:
        if key not in SETTINGS:
            raise ValueError(
                f"{file}: {key!r} is unknown{did_you_mean(str(key), SETTINGS)}; "
                f"it may have {', '.join(SETTINGS)}"
            )
    return found


def _table(folder: Path, file: str, columns: tuple[str, ...]) -> pd.DataFrame | None:
    """One of the optional tables; None where there is none."""
    path = folder / file
    if not path.is_file():
        return None
    frame = read_table(path)
    lacking = [column for column in columns if column not in frame]
    if lacking:
        raise ValueError(
            f"{path} has no column {lacking[0]!r}; needs {', '.join(columns)}, "
            f"has {', '.join(frame)}"
        )
    return frame


def _rows(catalogue: Catalogue, ids: pd.Series, path: Path) -> np.ndarray:
    """The catalogue's row of each id, (p,)."""
    rows = catalogue.items.index.get_indexer(pd.Index(ids.astype(str), dtype=object))
    if (rows < 0).any():
        lost = int(np.argmin(rows))
        raise ValueError(
            f"{path}, row {ids.index[lost]}: the catalogue has no product {ids.iloc[lost]!r}"
        )
    return rows


def _numbers(values: pd.Series, path: Path) -> np.ndarray:
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.isna().any():
        row = numbers.index[numbers.isna()][0]
        raise ValueError(f"{path}, row {row}: {values.name} must be a number, got {values[row]!r}")
    return numbers.to_numpy(float)


def _grouped(catalogue: Catalogue, pairs: pd.DataFrame, path: Path) -> Catalogue:
    """The catalogue with groups, where it has none: listings joined by pairs labelled 1."""
    left, right = (_rows(catalogue, pairs[side], path) for side in ("left", "right"))
    alike = _numbers(pairs["label"], path) > 0
    if catalogue.items["group"].notna().any():
        return catalogue
    n = len(catalogue)
    graph = coo_array((np.ones(alike.sum()), (left[alike], right[alike])), shape=(n, n))
    _, product = connected_components(graph, directed=False)
    joined = np.bincount(product)[product] > 1
    groups = [f"product {p}" if many else None for p, many in zip(product, joined, strict=True)]
    return Catalogue(catalogue.name, catalogue.items.assign(group=groups))


def _records(pairs: pd.DataFrame, catalogue: Catalogue) -> pd.DataFrame:
    """The pairs with each side's fields in place of its id, as `Dataset.pairs` has them.

    Without a column `split`, the parts are those of the left product's group.
    """
    fields = catalogue.items[[*TEXTS, "price"]].astype(object)
    fields = fields.where(fields.notna(), "").astype(str).to_dict("index")
    listed = pairs.assign(label=pd.to_numeric(pairs["label"]).astype(int))
    if "split" not in pairs:
        for part, some in catalogue.split(SPLITS).items():
            listed.loc[pairs["left"].isin(some.ids), "split"] = part
    for side in ("left", "right"):
        listed[side] = [fields[product] for product in pairs[side]]
    return listed


def _with_reviews(catalogue: Catalogue, folder: Path) -> Catalogue:
    """The catalogue with a field `reviews`, all of a product's joined, where there are any."""
    found = _table(folder, "reviews.csv", REVIEWS)
    if found is None:
        return catalogue
    _rows(catalogue, found["product"], folder / "reviews.csv")
    joined = found.groupby("product")["text"].agg("\n".join).reindex(catalogue.ids)
    return Catalogue(catalogue.name, catalogue.items.assign(reviews=joined.to_numpy()))


def _search(folder: Path, catalogue: Catalogue) -> Task:
    path = folder / "judgements.csv"
    queries, judged = _table(folder, "queries.csv", QUERIES), _table(folder, path.name, JUDGED)
    if judged is None:
        raise FileNotFoundError(f"{path} is missing: queries.csv needs its judgements")
    asked = Catalogue("queries", queries.set_index("id")[["text"]].set_axis(["title"], axis=1))
    gains = _numbers(judged["gain"], path)
    _rows(asked, judged["query"], path), _rows(catalogue, judged["product"], path)
    matches = zip(judged["query"], judged["product"], gains, strict=True)
    return Task.from_matches("search", asked, catalogue, [m for m in matches if m[2] > 0])
