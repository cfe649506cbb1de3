"""A shopper in words, and shares by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lib.tasks.profiles import profile, shared
from tests.purchases import purchases

MUG, SHIRT = "Home > Kitchen > Mugs", "Clothes > Shirts"
SHOP = {"category": [MUG, MUG, SHIRT, None], "brand": ["Oak", None, "Elm", "Oak"], "price": [10.0, 20.0, 40.0, np.nan]}


def test_profile_by_hand() -> None:
    history = purchases({"ann": "abcd", "bo": "d"}, 4, **SHOP)
    ann = profile(history, "ann")
    assert ann.categories == {"Mugs": 0.5, "Shirts": 0.25}
    assert ann.brands == {"Oak": 0.5, "Elm": 0.25}
    assert (ann.low, ann.median, ann.high) == (15, 20, 30)
    assert str(ann) == (
        "ann: 4 purchases; of Mugs (50%), Shirts (25%); by Oak (50%), Elm (25%); at 15.00 to 30.00, half of them below 20.00"
    )
    assert profile(history, "ann", top=1).categories == {"Mugs": 0.5}
    assert str(profile(history, "bo")) == "bo: 1 purchase; by Oak (100%)"


def test_a_shopper_without_history_or_unknown() -> None:
    history = purchases({"ann": "ab"}, 4, **SHOP).recent(0)
    assert str(profile(history, "ann")) == "ann: no purchase yet"
    with pytest.raises(KeyError, match="no shopper 'eve' among 1"):
        profile(history, "eve")


def test_shares_by_hand() -> None:
    history = purchases({"ann": "abc", "bo": "d"}, 4, **SHOP)
    rows, columns = np.array([0, 0, 0, 1, 1]), np.array([0, 2, 3, 0, 3])
    found = shared(history, history.items.items["category"], rows, columns)
    np.testing.assert_allclose(found, [2 / 3, 1 / 3, np.nan, 0, np.nan], atol=1e-6)
    brands = shared(history, history.items.items["brand"], rows, columns)
    np.testing.assert_allclose(brands, [1 / 3, 1 / 3, 1 / 3, 1, 1], atol=1e-6)
    assert np.isnan(shared(history, [None] * 4, rows, columns)).all()
    assert shared(history.recent(0), history.items.items["brand"], rows, columns).tolist() == [0] * 5
