"""Calibrated fusion: the order is that of the sum over what both have, computed pair by pair."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from lib import Catalogue, Embeddings, Task, concat, search
from lib.fusion import calibrated, neutral_cosines

IDS = np.arange(30).astype(str).astype(object)


def parts(*, gone: float, sparse: bool = False) -> list[Embeddings]:
    rng = np.random.default_rng(1)
    found = []
    for name, d in (("text", 5), ("photo", 3)):
        vectors = rng.normal(size=(30, d)) * (rng.random((30, 1)) >= gone)
        found.append(Embeddings(name, IDS, csr_array(vectors) if sparse else vectors))
    return found


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("neutral", [(0.9, 0.6), (0.3, -0.2), (0, 0)])
def test_the_order_is_that_of_the_sum_over_what_both_have(sparse: bool, neutral: tuple) -> None:
    some, weights = parts(gone=0.4, sparse=sparse), (0.7, 0.3)
    dense = [p.vectors.toarray() if sparse else p.vectors for p in some]
    here = [p.present.astype(float) for p in some]
    sums = sum(
        w * (v @ v.T - e * np.outer(p, p))
        for w, v, e, p in zip(weights, dense, neutral, here, strict=True)
    )
    lost = ~np.any(here, axis=0)
    assert lost.any()
    queries, corpus = calibrated(some, weights, neutral)
    assert (queries.present == ~lost).all() and (corpus.present == ~lost).all()
    found = search(queries, corpus, 30)
    for row in np.flatnonzero(~lost):
        order = found.positions[row][found.positions[row] >= 0]
        assert set(order) == set(np.flatnonzero(~lost))
        assert (np.diff(sums[row, order]) < 1e-5).all()


def test_with_nothing_missing_the_order_is_that_of_concat() -> None:
    some = parts(gone=0)
    fused, pair = concat(some, [2, 1]), calibrated(some, [2, 1], [0.8, 0.5])
    np.testing.assert_array_equal(search(*pair, 10).positions, search(fused, fused, 10).positions)


def test_a_part_without_weight_does_not_make_a_product_present() -> None:
    some = [
        Embeddings(n, IDS[:2], np.array(v)) for n, v in (("a", [[1.0], [0]]), ("b", [[1.0], [1]]))
    ]
    assert calibrated(some, [1, 0], [0.5, 0.5])[1].present.tolist() == [True, False]


def test_neutral_cosines_by_hand() -> None:
    vectors = np.array([[1.0, 0], [0.6, 0.8], [0, 1], [0, 0]])
    task = Task.same_label("t", Catalogue("c", pd.DataFrame(index=IDS[:4])), list("aaba"))
    text = Embeddings("text", IDS[:4], vectors)
    words = Embeddings("words", IDS[:4], csr_array(vectors))
    blank = Embeddings("blank", IDS[:4], np.zeros((4, 2)))
    found = neutral_cosines([text, words, blank], task)
    halfway = (
        0.6 + (0 + 0.8) / 2
    ) / 2  # a match of 0.6; 0 and 0.8 with the third, the fourth blank
    np.testing.assert_allclose(found, [halfway, halfway, 0], atol=1e-6)


def test_what_it_refuses() -> None:
    some = parts(gone=0)
    with pytest.raises(ValueError, match="neutral must be 2 finite numbers"):
        calibrated(some, [1, 1], [0.5])
    with pytest.raises(ValueError, match="neutral must be 2 finite numbers"):
        calibrated(some, [1, 1], [0.5, np.nan])
    with pytest.raises(ValueError, match="weights must be 2 numbers"):
        calibrated(some, [1], [0.5, 0.5])
