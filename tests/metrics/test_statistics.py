"""Intervals and tests agree with SciPy's, with exact values for tiny samples, and with simulated
truth.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lib.metrics import (
    bootstrap_interval,
    compare,
    compare_f1,
    crossed_interval,
    holm,
    randomisation_test,
)


def frame(values: list[float] | np.ndarray, metric: str = "recall@10") -> pd.DataFrame:
    return pd.DataFrame(
        {metric: np.asarray(values, float)}, index=[f"q{i}" for i in range(len(values))]
    )


def test_bootstrap_interval_equals_scipy() -> None:
    values = np.random.default_rng(0).exponential(
        size=60
    )  # skewed: the two ends lie at unequal distances
    ours = bootstrap_interval(values, seed=1)
    # BCa at the level that 60 values are widened to
    edge = np.sqrt(60 / 59) * stats.t.ppf(0.975, 59)
    level = 2 * stats.norm.cdf(edge) - 1
    theirs = stats.bootstrap(
        (values,), np.mean, confidence_level=level, method="BCa", rng=2
    ).confidence_interval
    width = theirs.high - theirs.low
    np.testing.assert_allclose(ours, theirs, atol=0.05 * width)


def test_bootstrap_interval_of_two_values_is_exact() -> None:
    # of the four equally likely resamples of (0, 1) the means are 0, 1/2, 1/2, 1
    assert bootstrap_interval([0, 1]) == (0, 1)


def test_bootstrap_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for seed in range(200):
        low, high = bootstrap_interval(rng.normal(5, 2, 40), seed=seed)
        held += low <= 5 <= high
    assert 0.91 <= held / 200 <= 0.99


def test_intervals_of_few_skewed_clusters_hold_the_truth_too() -> None:
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(150):
        sizes, chances = rng.integers(1, 7, 40), rng.beta(4.5, 0.5, 40)  # nine of ten hits
        clusters = np.repeat(np.arange(40), sizes)
        hits = frame(rng.random(len(clusters)) < chances[clusters])
        row = compare({"a": hits}, baseline="a", clusters=clusters).loc[("recall@10", "a")]
        held += row["low"] <= 0.9 <= row["high"]
    assert held / 150 >= 0.93  # the plain percentiles hold it in 0.92 of many more trials


def test_crossed_interval_covers_what_shops_and_sentences_move():
    held, alone = 0, 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        shops, sentences = rng.normal(0, 1, 6), rng.normal(0, 1, 12)
        shop, sentence = rng.integers(0, 6, 300), rng.integers(0, 12, 300)
        values = shops[shop] + sentences[sentence] + rng.normal(0, 1, 300)
        values[0] = np.nan  # a question that asks for nothing
        low, high = crossed_interval(values, shop, sentence)
        held += low < 0 < high
        low, high = bootstrap_interval(values)  # as if every question were new
        alone += low < 0 < high
    assert held >= 90
    assert alone < 50


def test_crossed_interval_of_equal_values_and_of_one_shop():
    assert crossed_interval(np.ones(6), list("aabbcc"), [1, 2] * 3) == (1, 1)
    assert np.isnan(crossed_interval(np.arange(4.0), ["a"] * 4, [1, 2, 1, 2])).all()


def test_bootstrap_interval_leaves_out_nan_and_needs_two_values() -> None:
    values = np.array([0.2, 0.4, 0.9, 0.1])
    assert bootstrap_interval([np.nan, 0.2, 0.4, np.nan, 0.9, 0.1]) == bootstrap_interval(values)
    for few in ([], [0.3], [np.nan, 0.3], [np.nan, np.nan]):
        assert np.isnan(bootstrap_interval(few)).all()
    assert bootstrap_interval([0.3, 0.3, 0.3]) == pytest.approx((0.3, 0.3))  # everything tied


@pytest.mark.parametrize("shift", [0.0, 0.4, 1.0])
def test_randomisation_test_equals_scipy(shift: float) -> None:
    rng = np.random.default_rng(4)
    differences = rng.normal(shift, 1, 12)
    exact = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True
    ).pvalue  # all 4,096 sign patterns
    assert randomisation_test(differences) == pytest.approx(exact, abs=0.02)


@pytest.mark.parametrize(
    ("differences", "exact"),
    [
        ([1, 1, 1], 2 / 8),  # +++ and ---
        ([1, 1, 1, 1, 1], 2 / 32),
        ([3, 1, -1], 6 / 8),  # |sum| is 3 as observed or 5, unless signs make it 1: +-- and -++
        ([0.5], 1),  # one pair says nothing
        ([2, 1, 0], 2 / 4),
    ],
)
def test_randomisation_test_by_hand(differences: list[float], exact: float) -> None:
    assert randomisation_test(differences) == pytest.approx(exact, abs=0.02)


def test_randomisation_test_is_two_sided_and_never_zero() -> None:
    gains = np.random.default_rng(5).uniform(0.5, 1, 40)
    assert randomisation_test(gains) == randomisation_test(-gains) == 1 / 10_000


def test_randomisation_test_without_difference_or_without_pairs() -> None:
    assert randomisation_test([0, 0, 0]) == 1
    assert randomisation_test([1, -1]) == 1
    assert randomisation_test([0, np.nan]) == 1
    assert np.isnan(randomisation_test([np.nan, np.nan]))
    assert np.isnan(randomisation_test([]))
    assert randomisation_test([1, np.nan, 1, 1]) == pytest.approx(2 / 8, abs=0.02)


def test_randomisation_test_of_differences_that_cancel() -> None:
    assert (
        randomisation_test([0.1, 0.1, 0.1, -0.3]) == 1
    )  # the sum is 0 but for rounding: no pattern is smaller


def test_holm_by_hand() -> None:
    # sorted .005, .01, .03, .04 times 4, 3, 2, 1 is .02, .03, .06, .04; the last may not fall below
    # the third
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(
        holm([0.01, 0.02, 0.03, 0.04, 0.05]), [0.05, 0.08, 0.09, 0.09, 0.09]
    )  # R's p.adjust


def test_holm_caps_at_one_and_does_not_count_nan() -> None:
    assert holm([0.9, 0.8]).tolist() == [1, 1]
    np.testing.assert_allclose(holm([np.nan, 0.01, np.nan, 0.04]), [np.nan, 0.02, np.nan, 0.04])
    assert holm([0.2]).tolist() == [0.2]
    assert holm([]).tolist() == []
    assert np.isnan(holm([np.nan])).all()


def test_compare_by_hand() -> None:
    base, better = frame([0.0, 0.5, 1.0, np.nan]), frame([0.5, 1.0, 1.0, np.nan])
    table = compare({"base": base, "better": better}, baseline="base")
    assert table.index.tolist() == [("recall@10", "base"), ("recall@10", "better")]
    assert table.index.names == ["metric", "method"]
    assert list(table.columns) == [
        "mean", "low", "high", "difference", "difference_low", "difference_high",
        "p", "queries", "empty", "clusters",
    ]  # fmt: skip
    row = table.loc[("recall@10", "better")]
    assert row["mean"] == pytest.approx(2.5 / 3) and row["difference"] == pytest.approx(1 / 3)
    assert row["p"] == pytest.approx(0.5, abs=0.02)  # of ±.5 ±.5 half the patterns reach 1
    assert (row["queries"], row["empty"]) == (3, 1)
    first = table.loc[("recall@10", "base")]
    assert first["mean"] == 0.5
    assert first[["difference", "difference_low", "difference_high", "p"]].isna().all()


def test_compare_agrees_with_the_single_functions() -> None:
    rng = np.random.default_rng(6)
    base, other, third = rng.random((3, 30))
    frames = {name: frame(values) for name, values in zip("abc", (base, other, third), strict=True)}
    table = compare(frames, baseline="a", seed=9).loc["recall@10"]
    assert tuple(table.loc["b", ["low", "high"]]) == pytest.approx(
        bootstrap_interval(other, seed=9)
    )
    of_gap = bootstrap_interval(other - base, seed=9)
    assert tuple(table.loc["b", ["difference_low", "difference_high"]]) == pytest.approx(of_gap)
    raw = [randomisation_test(other - base, seed=9), randomisation_test(third - base, seed=9)]
    np.testing.assert_allclose(table.loc[["b", "c"], "p"], holm(raw))  # the baseline does not count


def test_compare_pairs_by_query() -> None:
    base = np.random.default_rng(7).random(50)
    table = compare({"base": frame(base), "better": frame(base + 0.01)}, baseline="base").loc[
        "recall@10"
    ]
    assert (
        table.loc["better", "p"] < 0.001
    )  # a hundredth for every query, though queries differ by far more
    assert table.loc["better", "difference_low"] == pytest.approx(0.01)
    assert (
        table.loc["better", "low"] < table.loc["base", "high"]
    )  # unpaired intervals would not tell


def test_compare_keeps_metrics_apart() -> None:
    base = frame([0, 0.5, 1]).join(frame([1, 1, 0.5], "mrr@10"))
    other = frame([1, 1, 1]).join(frame([1, 1, 0.5], "mrr@10"))
    table = compare({"base": base, "other": other}, baseline="base")
    assert table.loc[("recall@10", "other"), "difference"] == 0.5
    assert (
        table.loc[("mrr@10", "other"), "difference"] == 0
        and table.loc[("mrr@10", "other"), "p"] == 1
    )


def test_compare_of_one_query_has_no_interval() -> None:
    row = compare({"a": frame([0.2]), "b": frame([0.6])}, baseline="a").loc[("recall@10", "b")]
    assert row["difference"] == pytest.approx(0.4) and row["p"] == 1
    assert row[["low", "high", "difference_low", "difference_high"]].isna().all()


def test_compare_where_nothing_is_relevant() -> None:
    row = compare({"a": frame([np.nan] * 3), "b": frame([np.nan] * 3)}, baseline="a").loc[
        ("recall@10", "b")
    ]
    assert row[["mean", "low", "high", "difference", "p"]].isna().all()
    assert (row["queries"], row["empty"]) == (0, 3)


def test_compare_of_methods_that_count_different_queries() -> None:
    most, few = np.linspace(0, 1, 10), np.array([0.0, 1.0, *[np.nan] * 8])
    row = compare({"most": frame(most), "few": frame(few)}, baseline="most").loc[
        ("recall@10", "few")
    ]
    assert (row["low"], row["high"]) == (0, 1)


def test_the_same_seed_gives_the_same_table() -> None:
    rng = np.random.default_rng(8)
    frames = {"a": frame(rng.random(20)), "b": frame(rng.random(20))}
    once, again = compare(frames, baseline="a", seed=1), compare(frames, baseline="a", seed=1)
    pd.testing.assert_frame_equal(once, again)
    assert not once["low"].equals(compare(frames, baseline="a", seed=2)["low"])


def test_compare_refuses_frames_that_do_not_match() -> None:
    a = frame([0.1, 0.2, 0.3])
    for other in (frame([0.1, 0.2]), a[::-1], frame([0.1, 0.2, 0.3], "mrr@10")):
        with pytest.raises(ValueError, match="'b' and 'a' hold other queries or metrics"):
            compare({"a": a, "b": other}, baseline="a")
    with pytest.raises(ValueError, match="baseline 'c' is not among"):
        compare({"a": a}, baseline="c")


def test_clusters_are_drawn_and_flipped_whole() -> None:
    rng = np.random.default_rng(0)
    shared = np.repeat(rng.normal(0.02, 0.2, 60), 10)  # ten queries of a product do alike
    base = pd.DataFrame({"m": np.zeros(600)}, index=range(600))
    other = pd.DataFrame({"m": shared}, index=range(600))
    alone = compare({"a": base, "b": other}, baseline="a").loc[("m", "b")]
    whole = compare(
        {"a": base, "b": other}, baseline="a", clusters=np.repeat(np.arange(60), 10)
    ).loc[("m", "b")]
    assert whole["mean"] == pytest.approx(alone["mean"])
    assert whole["high"] - whole["low"] == pytest.approx(
        np.sqrt(10) * (alone["high"] - alone["low"]), rel=0.1
    )
    assert whole["p"] > 10 * alone["p"]
    each = compare({"a": base, "b": other}, baseline="a", clusters=[None] * 600).loc[("m", "b")]
    assert each["p"] == alone["p"]
    with pytest.raises(ValueError, match="3 cluster labels for 600 queries"):
        compare({"a": base, "b": other}, baseline="a", clusters=[1, 2, 3])


def f1_of(labels, calls):
    from sklearn.metrics import f1_score

    return f1_score(labels, calls)


def test_f1_and_its_interval_equal_a_plain_bootstrap():
    rng = np.random.default_rng(0)
    labels = rng.random(300) < 0.3
    good, poor = (
        np.where(rng.random(300) < 0.1, ~labels, labels),
        np.where(rng.random(300) < 0.3, ~labels, labels),
    )
    table = compare_f1(labels, {"poor": poor, "good": good}, baseline="poor").loc["f1"]
    assert table.loc["good", "mean"] == pytest.approx(f1_of(labels, good))
    assert table.loc["good", "difference"] == pytest.approx(
        f1_of(labels, good) - f1_of(labels, poor)
    )
    drawn = [f1_of(labels[rows], good[rows]) for rows in rng.integers(0, 300, (2000, 300))]
    np.testing.assert_allclose(
        table.loc["good", ["low", "high"]].astype(float),
        np.quantile(drawn, [0.025, 0.975]),
        atol=0.01,
    )
    assert table.loc["good", "p"] < 0.001
    assert np.isnan(table.loc["poor", "p"])


def test_f1_over_seeds_is_their_mean_and_equal_calls_do_not_differ():
    labels = np.array([1, 1, 0, 0, 1, 0])
    first, second = np.array([1, 0, 0, 1, 1, 0]), np.array([1, 1, 0, 0, 1, 0])
    table = compare_f1(
        labels, {"a": first, "seeds": np.stack([first, second]), "same": first}, baseline="a"
    ).loc["f1"]
    assert table.loc["seeds", "mean"] == pytest.approx((f1_of(labels, first) + 1) / 2)
    assert table.loc["same", "p"] == 1
    assert table.loc["same", "difference"] == 0


def test_f1_by_clusters_is_wider_where_their_pairs_agree():
    labels = np.repeat([1, 1, 0, 1, 0, 1, 0, 1], 10)
    calls = np.repeat([1, 0, 0, 1, 1, 1, 0, 0], 10)
    alone = compare_f1(labels, {"a": calls}, baseline="a").loc[("f1", "a")]
    grouped = compare_f1(
        labels, {"a": calls}, baseline="a", clusters=np.repeat(np.arange(8), 10)
    ).loc[("f1", "a")]
    assert grouped["high"] - grouped["low"] > 1.5 * (alone["high"] - alone["low"])
