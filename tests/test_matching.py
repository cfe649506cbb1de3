"""Candidates by hand and against counting; the matcher learns what can be learned, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lib.catalogue import Catalogue, Task
from lib.search import Ranking
from lib.tasks.matching import (
    candidate_pairs,
    candidates_at,
    fit_matcher,
    matcher_scores,
    recall_of_candidates,
    split_f1,
    split_pairs,
)


def catalogue(name: str, n: int) -> Catalogue:
    return Catalogue(name, pd.DataFrame({"title": ["x"] * n}, index=[f"{name}{i}" for i in range(n)]))


TASK = Task.from_matches("t", catalogue("q", 3), catalogue("c", 4), [("q0", "c1"), ("q1", "c0"), ("q1", "c2")])
RANKING = Ranking(
    "r",
    np.array([[0, 1, 2], [0, 3, 2], [3, -1, -1]]),
    np.array([[0.9, 0.8, 0.1], [0.8, 0.5, 0.4], [0.7, -np.inf, -np.inf]], np.float32),
)


def test_candidate_pairs_by_hand() -> None:
    pairs = candidate_pairs(RANKING, TASK, k=2)
    assert pairs[["left", "right", "label"]].to_numpy().tolist() == [
        ["q0", "c0", 0], ["q0", "c1", 1], ["q1", "c0", 1], ["q1", "c3", 0], ["q2", "c3", 0],
    ]  # fmt: skip
    assert pairs["score"].tolist() == pytest.approx([0.9, 0.8, 0.8, 0.5, 0.7])
    assert len(candidate_pairs(RANKING, TASK)) == 7


def test_in_one_catalogue_every_pair_comes_once() -> None:
    task = Task.same_label("s", catalogue("c", 3), ["a", "a", None])
    ranking = Ranking("r", np.array([[1, 2], [0, -1], [0, 1]]), np.array([[0.9, 0.5], [0.9, -np.inf], [0.5, 0.4]], np.float32))
    pairs = candidate_pairs(ranking, task)
    assert pairs[["left", "right", "label"]].to_numpy().tolist() == [["c0", "c1", 1], ["c0", "c2", 0], ["c1", "c2", 0]]


def test_recall_against_candidates_kept() -> None:
    by_k = recall_of_candidates(RANKING, TASK)
    assert by_k.index.tolist() == [1, 2, 3]
    assert by_k["kept"].tolist() == [3, 5, 7]
    assert by_k["recall"].tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    by_score = recall_of_candidates(RANKING, TASK, cut="score")
    assert by_score.index.tolist() == pytest.approx([0.9, 0.8, 0.7, 0.5])  # q1's fourth may score .4 as well
    assert by_score["kept"].tolist() == [1, 3, 4, 5]  # the two at .8 together
    assert by_score["recall"].tolist() == pytest.approx([0, 2 / 3, 2 / 3, 2 / 3])


@pytest.mark.parametrize("cut", ["k", "score"])
def test_both_cuts_equal_counting(cut: str) -> None:
    rng = np.random.default_rng(0)
    matches = {(f"q{i}", f"c{j}") for i, j in rng.integers(30, size=(40, 2))}
    task = Task.from_matches("t", catalogue("q", 30), catalogue("c", 30), matches)
    scores = np.sort(rng.integers(9, size=(30, 12)).astype(np.float32))[:, ::-1]
    ranking = Ranking("r", np.argsort(rng.random((30, 30)))[:, :12], scores)
    relevant = task.relevance.toarray() > 0
    curve = recall_of_candidates(ranking, task, cut=cut)
    assert len(curve) == (12 if cut == "k" else len(np.unique(scores[scores > scores[:, -1].max()])))
    for at, kept, recall in curve.itertuples():
        chosen = np.broadcast_to(np.arange(12) < at, (30, 12)) if cut == "k" else scores >= at
        row, place = np.nonzero(chosen)
        assert kept == len(row)
        assert recall == pytest.approx(relevant[row, ranking.positions[row, place]].sum() / len(matches))


def test_candidates_at_a_recall() -> None:
    assert candidates_at(RANKING, TASK, recall=0.6) == pytest.approx({"at": 2, "kept": 5, "per_query": 5 / 3, "recall": 2 / 3})
    assert candidates_at(RANKING, TASK, recall=0.6, cut="score")["kept"] == 3
    shallow = Ranking("r", RANKING.positions[:, :2], RANKING.scores[:, :2])
    never = candidates_at(shallow, TASK, recall=0.99)
    assert np.isnan(never["kept"])
    assert never["recall"] == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match='cut is "k" or "score"'):
        candidates_at(RANKING, TASK, cut="rank")


def test_without_matches_there_is_no_recall() -> None:
    nothing = Task.from_matches("t", catalogue("q", 3), catalogue("c", 4), [])
    assert recall_of_candidates(RANKING, nothing)["recall"].isna().all()
    assert np.isnan(candidates_at(RANKING, nothing)["kept"])


def learnable(n: int = 400, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Label 1 where the two first columns agree in sign; the third is noise, the fourth empty, the fifth constant."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "noise"]).assign(empty=np.nan, constant=1.0)
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
    worth = split_f1(pairs, first)
    assert worth["f1"] > 0.85
    assert set(worth) == {"threshold", "precision", "recall", "f1"}


def test_only_train_labels_are_learned_and_only_valid_ones_choose_the_threshold() -> None:
    features, pairs = learnable()
    scores = matcher_scores(features, pairs, trees=10)
    flipped = pairs.assign(label=pairs["label"].where(pairs["split"] == "train", 1 - pairs["label"]))
    np.testing.assert_array_equal(scores, matcher_scores(features, flipped, trees=10))
    elsewhere = pairs.assign(label=pairs["label"].where(pairs["split"] == "valid", 0))
    assert split_f1(pairs, scores)["threshold"] == split_f1(elsewhere, scores)["threshold"]


def test_one_label_alone_cannot_be_learned() -> None:
    features, _ = learnable(40)
    with pytest.raises(ValueError, match="pairs of both labels, got 40 of"):
        fit_matcher(features, np.zeros(40, int))


def test_a_pair_is_of_a_part_only_where_both_listings_are() -> None:
    sides = catalogue("q", 50), catalogue("c", 50)
    parts = [{i: name for name, part in s.split({"train": 0.5, "test": 0.5}).items() for i in part.ids} for s in sides]
    pairs = pd.DataFrame([(a, b) for a in sides[0].ids[:20] for b in sides[1].ids[:20]], columns=["left", "right"])
    split = split_pairs(pairs, *sides, {"train": 0.5, "test": 0.5})
    assert {None, "train", "test"} == set(split)
    for a, b, part in zip(pairs["left"], pairs["right"], split, strict=True):
        assert part == (parts[0][a] if parts[0][a] == parts[1][b] else None)
