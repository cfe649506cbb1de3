"""Columns as vectors: shared values counted by hand, prices near and far, currencies, what is
missing or unseen.
"""

from __future__ import annotations

import numpy as np
import pytest

from lib import embed, evaluate, load, search
from lib.data.catalogue import Catalogue
from lib.encoders import encoder
from tests.encoders import listed


def cosines(made: object, catalogue: Catalogue) -> np.ndarray:
    vectors = embed(made, catalogue, cache=None).vectors
    vectors = vectors if isinstance(vectors, np.ndarray) else vectors.toarray()
    return vectors @ vectors.T


GOODS = listed(
    category=[
        "Home > Kitchen > Mugs",
        "Home > Kitchen > Cups",
        "Home > Living",
        "Garden > Kitchen > Mugs",
        None,
        None,
    ],
    brand=["Acme", "ACME", "Umbra", "Acme", "Ｕmbra", None],
)


def test_onehot_counts_shared_values() -> None:
    made = encoder("onehot").fit(GOODS)
    got = cosines(made, GOODS)
    # four values each, of which home, kitchen under home and the brand are shared; a kitchen in the
    # garden is another
    assert got[0, 1] == pytest.approx(3 / 4)
    assert got[0, 2] == pytest.approx(1 / np.sqrt(4 * 3))
    assert got[0, 3] == pytest.approx(1 / 4)
    assert got[2, 4] == pytest.approx(
        1 / np.sqrt(3)
    )  # full-width letters and case aside, one brand
    assert got[5].max() == 0
    assert made.contents(GOODS)[5] is None and None not in made.contents(GOODS)[:5]


def test_unseen_values_count_for_nothing() -> None:
    made = encoder("onehot").fit(GOODS)
    new = listed(category=["Toys > Dolls", "Home > Attic", "Toys"], brand=["Acme", "New", "New"])
    vectors = made.encode(new).toarray()
    assert vectors.sum(axis=1).tolist() == [1, 1, 0] and vectors.dtype == np.float32
    assert made.encode(new.take([])).shape == (0, vectors.shape[1])


def test_attributes_and_other_columns_have_values_too() -> None:
    goods = listed(
        attributes=[{"colour": "red", "size": "L"}, {"colour": "Red"}, {"size": "red"}, None],
        seller=["a", "b", "a", "a"],
    )
    got = cosines(encoder("onehot", fields=("attributes", "seller")).fit(goods), goods)
    assert got[0, 1] == pytest.approx(1 / np.sqrt(3 * 2)) and got[1, 2] == 0  # a size is no colour
    assert got[0, 3] == pytest.approx(1 / np.sqrt(3))
    with pytest.raises(KeyError, match="no column 'maker'"):
        encoder("onehot", fields=("maker",)).fit(goods)


def test_category_says_how_far_two_paths_run_together() -> None:
    made = encoder("category").fit(GOODS)
    got = cosines(made, GOODS)
    assert (
        got[0, 1] == pytest.approx(2 / 3)
        and got[0, 2] == pytest.approx(1 / np.sqrt(6))
        and got[0, 3] == 0
    )
    assert made.name == "category(category)" and encoder("onehot").name == "onehot(category+brand)"


def prices(*values: float | None, currencies: list | None = None) -> Catalogue:
    return listed(
        price=list(values),
        attributes=[c and {"currency": c} for c in currencies or [None] * len(values)],
    )


SCALE = prices(*np.geomspace(1, 1000, 40))


def test_near_prices_are_near_whatever_their_height() -> None:
    made = encoder("price").fit(SCALE)
    got = cosines(made, prices(10, 11, 20, 100, 110, 0.01, 1e6))
    assert got[0, 1] > 0.98 > got[0, 2] > got[0, 3] + 0.3
    assert got[0, 1] == pytest.approx(got[3, 4], abs=1e-5)  # a tenth more is a tenth more
    assert abs(got[0, 3]) < 0.1 and got[5].sum() == pytest.approx(
        1, abs=0.4
    )  # outliers are near nothing else
    np.testing.assert_allclose(np.diag(got), 1, atol=1e-6)


def test_the_cosine_is_a_gaussian_of_the_log_ratio() -> None:
    made = encoder("price", width=0.7).fit(SCALE)
    spread = np.log(SCALE.items["price"]).std(ddof=0)
    asked = np.geomspace(10, 200, 30)
    gap = np.log(asked / 10) / spread
    np.testing.assert_allclose(
        cosines(made, prices(*asked))[0], np.exp(-(gap**2) / (2 * 0.7**2)), atol=0.06
    )


def test_each_currency_has_its_own_scale() -> None:
    values = np.geomspace(5, 500, 20)
    both = prices(*values, *values * 150, currencies=["EUR"] * 20 + ["jpy "] * 20)
    made = encoder("price").fit(both)
    got = cosines(made, prices(50, 7500, 7500, 50, currencies=["EUR", "JPY", "EUR", "USD"]))
    assert got[0, 1] == pytest.approx(1, abs=1e-5)  # 50 euros and 7,500 yen stand at one place
    assert got[0, 2] < 0.1
    assert not got[3].any()  # nothing is known of dollars
    assert (
        made.contents(prices(5, 5, currencies=["EUR", "JPY"]))[0]
        != made.contents(prices(5, currencies=["JPY"]))[0]
    )


def test_missing_prices_are_zero() -> None:
    made = encoder("price").fit(SCALE)
    odd = prices(None, 0, -3, np.inf, 12)
    vectors = made.encode(odd)
    assert vectors.shape == (5, 64) and vectors.dtype == np.float32
    assert vectors.any(axis=1).tolist() == [False] * 4 + [True]
    assert [c is None for c in made.contents(odd)] == [True] * 4 + [False]
    assert made.encode(odd.take([])).shape == (0, 64)
    assert np.isfinite(
        encoder("price").fit(prices(9, 9, None)).encode(prices(9, 12))
    ).all()  # one price: no spread


def test_errors() -> None:
    for spec, says in (("onehot", "has no vocabulary yet"), ("price", "knows no prices yet")):
        with pytest.raises(RuntimeError, match=rf"{says}; call fit\(catalogue\) first"):
            encoder(spec).encode(SCALE)
    with pytest.raises(ValueError, match="no price above 0"):
        encoder("price").fit(prices(None, -1))
    with pytest.raises(ValueError, match="no value in"):
        encoder("onehot").fit(listed(brand=[None]))
    with pytest.raises(ValueError, match="width must be above 0, got 0"):
        encoder("price", width=0)


@pytest.mark.parametrize(("spec", "least"), [("onehot", 0.9), ("price", 0.45)])
def test_they_find_the_same_product_more_often_than_chance(spec: str, least: float) -> None:
    bazaar = load("bazaar", rows=240)
    task = bazaar.tasks["same product"]
    found = embed(encoder(spec).fit(bazaar.catalogue), bazaar.catalogue, cache=None)
    hit = evaluate(search(found, found, 10, exclude=task.exclude), task, ["hit@10"])[
        "hit@10"
    ].mean()
    assert hit > least  # ten random products hold the right one for 7 % of the queries
