"""Pair classifiers on a tiny BERT written here: they learn; their batches; what they refuse."""

import numpy as np
import pytest
import torch

from lib.encoders import encoder
from lib.training import Recipe
from lib.training.pair_classifier import PairClassifier, by_length
from tests.encoders.test_text import write_checkpoint

NOUNS, COLOURS = ["mug", "cup", "shoe", "canvas"], ["red", "blue", "green"]
PAIRS = [
    (f"{c} {n}", f"large {d} {m}") for n in NOUNS for c in COLOURS for m in NOUNS for d in COLOURS
]
LABELS = np.array([left.split() == right.split()[1:] for left, right in PAIRS], int)
FAST = Recipe(epochs=30, batch=16, learning_rate=5e-3, patience=99)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return encoder(f"hf:{write_checkpoint(tmp_path_factory.mktemp('bert'), 'bert')}")


def test_it_learns_what_makes_a_pair(bert, one_thread):
    model = PairClassifier(bert, dropout=0.0)
    history = []
    model.fit(PAIRS, LABELS, FAST, validation=(PAIRS, LABELS), negatives=3, watch=history.append)
    assert max(entry["score"] for entry in history) > 0.9
    scores = model.scores(PAIRS)
    assert scores[LABELS == 1].min() > np.quantile(scores[LABELS == 0], 0.9)


def test_a_pair_s_score_does_not_hang_on_its_batch(bert):
    model = PairClassifier(bert)
    model.precision = "float32"
    alone = [model.scores([pair])[0] for pair in PAIRS[:7]]
    np.testing.assert_allclose(model.scores(PAIRS[:7], batch=3), alone, atol=1e-5)


def test_every_word_of_one_text_looks_at_the_other(bert):
    model = PairClassifier(bert).eval()
    tokens = [model.tokens([("red mug", other)]) for other in ("blue cup", "green shoe")]
    inputs = [{n: t for n, t in some.items() if n != "sides"} for some in tokens]
    with torch.no_grad():
        left = [model.body(**some).last_hidden_state[0, 1:3] for some in inputs]
    assert not torch.allclose(*left, atol=1e-6)


def test_sides_mark_the_words_of_each_text(bert):
    cross = PairClassifier(bert).tokens([("red mug", "blue"), ("cup", "shoe")])
    assert cross["sides"].tolist() == [[0, 1, 1, 0, 2, 0], [0, 1, 0, 2, 0, 0]]


def test_an_adversarial_step_and_class_weights_change_what_is_learned(bert, one_thread):
    def learned(**how):
        model = PairClassifier(bert, dropout=0.0)
        return model.fit(
            PAIRS[:40], LABELS[:40], Recipe(epochs=1, batch=20, learning_rate=1e-2), **how
        ).scores(PAIRS)

    plain = learned()
    assert learned(positive_weight=9.0).mean() > plain.mean()
    assert np.abs(learned(adversarial=0.5) - plain).max() > 1e-4
    assert np.array_equal(learned(), plain), "the seed fixes the result"


def test_batches_hold_pairs_of_like_length_all_positives_and_fresh_negatives():
    lengths, labels = np.arange(100), np.arange(100) % 10 == 0
    epoch = by_length(lengths, labels.astype(int), 8, negatives=2)
    drawn = [list(epoch(np.random.default_rng(seed))) for seed in (0, 1)]
    for batches in drawn:
        rows = np.concatenate(batches)
        assert len(rows) == len(set(rows)) == 30
        assert set(np.flatnonzero(labels)) <= set(rows)
        assert np.mean([np.ptp(lengths[b]) for b in batches]) < 40 < np.ptp(lengths)
    assert set(np.concatenate(drawn[0])) != set(np.concatenate(drawn[1]))
    assert sorted(
        np.concatenate(
            list(by_length(lengths, labels, 8, negatives=np.inf)(np.random.default_rng(0)))
        )
    ) == list(range(100))


def test_bad_training_sets_are_refused(bert):
    model = PairClassifier(bert)
    with pytest.raises(ValueError, match="no pairs to train on"):
        model.fit([], [], FAST)
    with pytest.raises(ValueError, match="all 2 pairs have label 1"):
        model.fit(PAIRS[:2], [1, 1], FAST)
    with pytest.raises(ValueError, match="1 labels for 2 pairs"):
        model.fit(PAIRS[:2], [1], FAST)


def test_a_folder_tells_classifiers_apart(bert, tmp_path, one_thread):
    once = Recipe(epochs=1, batch=20)
    ways = [
        ({}, {}),
        ({}, {"negatives": 1.0}),
        ({"dropout": 0.5}, {}),
        ({"max_tokens": 8}, {}),
        ({"method": "lora"}, {}),
    ]
    ways += [
        ({}, {"positive_weight": 2.0}),
        ({}, {"adversarial": 0.1}),
        ({}, {"validation": (PAIRS[:40], LABELS[:40])}),
    ]

    def scores(model, fit, **kept):
        return (
            PairClassifier(bert, **model)
            .fit(PAIRS[:40], LABELS[:40], once, **fit, **kept)
            .scores(PAIRS[:20])
        )

    first = [scores(*way, folder=tmp_path) for way in ways]
    assert len(list(tmp_path.iterdir())) == len(ways)
    for way, found in zip(ways, first, strict=True):
        np.testing.assert_allclose(scores(*way, folder=tmp_path), scores(*way), atol=1e-5)
        np.testing.assert_allclose(scores(*way, folder=tmp_path), found, atol=1e-6)
