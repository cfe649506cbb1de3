"""Makes a shop's folder from a table and photos: `akin new`.

Reading such a folder is in `shop_folder.py`, guessing its columns in `guess.py`.
"""

from __future__ import annotations

import codecs
import os
from pathlib import Path

import pandas as pd
import yaml

from lib.data.cells import FIELDS, missing
from lib.data.dataset import Dataset
from lib.data.guess import guess_columns
from lib.data.shop_folder import find_table, read_shop
from lib.data.tables import OTHERS, read_table
from lib.files import write_atomically

NEEDS = {  # what a shop cannot do without a field
    "title": "encoders of text",
    "image": "encoders of photos, and fusion with them",
    "price": "what rests on prices",
    "category": "results by category, and the category as a proxy of likeness",
    "group": "recall of listings that are known to be one product",
}
FILES = {
    "pairs.csv": "matching and fine-tuning by labelled pairs",
    "queries.csv": "search by judged queries",
    "purchases.csv": "recommendation and assortment",
}


def new_shop(
    table: str | Path, folder: Path, *, images: Path | None = None, sql: str | None = None
) -> tuple[Dataset, str]:
    """Write the folder and open it; beside it a text that says what was guessed.

    `table` is a file, or with `sql`, an SQLAlchemy address, a query. Photos are not copied:
    dataset.yaml names their folder. Raises FileExistsError where the folder holds a table already.
    """
    if find_table(folder):
        raise FileExistsError(f"{folder} holds a catalogue already; choose another with --to")
    how = {}
    if sql:
        content, cells = _query(str(table), sql)
        name = "catalogue.csv"
    else:
        path = Path(table)
        how = _how(path)
        letters = how.get("encoding", "utf-8-sig")
        cells = read_table(path, sep=how.get("separator"), encoding=letters)
        content = path.read_bytes()
        name = f"catalogue{path.suffix.lower()}"
    photos = (images or folder / "images").resolve()
    columns = guess_columns(cells, photos)
    settings = {"columns": columns}
    if images:
        settings["images"] = os.path.relpath(photos, folder.resolve())
    settings |= how
    write_atomically(folder / name, content)
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    write_atomically(folder / "dataset.yaml", text.encode())
    shop = read_shop(folder)
    read = [f"It is read with {name} {value!r}." for name, value in how.items()]
    return shop, "\n".join([*read, *_guessed(columns, cells), "", *_able(shop, folder)])


def _how(path: Path) -> dict[str, str]:
    """The `separator` and `encoding` of a CSV file, where they are not a comma and UTF-8."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return {}
    data, found = path.read_bytes(), {}
    encoding = "utf-8-sig"
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        encoding = found["encoding"] = "utf-16"
    else:
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            encoding = found["encoding"] = "cp1252"  # what Excel writes in the West
    header = data.decode(encoding, errors="replace").partition("\n")[0]
    counts = {sep: header.count(sep) for sep in (",", *OTHERS)}
    best = max(counts, key=counts.get)
    return found | ({"separator": best} if counts[best] > counts[","] else {})


def _query(query: str, address: str) -> tuple[bytes, pd.DataFrame]:
    try:
        from sqlalchemy import create_engine, text
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'a query needs SQLAlchemy; run: pip install -e ".[sql]"'
        ) from error
    with create_engine(address).connect() as connection:
        cells = pd.read_sql(text(query), connection)
    cells = cells.astype(object).where(cells.notna(), "").astype(str)
    content = cells.to_csv(index=False).encode()
    return content, cells.set_axis(range(2, len(cells) + 2))


def _guessed(columns: dict, cells: pd.DataFrame) -> list[str]:
    """A line a field: its column and three example values."""
    lines = [f"{len(cells)} rows. What each column seems to be (correct it in dataset.yaml):"]
    for field, source in columns.items():
        if isinstance(source, str):
            known = [str(cell) for cell in cells[source] if not missing(cell)]
            shown = " | ".join(text[:40] for text in list(dict.fromkeys(known))[:3])
            lines.append(f"  {field:<12} {source:<24} {shown}")
        else:
            lines.append(f"  {field:<12} {', '.join(map(str, source))}")
    used = {n for s in columns.values() for n in ([s] if isinstance(s, str) else s)}
    left = [str(name) for name in cells if name not in used]
    return [*lines, *([f"  not used     {', '.join(left)}"] if left else [])]


def _able(shop: Dataset, folder: Path) -> list[str]:
    items = shop.catalogue.items
    lines = [f"{len(items)} products."]
    shares = items[[*FIELDS]].notna().mean()
    lines += [f"  {share:4.0%} have {field}" for field, share in shares[shares > 0].items()]
    if absent := ", ".join(shares.index[shares == 0]):
        lines.append(f"  none has {absent}")
    lacking = [says for field, says in NEEDS.items() if items[field].isna().all()]
    lacking += [f"{says} ({name})" for name, says in FILES.items() if not (folder / name).is_file()]
    lines.append(f"It can measure: {', '.join(shop.tasks)}.")
    return [*lines, "It cannot do: " + "; ".join(lacking) + "."]
