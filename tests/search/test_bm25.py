"""BM25 gives what its formula gives, its order is that of a stable sort, and the dumb cases end
well.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from lib import Catalogue
from lib.search import exact
from lib.search.bm25 import Bm25

CORPUS = [
    "red mug",
    "blue mug, large blue mug",
    None,
    "red canvas shoe",
    "mug red",
    "Waterflasche 750 ml",
]
WORDS = ["red", "blue", "green", "mug", "cup", "shoe", "large", "canvas", "28cm", "26cm"]


def catalogue(titles: list, name: str = "c") -> Catalogue:
    return Catalogue(
        name, pd.DataFrame({"title": titles}, index=[f"{name}{i}" for i in range(len(titles))])
    )


def by_hand(texts: list[list[str]], query: list[str], k1: float, b: float) -> np.ndarray:
    """The formula in double precision, word by word and product by product."""
    mean = sum(map(len, texts)) / len(texts)
    scores = np.zeros(len(texts))
    for word in query:
        df = sum(word in text for text in texts)
        for i, text in enumerate(texts):
            tf = Counter(text)[word]
            if tf:
                idf = math.log(1 + (len(texts) - df + 0.5) / (df + 0.5))
                scores[i] += idf * tf / (tf + k1 * (1 - b + b * len(text) / mean))
    return scores


def test_one_score_worked_out() -> None:
    found = Bm25(k1=1.0, b=0.5).fit(catalogue(["a b a", "b", "c"])).search(catalogue(["a"]), 3)
    # mean length 5/3: ln(1 + 2.5 / 1.5) · 2 / (2 + (1/2 + 1/2 · 3 / (5/3)))
    assert found.positions.tolist() == [[0, -1, -1]]
    assert found.scores[0, 0] == pytest.approx(0.980829 * 2 / 3.4, abs=1e-5)
    assert np.isneginf(found.scores[0, 1:]).all()


@pytest.mark.parametrize(("k1", "b"), [(1.2, 0.75), (0.0, 0.0), (2.0, 1.0), (0.5, 0.3)])
def test_scores_and_order_are_the_formulas(k1: float, b: float) -> None:
    rng = np.random.default_rng(5)
    texts = [list(rng.choice(WORDS, rng.integers(1, 8))) for _ in range(60)]
    texts[10] = texts[40] = texts[3]  # equal texts: corpus order decides
    queries = [
        list(rng.choice([*WORDS, "unknown"], rng.integers(1, 5))) for _ in range(25)
    ]  # some say a word twice
    found = (
        Bm25(k1=k1, b=b)
        .fit(catalogue([" ".join(t) for t in texts]))
        .search(catalogue([" ".join(q) for q in queries]), 60)
    )
    for row, query in enumerate(queries):
        expected = by_hand(texts, query, k1, b)
        hits = int((expected > 0).sum())
        np.testing.assert_allclose(
            found.scores[row, :hits], np.sort(expected)[::-1][:hits], atol=1e-5
        )
        np.testing.assert_allclose(
            expected[found.positions[row, :hits]], found.scores[row, :hits], atol=1e-5
        )
        assert (found.positions[row, hits:] == -1).all()
        places = found.positions[row].tolist()
        assert 3 not in places or places.index(3) < places.index(10) < places.index(40)


def test_words_are_those_of_tfidf_and_missing_text_is_never_found() -> None:
    found = (
        Bm25()
        .fit(catalogue(CORPUS))
        .search(catalogue(["RED Mug", "WATERFLASCHE", "750ml", None, "plate"]), 10)
    )
    assert found.positions[0].tolist() == [0, 4, 1, 3, -1, -1, -1, -1, -1, -1]
    assert found.scores[0, 0] == found.scores[0, 1]  # a tie, in corpus order
    assert found.positions[1, :2].tolist() == [5, -1]
    assert (found.positions[2:] == -1).all()  # nothing known in it, nothing found
    assert found.k == 10


def test_chinese_is_searched_by_pairs_of_characters() -> None:
    found = Bm25().fit(catalogue(["红色马克杯", "蓝色茶壶"])).search(catalogue(["马克杯"]), 2)
    assert found.positions.tolist() == [[0, -1]]


def test_excluded_products_are_not_found() -> None:
    exclude = csr_array(np.array([[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]], bool))
    found = (
        Bm25().fit(catalogue(CORPUS)).search(catalogue(["red mug", "red mug"]), 2, exclude=exclude)
    )
    assert found.positions.tolist() == [[4, 1], [0, 4]]


def test_small_blocks_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    index, queries = Bm25().fit(catalogue(CORPUS)), catalogue(["red mug", "blue", "shoe"])
    whole = index.search(queries, 3)
    monkeypatch.setattr(exact, "BLOCK_BYTES", 1)
    np.testing.assert_array_equal(index.search(queries, 3).positions, whole.positions)


def test_spelling_reads_unknown_words_as_the_nearest_known() -> None:
    corpus = catalogue(["ceramic teapot 28cm", "leather shoe 26cm"])
    asked = catalogue(["cermic", "tepaot", "27cm", "xyzzy", "shoe"])
    assert Bm25().fit(corpus).search(asked, 1).positions[:, 0].tolist() == [-1, -1, -1, -1, 1]
    # a number has no nearest: 27 cm is another size, no misspelt 28
    assert Bm25(spelling=True).fit(corpus).search(asked, 1).positions[:, 0].tolist() == [
        0,
        0,
        -1,
        -1,
        1,
    ]


def test_queries_are_read_by_the_corpus_fields() -> None:
    items = pd.DataFrame({"title": ["mug", "mug"], "brand": ["Alder", "Brook"]}, index=["a", "b"])
    found = (
        Bm25(fields=("title", "brand"))
        .fit(Catalogue("c", items))
        .search(catalogue(["brook mug"]), 2)
    )
    assert found.positions.tolist() == [[1, 0]]


def test_no_queries_give_an_empty_ranking() -> None:
    assert Bm25().fit(catalogue(CORPUS)).search(catalogue([]), 3).positions.shape == (0, 3)


def test_the_name_says_every_setting() -> None:
    assert (
        Bm25(k1=0.6, b=0.3, spelling=True, fields=("title", "brand")).name
        == "bm25(title+brand,k1 0.6,b 0.3,spelling)"
    )


def test_errors_say_what_came() -> None:
    with pytest.raises(ValueError, match="b from 0 to 1, got"):
        Bm25(b=2)
    with pytest.raises(ValueError, match="has no text"):
        Bm25().fit(catalogue([None, "!"]))
    with pytest.raises(RuntimeError, match="call fit"):
        Bm25().search(catalogue(["red"]), 1)
    index = Bm25().fit(catalogue(CORPUS))
    with pytest.raises(ValueError, match="at least 1"):
        index.search(catalogue(["red"]), 0)
    with pytest.raises(ValueError, match=r"exclude is \(6, 1\).*\(1, 6\)"):
        index.search(catalogue(["red"]), 2, exclude=csr_array((6, 1)))
