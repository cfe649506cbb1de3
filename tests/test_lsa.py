"""Latent semantic analysis: the angles of a plain SVD, determinism, use; and lexical encoders on Chinese titles."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lib import Embeddings, embed, evaluate, load, search
from lib.catalogue import Catalogue
from lib.datasets.sources import SOURCES, find
from lib.encoders import cost, encoder

pytestmark = pytest.mark.usefixtures("one_thread")


def titles(*texts: str | None) -> Catalogue:
    return Catalogue("c", pd.DataFrame({"title": list(texts)}, index=[f"i{n}" for n in range(len(texts))]))


TOYS = titles("red mug", "blue mug handle", "canvas shoe", "suede shoe lace", None, "shoe lace")


def test_vectors_are_those_of_a_plain_svd() -> None:
    counts = encoder("tfidf").fit(TOYS).encode(TOYS).toarray()
    left, strengths, _ = np.linalg.svd(counts.astype(np.float64), full_matrices=False)
    expected = left[:, :3] * strengths[:3]
    made = encoder("lsa", dimensions=3).fit(TOYS)
    vectors = made.encode(TOYS)
    np.testing.assert_allclose(vectors @ vectors.T, expected @ expected.T, atol=1e-5)  # up to signs
    assert vectors.shape == (6, 3) and vectors.dtype == np.float32 and not vectors[4].any()
    assert cost(made) == {"parameters": 8 + 8 * 3, "dimensions": 3}
    assert made.encode(titles()).shape == (0, 3)


def test_words_that_occur_together_become_alike() -> None:
    made = encoder("lsa", dimensions=2).fit(TOYS)
    lace, shoe, mug = made.encode(titles("lace", "shoe", "mug"))
    cosine = lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b)  # noqa: E731
    assert cosine(lace, shoe) > 0.9 > 0.1 > cosine(lace, mug)  # without a word in common


def test_it_finds_the_same_product_in_fewer_dimensions_and_follows_its_seed() -> None:
    shop = load("bazaar", rows=240)
    task = shop.tasks["same product"]
    first, again = (encoder("lsa", dimensions=64).fit(shop.catalogue).encode(shop.catalogue) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    found = Embeddings("lsa", shop.catalogue.ids, first)
    hit = evaluate(search(found, found, 10, exclude=task.exclude), task, ["hit@10"])["hit@10"].mean()
    assert hit > 0.9  # ten random products hold the right one for 7 % of the queries


def test_names_and_errors() -> None:
    assert encoder("lsa", sublinear=True).name == "lsa(128,seed 0,tfidf(title,word,1-1,sublinear))"
    names = {
        encoder("lsa", **o).name for o in ({}, {"dimensions": 9}, {"seed": 1}, {"analyzer": "char"}, {"fields": ["brand"]})
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
def test_chinese_titles_of_the_same_products_are_found(spec: str, options: dict, least: float) -> None:
    if find("product1m", SOURCES["product1m"]) is None:
        pytest.skip("product1m is not in AKIN_DATA or data/")
    data = load("product1m")
    titles_, task = data.catalogues["dev"], data.tasks["dev"]
    found = embed(encoder(spec, **options).fit(titles_), titles_, cache=None)
    scores = evaluate(search(found, found, 1, exclude=task.exclude), task, ["hit@1"])["hit@1"]
    assert scores.notna().sum() == 2624 and scores.mean() >= least
