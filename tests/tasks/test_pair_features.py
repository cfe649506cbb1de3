"""Features of pairs: ranks against counting over all cosines, what two listings share by hand."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from lib.data.catalogue import Catalogue
from lib.encoders.embeddings import Embeddings
from lib.tasks.listing_features import listing_features
from lib.tasks.pair_features import RANK_FEATURES, pair_features, rank_features

WORDS = {"words": {"encoder": "tfidf", "fields": ["title"]}}


def catalogue(name: str, *rows: dict) -> Catalogue:
    return Catalogue(name, pd.DataFrame(list(rows), index=[f"{name}{i}" for i in range(len(rows))]))


def compared(a: dict, b: dict) -> pd.Series:
    both = catalogue("l", a), catalogue("r", b)
    return listing_features(*both, np.array([0]), np.array([0])).iloc[0]


def unit(rng: np.random.Generator, n: int, d: int = 8) -> np.ndarray:
    vectors = rng.normal(size=(n, d))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def embeddings(name: str, vectors: np.ndarray | csr_array) -> Embeddings:
    return Embeddings(name, np.array([f"{name}{i}" for i in range(vectors.shape[0])]), vectors)


@pytest.mark.parametrize("kind", [np.asarray, csr_array])
def test_ranks_equal_counting_over_all_cosines(kind: type) -> None:
    rng = np.random.default_rng(0)
    left, right = unit(rng, 20), unit(rng, 30)
    i, j = rng.integers(20, size=50), rng.integers(30, size=50)
    found = rank_features(embeddings("l", kind(left)), embeddings("r", kind(right)), i, j)
    cosines = left @ right.T
    for row, (a, b) in enumerate(zip(i, j, strict=True)):
        here = cosines[a, b]
        assert found["cosine"][row] == pytest.approx(here, abs=1e-6)
        assert found["rank left"][row] == pytest.approx(np.log1p((cosines[a] > here).sum()))
        assert found["rank right"][row] == pytest.approx(np.log1p((cosines[:, b] > here).sum()))
        assert found["margin left"][row] == pytest.approx(
            here - np.delete(cosines[a], b).max(), abs=1e-6
        )
        assert found["margin right"][row] == pytest.approx(
            here - np.delete(cosines[:, b], a).max(), abs=1e-6
        )
        ten = np.sort(cosines[a])[-10:]
        assert found["crowd left"][row] == pytest.approx((here - ten.mean()) / ten.std(), abs=1e-3)


def test_in_one_catalogue_a_listing_is_no_candidate_of_itself() -> None:
    vectors = unit(np.random.default_rng(1), 12)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    nearest = cosines.argmax(axis=1)
    shop = embeddings("shop", vectors)
    found = rank_features(shop, shop, np.arange(12), nearest)
    assert (found["rank left"] == 0).all()
    second = np.sort(cosines, axis=1)[:, -2]
    np.testing.assert_allclose(found["margin left"], cosines.max(axis=1) - second, atol=1e-6)


def test_a_missing_vector_has_no_rank() -> None:
    found = rank_features(
        embeddings("l", np.array([[0.0, 0], [1, 0]])),
        embeddings("r", np.array([[1.0, 0], [0, 1]])),
        np.array([0, 1]),
        np.array([0, 0]),
    )
    assert found.iloc[0].isna().all()
    assert found.iloc[1].notna().all()
    assert found["margin left"][1] == pytest.approx(1)


def test_a_model_number_is_found_however_it_is_written() -> None:
    found = compared(
        {"title": "Coby earphones CV-E52 SVR", "attributes": {"modelno": "CVE52SVR"}},
        {"title": "coby cve52 svr silver"},
    )
    assert found["model in right"] == 1
    assert np.isnan(found["model equal"])
    assert found["model in either"] == 1
    assert found["codes longest in right"] == 8
    other = compared({"title": "Coby CV-E52"}, {"title": "Coby CV-E53"})
    assert other["codes shared"] == 0
    assert other["codes prefix"] == pytest.approx(4 / 5)  # cve52, cve53
    assert other["codes dice"] == pytest.approx(3 / 4)  # cv, ve, e5 of four
    equal = compared({"attributes": {"modelno": "AB-12"}}, {"attributes": {"modelno": "ab12"}})
    assert equal["model equal"] == equal["model prefix"] == 1


def test_words_numbers_and_prices() -> None:
    found = compared(
        {"title": "photoshop 8 .0 upgrade mac", "price": 200.0, "brand": "Adobe"},
        {"title": "adobe photoshop 8.0 mac 2007", "price": 100.0},
    )
    assert found["numbers shared"] == 1
    assert found["numbers right alone"] == 1
    assert found["numbers at odds"] == 0
    assert found["title words left alone"] == 1
    assert found["title jaccard"] == pytest.approx(
        4 / 7
    )  # photoshop, 8, 0, mac of those, upgrade, adobe and 2007
    assert found["price ratio"] == found["price distance"] == pytest.approx(np.log(2))
    assert found["brand in right"] == 1
    assert np.isnan(found["brand in left"])
    free = compared({"title": "a", "price": 0.0}, {"title": "a", "price": 5.0})
    assert np.isnan(free["price ratio"])  # shops write 0 where they say none


def test_another_process_gets_the_same_numbers_to_the_last_bit() -> None:
    code = """
import numpy as np, pandas as pd
from lib import Catalogue
from lib.tasks.listing_features import listing_features
texts = [" ".join(f"w{i * j % 97}" for i in range(1, 30)) for j in range(1, 40)]
shop, rows = Catalogue("c", pd.DataFrame({"title": texts})), np.arange(39)
print(listing_features(shop, shop, rows, rows[::-1]).astype(float).map(float.hex).to_csv())
"""
    printed = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        for seed in ("1", "2")
    ]
    assert len(printed[0].stdout) > 1000
    assert printed[0].stdout == printed[1].stdout


def test_nothing_in_common_and_nothing_at_all() -> None:
    assert compared({"title": "mug"}, {"title": "chair"})["title jaccard"] == 0
    empty = compared({}, {"title": "chair"})
    assert np.isnan(empty["model equal"])
    assert np.isnan(empty["title in right"])
    assert empty["title words left"] == 0


def shops() -> tuple[Catalogue, Catalogue, pd.DataFrame]:
    left = catalogue("l", {"title": "red mug"}, {"title": "blue mug"}, {"title": "oak chair"})
    right = catalogue("r", {"title": "mug red"}, {"title": "chair of oak"}, {"title": None})
    ids = {"left": ["l0", "l1", "l2", "l0"], "right": ["r0", "r0", "r1", "r2"]}
    return left, right, pd.DataFrame(ids, index=[3, 1, 4, 1])


def test_features_of_pairs_by_hand() -> None:
    found = pair_features(*shops(), encoders=WORDS)
    assert found.index.tolist() == [3, 1, 4, 1]
    assert found["words cosine"].iloc[0] == pytest.approx(1)
    assert found["words margin right"].iloc[1] < 0 < found["words margin right"].iloc[0]
    assert np.isnan(found["words cosine"].iloc[3])
    ranked = found.filter(regex=RANK_FEATURES)
    assert ranked.shape == (4, 8)
    assert set(ranked) == {c for c in found if c.startswith("words ")} - {"words cosine"}


def test_labels_and_splits_are_never_read() -> None:
    left, right, pairs = shops()
    told = pairs.assign(label=[1, 0, 1, 0], split="test")
    given = pair_features(left, right, told, encoders=WORDS)
    pd.testing.assert_frame_equal(given, pair_features(left, right, pairs, encoders=WORDS))


def test_an_unknown_listing_is_named() -> None:
    left, right, pairs = shops()
    with pytest.raises(ValueError, match="names 'r9', which catalogue 'r' does not hold"):
        pair_features(left, right, pairs.assign(right="r9"), encoders=WORDS)
