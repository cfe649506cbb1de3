"""Named sets: the generated one as loaded, the real ones as large as their makers say, and
published numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lib.data import generated_shop
from lib.data.dataset import Dataset
from lib.data.loaders import LOADERS, load
from lib.data.published import published, references
from lib.data.sources import SOURCES, find
from lib.data.task import Task
from lib.files import data_folders

SIZES = {
    "abt-buy": {"abt": 1076, "buy": 1076},
    "amazon-google": {"amazon": 1354, "gp": 3039},
    "walmart-amazon": {"walmart": 2554, "amazon": 22074},
    "flipkart": {"flipkart": 1050},
    "fashion": {"fashion": 9583},
    "beauty": {"beauty": 12101, "users": 22363},
    "games": {"games": 16859, "users": 50546},
    "product1m": {"dev": 2673, "test": 6547},
}
MATCHES = {"abt-buy": 1076, "amazon-google": 1103, "walmart-amazon": 853}
PAIRS = {  # split -> pairs, of them the same product
    "abt-buy": {"train": (5743, 616), "valid": (1916, 206), "test": (1916, 206)},
    "amazon-google": {"train": (6874, 699), "valid": (2293, 234), "test": (2293, 234)},
    "walmart-amazon": {"train": (6144, 576), "valid": (2049, 193), "test": (2049, 193)},
}
PHOTOS_MISSING = {"flipkart": 3, "fashion": 0}


def real(name: str) -> tuple[Dataset, Path]:
    """A real set and its folder; the test is skipped where it is not on this machine."""
    folder = find(name)
    if folder is None:
        pytest.skip(f"{name} is not in AKIN_DATA or data/")
    return _loaded(name), folder


_loaded = cache(load)


def right(task: Task) -> list[set[str]]:
    """The ids that are relevant to each query."""
    rows = (
        task.relevance.indices[a:b]
        for a, b in zip(task.relevance.indptr, task.relevance.indptr[1:], strict=False)
    )
    return [set(task.corpus.ids[r]) for r in rows]


@pytest.mark.parametrize(
    ("name", "near"), [("abt_buy", "abt-buy"), ("bazar", "bazaar"), ("Flipkart", "flipkart")]
)
def test_an_unknown_set_gets_a_suggestion(name: str, near: str) -> None:
    with pytest.raises(
        ValueError, match=f"no data set '{name}'; there are bazaar, .*did you mean '{near}'"
    ):
        load(name)


def test_every_name_has_a_loader_and_every_real_one_a_source() -> None:
    assert set(LOADERS) == {"bazaar", *SOURCES} == {"bazaar", *SIZES}


# the generated set


@pytest.fixture(scope="module")
def bazaar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dataset]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generated_shop, "DATA", tmp_path_factory.mktemp("data"))
        yield load("bazaar", rows=60, photo_size=48, missing_photo=0.1)


DIGESTS = {  # 300 listings without photos, by language and seed
    ("en", 0): ("3fa05286749eede0", "419c6294a1f63310", "f5d2701bc7cb67f5", "1699558bcb8c3f5d"),
    ("en", 1): ("51119fead9c9ee6a", "0c4c79aedc5533d0", "f1d3685a6db38740", "bc1e8fbd45fa832b"),
    ("en", 2): ("d9a33daf9ff7773a", "c517c99671ae02e7", "0e0baa70b045eb60", "b8a48e5d2cdc77bd"),
    ("zh", 0): ("47a9867bb38458db", "4b5d6b8e15e7772d", "7037c5c6404f7c1a", "422b53b6424fb406"),
}


@pytest.mark.parametrize(("language", "seed"), DIGESTS)
def test_the_generated_shop_stays_as_it_is(language: str, seed: int) -> None:
    found = load("bazaar", rows=300, seed=seed, language=language, photos=False)
    tasks = [found.tasks[name].digest for name in ("same product", "search", "questions")]
    assert (found.digest, *tasks) == DIGESTS[language, seed]


def test_every_listing_has_its_photo_but_those_that_lack_one(bazaar: Dataset) -> None:
    photos = bazaar.catalogue.items["image"].dropna()
    assert 45 <= len(photos) < 60
    assert all(Path(path).is_file() and Path(path).stem == i for i, path in photos.items())


def test_without_photos_there_are_none(bazaar: Dataset) -> None:
    plain = load("bazaar", rows=60, photos=False)
    assert plain.catalogue.items["image"].isna().all()
    assert plain.catalogue.ids.tolist() == bazaar.catalogue.ids.tolist()


def test_same_product_is_symmetric_and_leaves_the_listing_itself_out(bazaar: Dataset) -> None:
    task, groups = bazaar.tasks["same product"], bazaar.catalogue.items["group"].to_numpy()
    dense = task.relevance.toarray()
    assert (dense == dense.T).all()
    assert (task.exclude.toarray() == np.eye(60)).all()
    assert (dense == ((groups[:, None] == groups) & ~np.eye(60, dtype=bool))).all()
    kinds = bazaar.catalogue.items["category"].to_numpy()
    assert (
        bazaar.tasks["category"].relevance.toarray()
        == ((kinds[:, None] == kinds) & ~np.eye(60, dtype=bool))
    ).all()


def test_blocking_parts_the_sellers_by_parity(bazaar: Dataset) -> None:
    task = bazaar.tasks["blocking"]
    for side, odd in ((task.queries, 1), (task.corpus, 0)):
        assert {int(s.removeprefix("seller ")) % 2 for s in side.items["seller"]} == {odd}
    assert len(task.queries) + len(task.corpus) == 60
    ours, theirs = (side.items["group"].to_numpy() for side in (task.queries, task.corpus))
    assert (task.relevance.toarray() == (ours[:, None] == theirs)).all()
    assert task.relevance.nnz > 5
    assert task.exclude.nnz == 0


def test_search_and_questions_ask_for_listings_of_the_shop(bazaar: Dataset) -> None:
    search, questions = bazaar.tasks["search"], bazaar.tasks["questions"]
    assert set(search.relevance.data) == {1.0, 2.0, 3.0}
    assert set(questions.relevance.data) == {1.0}
    assert all(right(search))
    assert (
        search.corpus.ids.tolist() == questions.corpus.ids.tolist() == bazaar.catalogue.ids.tolist()
    )
    assert search.queries is bazaar.catalogues["queries"]
    assert set(bazaar.interactions["item"]) <= set(bazaar.catalogue.ids)
    shown = bazaar.catalogue.items.iloc[0]
    assert (
        shown["all_fields"] == bazaar.catalogue.text(("title", "description", "brand", "price"))[0]
    )


# published numbers


def test_published_rows_are_those_of_the_paper() -> None:
    table = published("abt-buy", "blocking")
    assert table.loc["sminilm", ["recall@1", "recall@5", "recall@10"]].tolist() == [
        0.6766,
        0.9173,
        0.9656,
    ]
    assert published("amazon-google", "matching").loc["Ditto", "f1"] == 0.7558
    assert published("beauty", "next-item").loc["SASRec", "hit@10"] == 0.0605
    assert "2304.12329" in table.loc["sminilm", "source"]
    with pytest.raises(
        ValueError,
        match=r"nothing published for 'abt-buy', 'next-item'; there is .*'beauty', 'next-item'",
    ):
        published("abt-buy", "next-item")


def test_references_are_the_highest_of_each_kind_or_none() -> None:
    best = references("amazon-google", "matching", "f1")
    assert best == {
        "DeepMatcher+ (published)": 0.707,
        "Ditto (published)": 0.7558,
        "GPT-4o zero-shot (published)": 0.6345,
        "GPT-4o-mini fine-tuned (published)": 0.8025,
    }
    values = published("walmart-amazon", "blocking")["recall@1"]
    blocking = references("walmart-amazon", "blocking", "recall@1")
    assert len(blocking) == 5
    assert max(blocking, key=blocking.get) == f"{values.idxmax()} (published)"
    assert references("bazaar", "matching", "f1") == {}


def test_how_many_published_methods_there_are() -> None:
    for name in ("abt-buy", "amazon-google", "walmart-amazon"):
        assert published(name, "blocking").shape == (14, 5)
        assert published(name, "matching").shape == (7, 3)
    assert published("beauty", "next-item").shape == (14, 4)


def test_every_published_value_stands_in_the_long_table() -> None:
    paths = [folder / "published.csv" for folder in data_folders()]
    path = next((p for p in paths if p.is_file()), None)
    if path is None:
        pytest.skip("published.csv is not in AKIN_DATA or data/")
    long = pd.read_csv(path)
    assert len(long) == 175
    for (dataset, task), rows in long.groupby(["dataset", "task"]):
        known = published(dataset, task).drop(columns=["kind", "source"])
        # its names of methods say who ran them, ours leave that to `source`
        said = sorted(zip(rows["metric"].str.lower(), rows["value"], strict=True))
        ours = [(metric, value) for (_, metric), value in known.stack().items()]
        assert sorted(ours) == said, (dataset, task)


# real sets


@pytest.mark.parametrize("name", SIZES)
def test_a_real_set_has_its_published_size(name: str) -> None:
    dataset, _ = real(name)
    assert {shop: len(c) for shop, c in dataset.catalogues.items()} == SIZES[name]
    assert all(t.relevance.nnz for t in dataset.tasks.values())


@pytest.mark.parametrize("name", MATCHES)
def test_two_shops_have_their_matches_and_pairs(name: str) -> None:
    dataset, folder = real(name)
    first, second = SIZES[name]
    task = dataset.tasks["blocking"]
    assert (task.corpus.name, task.queries.name) == (
        first,
        second,
    )  # the second shop's items are looked for in the first
    assert (task.relevance.nnz, task.relevance.sum(), task.exclude.nnz) == (
        MATCHES[name],
        MATCHES[name],
        0,
    )
    answer, query = (folder / "gt.csv").read_text().splitlines()[1].replace("#", "|").split("|")[:2]
    assert answer in right(task)[task.queries.ids.tolist().index(query)]
    counts = dataset.pairs.groupby("split")["label"].agg(["size", "sum"])
    assert {split: tuple(row) for split, row in counts.iterrows()} == PAIRS[name]
    for side in ("left", "right"):
        assert {frozenset(pair) for pair in dataset.pairs[side]} == {
            frozenset(dataset.pairs[side].iloc[0])
        }
        assert all(pair.get("title", pair.get("name")) for pair in dataset.pairs[side])


def test_all_fields_are_the_columns_after_the_id() -> None:
    dataset, folder = real("abt-buy")
    cells = (folder / "abt.csv").read_text(encoding="utf-8").splitlines()[1].split("|")
    row = dataset.catalogues["abt"].items.loc[cells[0]]
    assert row["all_fields"] == " ".join(c for c in cells[1:] if c)
    assert row["title"] == cells[1]
    prices = dataset.catalogues["abt"].items["price"]
    assert 300 < prices.notna().sum() < 1076


@pytest.mark.parametrize("name", PHOTOS_MISSING)
def test_photos_are_there_and_category_is_the_task(name: str) -> None:
    dataset, _ = real(name)
    items = dataset.catalogue.items
    assert items["image"].isna().sum() == PHOTOS_MISSING[name]
    assert all(Path(p).is_file() for p in items["image"].dropna())
    labels = dataset.catalogue.category(0 if name == "flipkart" else 2)
    task = dataset.tasks["category"]
    assert all(labels)
    sizes = pd.Series(labels).value_counts()
    assert task.relevance.nnz == (sizes * (sizes - 1)).sum()
    assert (task.exclude.tocoo().row == task.exclude.tocoo().col).all()
    assert task.relevance.diagonal().sum() == 0


def test_flipkart_has_prices_brands_and_specifications() -> None:
    items = real("flipkart")[0].catalogue.items
    assert (items["price"] > 0).sum() > 1000
    assert items["brand"].notna().sum() > 600
    assert sum(bool(a) for a in items["attributes"]) > 900


def test_fashion_colour_variants_share_a_group() -> None:
    items = real("fashion")[0].catalogue.items
    names = items["title"].value_counts()
    assert ((names > 1).sum(), names[names > 1].sum()) == (1208, 3682)
    assert (items.groupby("title")["group"].nunique() == 1).all()


@pytest.mark.parametrize("name", ["beauty", "games"])
def test_the_last_item_is_looked_for_and_the_history_left_out(name: str) -> None:
    dataset, _ = real(name)
    task, table = dataset.tasks["next item"], dataset.interactions
    assert task.queries.ids.tolist() == table["user"].unique().tolist()
    assert task.relevance.multiply(task.exclude).nnz == 0
    relevant = right(task)
    for row, (_, items) in enumerate(
        table[table["user"].isin(task.queries.ids[:300])].groupby("user", sort=False)["item"]
    ):
        *history, last = items
        excluded = task.corpus.ids[task.exclude[[row]].indices]
        assert set(excluded) == set(history)
        assert relevant[row] == {last} - set(history)
    assert task.relevance.nnz == sum(map(len, relevant)) > 0.99 * len(task.queries)


def test_next_items_are_those_of_the_files() -> None:
    dataset, folder = real("beauty")
    user, *items = (folder / "Beauty.txt").read_text().splitlines()[41].split()
    row = dataset.tasks["next item"].queries.ids.tolist().index(user)
    assert right(dataset.tasks["next item"])[row] == {items[-1]}
    assert dataset.interactions.query("user == @user")["item"].tolist() == items


def test_product1m_is_chinese_and_joins_listings_of_the_same_products() -> None:
    dataset, _ = real("product1m")
    for part, task in dataset.tasks.items():
        items = dataset.catalogues[part].items
        assert items["title"].str.contains("[\u4e00-\u9fff]").mean() > 0.99
        sizes = items["group"].value_counts()
        assert task.relevance.nnz == (sizes * (sizes - 1)).sum()
