"""Estimates are unbiased and exact at the end; a closed session goes on; the file is safe."""

import doctest
import json

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from lib import Catalogue, Task, evaluate
from lib.decision import betting, judgement_file, judging
from lib.decision.betting import betting_interval
from lib.decision.judgement_file import JudgementFile
from lib.decision.judging import Judging, verdict
from lib.decision.pair_sample import Pool, Sample
from lib.metrics import read_qrels
from lib.search import Ranking

Q, N, K = 30, 40, 3


def shop(n, letter):
    frame = pd.DataFrame({"title": [f"{letter}{i}" for i in range(n)]})
    return Catalogue(letter, frame.set_axis([f"{letter}{i}" for i in range(n)]))


QUERIES, CORPUS = shop(Q, "q"), shop(N, "p")
RELEVANT = csr_array((np.random.default_rng(5).random((Q, N)) < 0.2).astype(np.float32))


def guess(seed, skill):
    scores = np.random.default_rng(seed).random((Q, N)) + skill * RELEVANT.toarray()
    positions = np.argsort(-scores, axis=1)[:, :K]
    return Ranking("guess", positions, np.take_along_axis(scores, positions, 1))


RANKINGS = {"plain": guess(0, 0.1), "good": guess(1, 0.4)}


def label(session):
    return "same" if RELEVANT[session.pair] else "unrelated"


def finish(session, most=10**6):
    while session.pair is not None and session.judged < most:
        session.judge(label(session))
    return session


def test_when_all_is_judged_the_table_is_what_evaluate_says():
    task = Task("t", QUERIES, CORPUS, RELEVANT, csr_array((Q, N)))
    counts = np.diff(RELEVANT.indptr)
    table = finish(Judging(RANKINGS, QUERIES, CORPUS, metric=f"ndcg@{K}", ideal=counts)).table()
    for metric in (f"ndcg@{K}", f"precision@{K}"):
        means = {n: evaluate(r, task, [metric])[metric].sum() / Q for n, r in RANKINGS.items()}
        means["good − plain"] = means["good"] - means["plain"]
        for name, mean in means.items():
            row = table.loc[(metric, name)]
            assert row["low"] == pytest.approx(mean, abs=1e-6)
            assert row["high"] == pytest.approx(mean, abs=1e-6)


def test_every_draw_expects_the_mean_whatever_is_predicted():
    """Three pairs, whose outcomes sum to 0.3; the first two are relevant."""
    weight, adds, gains = np.array([1.0, 2.0, 5.0]), np.array([0.5, -0.2, 0.1]), np.array([1, 1, 0])
    pool = Pool(np.zeros((3, 2), int), adds[:, None], np.array([0]), weight, np.zeros((3, 1)))
    draws = []
    for seed in range(4000):
        sample = Sample(pool, seed=seed)
        while sample.pair is not None:
            sample.judge(np.repeat(gains[sample.pair], 2))
        draws.append(np.array(sample.values)[:, 0])
    error = np.std(draws, axis=0) / np.sqrt(4000)
    assert (np.abs(np.mean(draws, axis=0) - adds @ gains) <= 4 * error + 1e-9).all()


def test_estimates_are_unbiased_and_intervals_hold_while_the_model_learns():
    held, estimates = [], []
    for seed in range(60):
        session = finish(Judging(RANKINGS, QUERIES, CORPUS, metric=f"ndcg@{K}", seed=seed), 60)
        pool, (values, lows, highs) = session._pool, session._sample.draws()
        truth = pool.adds.T @ np.asarray(RELEVANT[tuple(pool.pairs.T)]).ravel()
        assert (values >= lows - 1e-9).all() and (values <= highs + 1e-9).all()
        low, high = betting_interval(values, lows, highs)  # as it only shrinks, at every time
        held.append((low <= truth) & (truth <= high))
        estimates.append(values.mean(axis=0))
    assert np.mean(held, axis=0).min() >= 0.93
    error = np.std(estimates, axis=0) / np.sqrt(60)
    assert (np.abs(np.mean(estimates, axis=0) - truth) < 4 * error).all()


def test_closing_loses_nothing_and_undo_asks_again(tmp_path):
    file = tmp_path / "judgements.jsonl"
    made = {"metric": f"ndcg@{K}", "file": file}
    session = finish(Judging(RANKINGS, QUERIES, CORPUS, **made), 20)
    assert len(file.read_text().splitlines()) == 20
    again = Judging(RANKINGS, QUERIES, CORPUS, **made)
    assert again.judged == 20 and again.pair == session.pair
    assert again.table().equals(session.table())
    last = session._asked[-1]
    assert again.undo() and again.judged == 19 and again._ids() == last
    assert Judging(RANKINGS, QUERIES, CORPUS, **made).judged == 19
    other = Judging(RANKINGS, QUERIES, CORPUS, **made, judge="bob")
    assert other.judged == 0 and not other.undo()


def test_a_line_cut_off_is_left_out_and_the_others_stay(tmp_path):
    path = tmp_path / "j.jsonl"
    JudgementFile(path).add("me", "q 1", "ß", "same")
    with path.open("ab") as file:
        file.write(b'{"judge": "me", "que')
    file = JudgementFile(path)
    file.add("me", "q 1", "p", "complement")
    assert file.gains() == {"me": {("q 1", "ß"): 3, ("q 1", "p"): 1}}
    path.write_text(path.read_text() + json.dumps({"judge": "me"}) + "\n")
    with pytest.raises(ValueError, match=r"line 3: needs judge, query, product and gain"):
        file.gains()


def test_judgements_are_qrels(tmp_path):
    session = finish(
        Judging(RANKINGS, QUERIES, CORPUS, metric=f"ndcg@{K}", file=tmp_path / "j"), 25
    )
    session.file.write_qrels(tmp_path / "qrels", "me")
    task = read_qrels(tmp_path / "qrels", QUERIES, CORPUS)
    for query, product in session._asked:
        at = QUERIES.items.index.get_loc(query), CORPUS.items.index.get_loc(product)
        assert task.relevance[at] == 3 * RELEVANT[at]


def test_agreement_by_hand(tmp_path):
    file = JudgementFile(tmp_path / "j")
    for judge, labels in {"ada": "sssu", "bob": "ssuu", "cy": ""}.items():
        for i, letter in enumerate(labels):
            file.add(judge, "q", f"p{i}", {"s": "same", "u": "unrelated"}[letter])
    table = file.agreement()
    # equal 3 of 4; by chance 3/4 · 1/2 + 1/4 · 1/2 = 1/2
    assert table.loc[("ada", "bob")].tolist() == pytest.approx([4, 0.75, 0.5, 0.5])
    assert JudgementFile(tmp_path / "none").agreement().empty


def test_a_narrow_interval_decides_too():
    rows = pd.DataFrame({"low": [-0.004], "high": [0.006]}, index=["b − a"])
    assert "between" in verdict(rows, "ndcg@10", 0.02)
    assert verdict(rows, "ndcg@10", 0.009) == ""


@pytest.mark.parametrize("module", [betting, judgement_file, judging])
def test_examples_print_what_they_say(module, tmp_path):
    names = vars(module) | {"getfixture": lambda _: tmp_path}
    spaces = doctest.NORMALIZE_WHITESPACE
    assert not doctest.testmod(module, globs=names, optionflags=spaces).failed


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="search with k=10"):
        Judging(RANKINGS, QUERIES, CORPUS)
    with pytest.raises(ValueError, match="two rankings or more"):
        Judging({"plain": RANKINGS["plain"]}, QUERIES, CORPUS)
    with pytest.raises(ValueError, match="metric is ndcg@k or precision@k"):
        Judging(RANKINGS, QUERIES, CORPUS, metric="recall@3")
    session = Judging(RANKINGS, QUERIES, CORPUS, metric=f"ndcg@{K}")
    with pytest.raises(ValueError, match="none of unrelated"):
        session.judge("alike")
