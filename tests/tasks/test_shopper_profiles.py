"""A shopper in words, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lib.tasks.shopper_profiles import shopper_profile
from tests.purchases import purchases

MUG, SHIRT = "Home > Kitchen > Mugs", "Clothes > Shirts"
SHOP = {
    "category": [MUG, MUG, SHIRT, None],
    "brand": ["Oak", None, "Elm", "Oak"],
    "price": [10.0, 20.0, 40.0, np.nan],
}


def test_profile_by_hand() -> None:
    history = purchases({"ann": "abcd", "bo": "d"}, 4, **SHOP)
    assert shopper_profile(history, "ann") == (
        "ann: 4 purchases; of Mugs (50%), Shirts (25%); by Oak (50%), Elm (25%); "
        "at 15.00 to 30.00, half of them below 20.00"
    )
    assert "of Mugs (50%); by Oak (50%); at" in shopper_profile(history, "ann", top=1)
    assert shopper_profile(history, "bo") == "bo: 1 purchase; by Oak (100%)"


def test_a_shopper_without_history_or_unknown() -> None:
    history = purchases({"ann": "ab"}, 4, **SHOP).recent(0)
    assert shopper_profile(history, "ann") == "ann: no purchase yet"
    with pytest.raises(KeyError, match="no shopper 'eve' among 1"):
        shopper_profile(history, "eve")


def test_a_catalogue_that_says_nothing_of_its_items() -> None:
    assert shopper_profile(purchases({"ann": "ab"}), "ann") == "ann: 2 purchases"
