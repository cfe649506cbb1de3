"""Purchases, their weights and the protocol, worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lib.data.catalogue import Catalogue
from lib.data.purchases import Purchases, leave_last_out
from tests.purchases import catalogue, purchases


def test_purchases_stand_by_shopper_and_time_whatever_the_order_of_the_rows() -> None:
    days = ["2025-01-03", "2025-01-01", "2025-01-02", "2025-01-01", "2025-01-01"]
    frame = pd.DataFrame(
        {"user": list("vuvuv"), "item": list("abcde"), "time": pd.to_datetime(days)}
    )
    bought = Purchases.read(frame, catalogue())
    assert bought.users.ids.tolist() == ["v", "u"]  # as they come
    assert (
        "".join("abcdef"[c] for c in bought.columns) == "ecabd"
    )  # b before d: one day, the given order
    assert bought.age.tolist() == [2, 1, 0, 1, 0]
    assert bought.days.tolist() == [20089, 20090, 20091, 20089, 20089]
    assert np.isnan(purchases({"u": "ab"}).days).all()


def test_numbers_serve_as_ids() -> None:
    items = Catalogue("numbers", pd.DataFrame(index=[7, 8]))
    assert Purchases.read(
        pd.DataFrame({"user": [1, 1], "item": [8, 7]}), items
    ).columns.tolist() == [1, 0]


def test_weights_fade_with_every_later_purchase() -> None:
    bought = purchases({"u": "abc", "v": "d", "w": "aa"})
    weights = bought.weights(0.5).toarray()
    assert weights.tolist() == [[0.25, 0.5, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0], [1.5, 0, 0, 0, 0, 0]]
    assert bought.weights().toarray()[0].tolist() == [1, 1, 1, 0, 0, 0]
    assert bought.weights(0).toarray()[0].tolist() == [0, 0, 1, 0, 0, 0]
    assert bought.weights(0).nnz == 3
    with pytest.raises(ValueError, match=r"decay is between 0 .* got 1\.5"):
        bought.weights(1.5)


def test_parts_of_purchases() -> None:
    bought = purchases({"u": "abc", "v": "d", "w": "ef"})
    assert bought.counts.tolist() == [1, 1, 1, 1, 1, 1]
    assert bought.recent(2).weights().toarray()[0].tolist() == [0, 1, 1, 0, 0, 0]
    assert len(bought.recent(0)) == 0
    assert bought.recent(9).columns.tolist() == bought.columns.tolist()
    some = bought.of(np.array([0, 2]))
    assert some.users.ids.tolist() == ["u", "w"]
    assert some.rows.tolist() == [0, 0, 0, 1, 1]
    assert bought.of(np.array([2])).columns.tolist() == [4, 5]
    masked = bought.of(np.array([True, False, True]))
    assert (masked.users.ids.tolist(), masked.rows.tolist()) == (["u", "w"], [0, 0, 0, 1, 1])
    turned = bought.of([2, 0])
    assert turned.users.ids.tolist() == ["w", "u"]
    assert (turned.rows.tolist(), turned.columns.tolist()) == ([0, 0, 1, 1, 1], [4, 5, 0, 1, 2])


def test_leave_last_out_by_hand() -> None:
    history, task = leave_last_out(purchases({"u": "abc", "v": "d", "w": "aba"}))
    assert history.weights().toarray()[0].tolist() == [1, 1, 0, 0, 0, 0]
    assert task.relevance.toarray()[:2].tolist() == [[0, 0, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0]]
    assert task.relevance[[2]].nnz == 0  # bought again: not among the unseen
    assert task.exclude.toarray()[:2].tolist() == [[1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
    validation, earlier = leave_last_out(history)
    assert earlier.relevance.toarray()[0].tolist() == [0, 1, 0, 0, 0, 0]
    assert earlier.relevance[[1]].nnz == 0  # nothing is left of v
    assert len(validation.users) == len(history.users) == 3


def test_bad_interactions_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"columns user and item; there are \['who', 'item'\]"):
        Purchases.read(pd.DataFrame({"who": ["u"], "item": ["a"]}), catalogue())
    with pytest.raises(ValueError, match="no interactions"):
        Purchases.read(pd.DataFrame({"user": [], "item": []}), catalogue())
    with pytest.raises(ValueError, match="'shop' has no product 'z'"):
        Purchases.read(pd.DataFrame({"user": ["u", "u"], "item": ["a", "z"]}), catalogue())


def test_times_must_say_when() -> None:
    frame = pd.DataFrame(
        {"user": ["u", "u"], "item": ["a", "b"], "time": [1_700_000_300, 1_700_000_100]}
    )
    with pytest.raises(ValueError, match=r'times are bare numbers; .* unit="s"'):
        Purchases.read(frame, catalogue())
    dated = frame.assign(time=pd.to_datetime(frame["time"], unit="s"))
    assert Purchases.read(dated, catalogue()).columns.tolist() == [1, 0]
    with pytest.raises(ValueError, match="1 interactions have no time, the first in row 1"):
        Purchases.read(dated.assign(time=[dated["time"][0], None]), catalogue())


def test_a_purchase_without_a_shopper_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 interactions have no user, the first in row 0"):
        Purchases.read(pd.DataFrame({"user": [None, "u"], "item": ["a", "b"]}), catalogue())


def test_buyers_are_counted_once() -> None:
    bought = purchases({"u": "aab", "v": "a"})
    assert bought.counts[:2].tolist() == [3, 1]
    assert bought.bought.sum(axis=0)[:2].tolist() == [2, 1]
