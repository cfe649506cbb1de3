"""Lexical encoders count as scikit-learn and Lucene do; LSA has the angles of a plain SVD."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer

from lib import Embeddings, embed, evaluate, load, search
from lib.data.sources import find
from lib.encoders import encoder
from lib.encoders.lexical import normalise, words
from tests.encoders import titles

pytestmark = pytest.mark.usefixtures("one_thread")

ENGLISH = [
    "Blue canvas backpack",
    "Red CANVAS shoes, size 42",
    "Leather wallet",
    "Blue blue suede shoes",
]


@pytest.mark.parametrize("sublinear", [False, True])
@pytest.mark.parametrize("ngrams", [None, (1, 2)])
def test_words_of_plain_english_count_as_in_scikit_learn(
    sublinear: bool, ngrams: tuple[int, int] | None
) -> None:
    ours = encoder("tfidf", sublinear=sublinear, ngrams=ngrams).fit(titles(*ENGLISH))
    theirs = TfidfVectorizer(ngram_range=ngrams or (1, 1), sublinear_tf=sublinear).fit(ENGLISH)
    texts = ["blue shoes, blue laces", "Canvas wallet", "nothing known"]
    vectors = ours.encode(titles(*texts))
    assert isinstance(vectors, csr_array) and vectors.dtype == np.float32
    np.testing.assert_allclose(vectors.toarray(), theirs.transform(texts).toarray(), atol=1e-6)


@pytest.mark.parametrize("analyzer", ["char", "char_wb"])
def test_character_runs_count_as_in_scikit_learn(analyzer: str) -> None:
    ours = (
        encoder("tfidf", analyzer=analyzer, ngrams=(2, 3))
        .fit(titles(*ENGLISH))
        .encode(titles(*ENGLISH))
    )
    theirs = TfidfVectorizer(analyzer=analyzer, ngram_range=(2, 3)).fit_transform(ENGLISH)
    np.testing.assert_allclose(ours.toarray(), theirs.toarray(), atol=1e-6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我是中国人", ["我是", "是中", "中国", "国人"]),  # the example of Lucene's CJKAnalyzer
        ("水", ["水"]),
        ("水乳", ["水乳"]),
        ("AHC水乳24K", ["ahc", "水乳", "24k"]),
        ("口红 女", ["口红", "女"]),  # no pair across a blank
        ("口红,套装", ["口红", "套装"]),
        ("ＡＨＣ２４Ｋ", ["ahc24k"]),  # full-width
        ("ﾊﾞｯｸﾞ", ["バッ", "ッグ"]),  # half-width katakana
        ("ﬁne Größe", ["fine", "größe"]),
        ("가방", ["가방"]),
        ("T-shirt's x2", ["t", "shirt", "s", "x2"]),
        ("", []),
        ("!? …", []),
    ],
)
def test_words_by_hand(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_full_width_and_plain_letters_are_one() -> None:
    assert normalise("ＡＨＣ　２４Ｋ") == "ahc 24k"
    fitted = encoder("tfidf").fit(titles("AHC 24K", "other"))
    plain, wide = fitted.encode(titles("ahc 24k", "ＡＨＣ　２４Ｋ")).toarray()
    np.testing.assert_array_equal(plain, wide)
    assert plain.any()


def test_a_rare_pair_of_characters_outweighs_a_common_one() -> None:
    fitted = encoder("tfidf").fit(titles("水乳套装", "水乳", "水乳", "口红"))
    row = fitted.encode(titles("水乳套装")).toarray()[0]
    common, rare = sorted(set(row[row > 0].round(6).tolist()))
    assert (
        np.count_nonzero(row) == 3 and rare > common
    )  # 乳套 and 套装 stand in one title, 水乳 in three


def test_fields_are_read_together_and_named() -> None:
    shop = titles("mug", "cup", brand=["Acme", None])
    made = encoder("tfidf", fields=("title", "brand")).fit(shop)
    assert made.encode(shop).shape == (2, 3)
    assert made.contents(shop) == [b"mug Acme", b"cup"]
    names = [
        made.name,
        encoder("tfidf").name,
        encoder("tfidf", sublinear=True).name,
        encoder("tfidf", analyzer="char").name,
    ]
    assert len(set(names)) == 4


def test_lexical_errors() -> None:
    with pytest.raises(RuntimeError, match=r"no vocabulary yet; call fit\(catalogue\) first"):
        encoder("tfidf").encode(titles("mug"))
    with pytest.raises(ValueError, match="catalogue 'shop' has no text"):
        encoder("tfidf").fit(titles(None, " "))
    with pytest.raises(ValueError, match="analyzer is"):
        encoder("tfidf", analyzer="words")
    with pytest.raises(KeyError, match="no column 'colour'"):
        encoder("tfidf", fields=("colour",)).fit(titles("mug"))


def test_an_empty_catalogue_gives_no_rows() -> None:
    assert encoder("tfidf").fit(titles("mug")).encode(titles()).shape == (0, 1)


TOYS = titles("red mug", "blue mug handle", "canvas shoe", "suede shoe lace", None, "shoe lace")


def test_vectors_are_those_of_a_plain_svd() -> None:
    counts = encoder("tfidf").fit(TOYS).encode(TOYS).toarray()
    left, strengths, _ = np.linalg.svd(counts.astype(np.float64), full_matrices=False)
    expected = left[:, :3] * strengths[:3]
    made = encoder("lsa", dimensions=3).fit(TOYS)
    vectors = made.encode(TOYS)
    np.testing.assert_allclose(vectors @ vectors.T, expected @ expected.T, atol=1e-5)  # up to signs
    assert vectors.shape == (6, 3) and vectors.dtype == np.float32 and not vectors[4].any()
    assert made.parameters == 8 + 8 * 3
    assert made.encode(titles()).shape == (0, 3)


def test_words_that_occur_together_become_alike() -> None:
    made = encoder("lsa", dimensions=2).fit(TOYS)
    lace, shoe, mug = made.encode(titles("lace", "shoe", "mug"))
    cosine = lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b)  # noqa: E731
    assert cosine(lace, shoe) > 0.9 > 0.1 > cosine(lace, mug)  # without a word in common


def test_it_finds_the_same_product_in_fewer_dimensions_and_follows_its_seed() -> None:
    shop = load("bazaar", rows=240)
    task = shop.tasks["same product"]
    first, again = (
        encoder("lsa", dimensions=64).fit(shop.catalogue).encode(shop.catalogue) for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)
    found = Embeddings("lsa", shop.catalogue.ids, first)
    hit = evaluate(search(found, found, 10, exclude=task.exclude), task, ["hit@10"])[
        "hit@10"
    ].mean()
    assert hit > 0.9  # ten random products hold the right one for 7 % of the queries


def test_names_and_errors() -> None:
    assert encoder("lsa", sublinear=True).name == "lsa(128,seed 0,tfidf(title,word,1-1,sublinear))"
    names = {
        encoder("lsa", **o).name
        for o in ({}, {"dimensions": 9}, {"seed": 1}, {"analyzer": "char"}, {"fields": ["brand"]})
    }
    assert len(names) == 5
    with pytest.raises(RuntimeError, match="has no vocabulary yet; call fit"):
        encoder("lsa").encode(TOYS)
    with pytest.raises(ValueError, match="has no text"):
        encoder("lsa").fit(titles(None))


@pytest.mark.parametrize(("spec", "options", "least"), [
    ("tfidf", {"analyzer": "char_wb", "ngrams": (1, 2)}, 0.80),
    ("lsa", {}, 0.81),
])  # fmt: skip
def test_chinese_titles_of_the_same_products_are_found(
    spec: str, options: dict, least: float
) -> None:
    if find("product1m") is None:
        pytest.skip("product1m is not in AKIN_DATA or data/")
    data = load("product1m")
    titles_, task = data.catalogues["dev"], data.tasks["dev"]
    found = embed(encoder(spec, **options).fit(titles_), titles_, cache=None)
    scores = evaluate(search(found, found, 1, exclude=task.exclude), task, ["hit@1"])["hit@1"]
    assert scores.notna().sum() == 2624 and scores.mean() >= least
