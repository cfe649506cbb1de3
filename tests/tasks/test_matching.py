"""The matcher learns what can be learned from the right split, the same for the same seed; labelled
pairs and splits by hand.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lib.data.catalogue import Catalogue
from lib.data.dataset import Dataset
from lib.metrics.f1 import pair_f1
from lib.tasks.matching import (
    chosen_threshold,
    fit_matcher,
    labelled_pairs,
    matcher_scores,
    split_pairs,
)


def learnable(n: int = 400) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Label 1 where the two first columns agree in sign; the third is noise, the fourth empty, the
    fifth constant.
    """
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(n, 3)), columns=["a", "b", "noise"])
    frame = frame.assign(empty=np.nan, constant=1.0)
    frame.loc[::17, "noise"] = np.nan
    labels = (frame["a"] * frame["b"] > 0).astype(int)
    split = np.repeat(["train", "valid", "test"], [n // 2, n // 4, n - n // 2 - n // 4])
    return frame, pd.DataFrame({"split": split, "label": labels})


def test_the_matcher_learns_and_the_seed_fixes_it() -> None:
    features, pairs = learnable()
    first, again, other = (matcher_scores(features, pairs, seed=s, trees=40) for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert ((first >= 0) & (first <= 1)).all()
    test = (pairs["split"] == "test").to_numpy()
    threshold = chosen_threshold(pairs, first)
    assert pair_f1(pairs["label"][test], first[test], threshold)["f1"] > 0.85


def test_only_train_labels_are_learned_and_only_valid_ones_choose_the_threshold() -> None:
    features, pairs = learnable()
    scores = matcher_scores(features, pairs, trees=10, rounds=20)
    train, valid = pairs["split"] == "train", pairs["split"] == "valid"
    flipped = pairs.assign(label=pairs["label"].where(train, 1 - pairs["label"]))
    again = matcher_scores(features, flipped, trees=10, rounds=20)
    np.testing.assert_array_equal(scores, again)
    elsewhere = pairs.assign(label=pairs["label"].where(valid, 0))
    assert chosen_threshold(pairs, scores) == chosen_threshold(elsewhere, scores)


def test_one_label_alone_cannot_be_learned() -> None:
    features, _ = learnable(40)
    with pytest.raises(ValueError, match="pairs of both labels, got 40 of"):
        fit_matcher(features, np.zeros(40, int))


def test_a_pair_is_of_a_part_only_where_both_listings_are() -> None:
    ids = [f"c{i}" for i in range(50)]
    shop = Catalogue("shop", pd.DataFrame({"title": ["x"] * 50}, index=ids))
    shares = {"train": 0.5, "test": 0.5}
    parts = shop.split(shares)
    part_of = {i: name for name, part in parts.items() for i in part.ids}
    pairs = pd.DataFrame([(a, b) for a in ids[:20] for b in ids[20:]], columns=["left", "right"])
    split = split_pairs(pairs, shop, shares)
    assert {None, "train", "test"} == set(split)
    for a, b, part in zip(pairs["left"], pairs["right"], split, strict=True):
        assert part == (part_of[a] if part_of[a] == part_of[b] else None)


def test_labelled_pairs_are_listings_once() -> None:
    first = {"title": "a", "manufacturer": "m", "price": ""}
    second = {"title": "b", "modelno": "x1", "price": "3.5"}
    pairs = pd.DataFrame({"split": ["train", "test", "test"], "label": [1, 0, 0]})
    pairs["left"], pairs["right"] = [first, first, second], [second] * 3
    left, right, found = labelled_pairs(Dataset("d", {}, pairs=pairs))
    assert (len(left), len(right)) == (2, 1)
    assert found["left"].tolist() == ["left 0", "left 0", "left 1"]
    assert found["right"].tolist() == ["right 0"] * 3
    assert found["label"].tolist() == [1, 0, 0]
    assert left.items["brand"].tolist() == ["m", None]
    assert right.items["price"].tolist() == [3.5]
    assert right.items["attributes"].tolist() == [{"modelno": "x1"}]
    with pytest.raises(ValueError, match="no labelled pairs"):
        labelled_pairs(Dataset("d", {}))
