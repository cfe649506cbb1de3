"""`load`: a data set by its name, or from a folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from lib.data.beir import read_beir
from lib.data.dataset import Dataset
from lib.data.generated_shop import generated_shop
from lib.data.shop_folder import find_table, parquet_files, read_parquet_shop, read_shop
from lib.data.single_shops import beauty, fashion, flipkart, games, product1m
from lib.data.two_shops import TWO_SHOPS, two_shops
from lib.hints import did_you_mean

LOADERS: dict[str, Callable[..., Dataset]] = {
    "bazaar": generated_shop,
    **{name: partial(two_shops, name) for name in TWO_SHOPS},
    "flipkart": flipkart,
    "fashion": fashion,
    "beauty": beauty,
    "games": games,
    "product1m": product1m,
}


def load(name: str | Path, *, rows: int | None = None, seed: int = 0, **options: object) -> Dataset:
    """The data set of that name, or the one in a folder: a shop of your own, BEIR's or Hugging
    Face's files.

    `rows` and `seed` say how many listings are generated and from which seed; `options` are those
    of `bazaar.shop`, and `photos`. They matter for the generated shop only: all other sets come
    whole. Files are looked for in the folders of the path list AKIN_DATA, then in `data/`, else
    downloaded where there is a public address. Raises ValueError for an unknown name, and
    FileNotFoundError that says where to get the set.

    >>> shop = load("bazaar", rows=60)
    >>> {name: len(catalogue) for name, catalogue in shop.catalogues.items()}
    {'bazaar': 60, 'queries': 20, 'questions': 20}
    >>> list(shop.tasks)
    ['same product', 'category', 'blocking', 'search', 'questions']
    """
    if name == "bazaar":
        return generated_shop(**options, seed=seed, **({} if rows is None else {"rows": rows}))
    if name in LOADERS:
        return LOADERS[name]()
    folder = Path(name)
    if find_table(folder):
        return read_shop(folder)
    if (folder / "corpus.jsonl").is_file():
        return _beir_folder(folder)
    if parquet_files(folder):
        return read_parquet_shop(folder)
    raise ValueError(
        f"no data set {str(name)!r}; there are {', '.join(LOADERS)}, and folders with a "
        "catalogue.csv (akin new makes one), with corpus.jsonl and qrels/, or with Parquet files"
        f"{did_you_mean(str(name), LOADERS)}"
    )


def is_folder(name: str | Path) -> bool:
    """Whether `load` opens this as a folder."""
    folder = Path(name)
    return bool(find_table(folder) or (folder / "corpus.jsonl").is_file() or parquet_files(folder))


def _beir_folder(folder: Path) -> Dataset:
    """One task a file of qrels/; "search" is that of test.tsv, else the first. Photos: images/."""
    images = folder / "images" if (folder / "images").is_dir() else None
    splits = sorted(path.stem for path in folder.glob("qrels/*.tsv"))
    tasks = {}
    for split in sorted(splits, key="test".__ne__):
        name = f"search, {split}" if tasks else "search"
        tasks[name] = read_beir(folder, split=split, images=images, name=name)
    if not tasks:
        raise FileNotFoundError(f"{folder} has no judgements; needs a file such as qrels/test.tsv")
    search = tasks["search"]
    return Dataset(folder.name, {"corpus": search.corpus, "queries": search.queries}, tasks)
