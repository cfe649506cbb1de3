"""The choice among pipelines, by hand and against scipy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from lib.decision.choice import agreement, choose, resampled_means, without_each

BRAND = pd.DataFrame({"words": [1.0, 0, 1, 1], "colour": [0.0, 0, 1, 0]})
AGAIN = pd.DataFrame({"words": [1.0, 1, 0], "colour": [0.0, 1, 1]})


def test_the_loss_is_the_mean_shortfall_by_hand() -> None:
    found = choose({"brand": BRAND, "again": AGAIN})
    # brand: 3/4 and 1/4; again: 2/3 both
    assert found["loss"].to_dict() == pytest.approx({"words": 0.0, "colour": 0.25})
    assert found["share best"].sum() == pytest.approx(1)
    weighted = choose({"brand": BRAND, "again": AGAIN}, weights={"brand": 3, "again": 1})
    assert weighted["loss"].to_dict() == pytest.approx({"words": 0.0, "colour": 0.375})


def test_pipelines_that_never_differ_share_every_resample() -> None:
    same = pd.DataFrame({"a": [1.0, 0, 1], "b": [1.0, 0, 1]})
    found = choose({"one": same})
    assert found["share best"].tolist() == [0.5, 0.5]
    assert found["regret"].tolist() == [0, 0]


def test_tau_is_scipys_also_with_ties() -> None:
    rng = np.random.default_rng(0)
    one = pd.DataFrame(rng.integers(0, 3, (4, 6)), columns=list("abcdef"))
    other = pd.DataFrame(rng.integers(0, 3, (5, 6)), columns=list("abcdef"))
    found = agreement(one, other)
    assert found["tau"] == pytest.approx(kendalltau(one.mean(), other.mean()).statistic)
    best = one.mean().idxmax()
    assert found["regret"] == pytest.approx(other.mean().max() - other.mean()[best])


def test_the_interval_of_tau_covers_the_true_order() -> None:
    """Both sides measure the same ten qualities, so the true tau is 1 and noise only lowers it."""
    rng = np.random.default_rng(1)
    quality = np.linspace(0.2, 0.8, 10)
    names = [f"p{i}" for i in range(10)]
    sides = [pd.DataFrame(rng.random((400, 10)) < quality, columns=names) for _ in range(2)]
    found = agreement(*[side.astype(float) for side in sides])
    assert found["tau"] > 0.7
    assert found["low"] < found["tau"] <= found["high"] <= 1


def test_clusters_are_drawn_whole() -> None:
    values = np.repeat([[0.0], [1.0]], 50, axis=0)
    alone = resampled_means(values, None).std()
    together = resampled_means(values, ["a"] * 50 + ["b"] * 50).std()
    assert alone == pytest.approx(0.05, abs=0.01)  # sqrt(.25 / 100)
    assert together == pytest.approx(0.354, abs=0.03)  # sqrt(.25 / 2)


def test_a_missing_value_is_left_out() -> None:
    values = np.array([[1.0], [np.nan], [1.0]])
    drawn = resampled_means(values, None)
    assert np.nanmin(drawn) == np.nanmax(drawn) == 1


def test_what_would_change_the_verdict() -> None:
    again = pd.DataFrame({"words": [0.0, 0], "colour": [0.4, 0.2]})
    assert without_each({"brand": BRAND, "again": again}) == {"brand": "colour", "again": "words"}
    assert without_each({"brand": BRAND}) == {}


def test_errors_say_what_is_needed() -> None:
    with pytest.raises(ValueError, match="same pipelines"):
        choose({"brand": BRAND, "again": AGAIN[["words"]]})
    with pytest.raises(ValueError, match="positive one among"):
        choose({"brand": BRAND}, weights={"other": 1})
