"""Scores of tuned encoders beside others: no training pair is scored by an encoder that saw it;
what a blend learns.
"""

import numpy as np
import pandas as pd
import pytest

from lib import Catalogue, embed, encoder
from lib.tasks.crossfit import blend, cross_fitted
from lib.training import Recipe
from tests.encoders.test_text import write_checkpoint

NOUNS = ["mug", "cup", "shoe", "canvas"]
COLOURS = ["red", "blue", "green"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return encoder(f"hf:{write_checkpoint(tmp_path_factory.mktemp('bert'), 'bert')}")


def shops():
    """Two shops of the same products, the second with a word more, and pairs with a split."""
    names = [f"{c} {n}" for n in NOUNS for c in COLOURS]
    left = Catalogue("left", pd.DataFrame({"title": names}, index=[f"a{i}" for i in range(12)]))
    right = Catalogue(
        "right",
        pd.DataFrame({"title": [f"large {n}" for n in names]}, index=[f"b{i}" for i in range(12)]),
    )
    frame = pd.DataFrame(
        [(f"a{i}", f"b{j}", int(i == j)) for i in range(12) for j in (i, (i + 1) % 12)],
        columns=["left", "right", "label"],
    )
    return (
        left,
        right,
        frame.assign(
            split=np.where(
                np.arange(24) < 16, "train", np.where(np.arange(24) < 20, "valid", "test")
            )
        ),
    )


def test_training_pairs_are_scored_by_an_encoder_that_did_not_see_them(bert, one_thread):
    left, right, pairs = shops()
    recipe = Recipe(epochs=2, batch=16, learning_rate=1e-2)
    stands, whole = cross_fitted(bert, recipe, left, right, pairs, folds=2, mine=5)
    assert stands.index.equals(pairs.index)
    rows = (
        left.items.index.get_indexer(pairs["left"]),
        right.items.index.get_indexer(pairs["right"]),
    )
    cosines = np.einsum(
        "pd,pd->p",
        embed(whole, left, cache=None).vectors[rows[0]],
        embed(whole, right, cache=None).vectors[rows[1]],
    )
    train = (pairs["split"] == "train").to_numpy()
    np.testing.assert_allclose(stands["cosine"][~train], cosines[~train], atol=2e-3)
    assert (np.abs(stands["cosine"][train] - cosines[train]) > 1e-2).mean() > 0.5
    changed = pairs.assign(label=np.where(train, pairs["label"], 1 - pairs["label"]))
    again, _ = cross_fitted(bert, recipe, left, right, changed, folds=2, mine=5)
    pd.testing.assert_frame_equal(again, stands)  # labels of valid and test are not read


def test_a_blend_learns_from_valid_alone_which_score_to_trust():
    rng = np.random.default_rng(0)
    label = rng.integers(2, size=300)
    pairs = pd.DataFrame({"label": label, "split": np.repeat(["train", "valid", "test"], 100)})
    good, noise = np.clip(label * 0.6 + rng.random(300) * 0.4, 0, 1), rng.random(300)
    mixed = blend([good, noise], pairs)
    test = pairs["split"] == "test"
    assert (
        np.corrcoef(mixed[test], good[test])[0, 1]
        > 0.8
        > 0.3
        > abs(np.corrcoef(mixed[test], noise[test])[0, 1])
    )
    flipped = pairs.assign(label=np.where(pairs["split"] == "valid", label, 1 - label))
    np.testing.assert_array_equal(blend([good, noise], flipped), mixed)
