"""Files for other tools: what is written is read back, ir_measures finds evaluate()'s metrics,
errors name the line.
"""

from __future__ import annotations

import csv
import json

import ir_measures
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from lib import Catalogue, Embeddings, Ranking, Task, evaluate, search
from lib.data import write_beir
from lib.metrics import read_qrels, read_run, write_qrels, write_run

METRICS = {
    "ndcg@10": "nDCG@10",
    "recall@5": "R@5",
    "map@10": "AP@10",
    "mrr@10": "RR@10",
    "precision@3": "P@3",
}


def catalogue(name: str, ids: list[str]) -> Catalogue:
    return Catalogue(name, pd.DataFrame({"title": [f"title of {i}" for i in ids]}, index=ids))


def random_task(seed: int, *, gains: int = 1) -> tuple[Task, Ranking]:
    """Graded gains, queries with nothing relevant, ties everywhere, and ids whose order is not the
    corpus's.
    """
    rng = np.random.default_rng(seed)
    q, n = 12, 40
    relevance = rng.integers(1, gains + 1, (q, n)) * (rng.random((q, n)) < 0.15)
    relevance[3] = 0
    queries, corpus = (
        catalogue("q", [f"q{i}" for i in range(q)]),
        catalogue("c", [f"d{i}" for i in rng.permutation(n)]),
    )
    task = Task("t", queries, corpus, csr_array(relevance), csr_array((q, n)))
    vectors = rng.choice([-0.25, 0.25], (q + n, 16))  # cosines are multiples of 1/8
    vectors[0] = 0  # the first query finds nothing
    ids = np.array([*queries.ids, *corpus.ids])
    both = Embeddings("signs", ids, vectors)
    return task, search(both.take(range(q)), both.take(range(q, q + n)), 15)


@pytest.mark.parametrize(("seed", "gains"), [(0, 1), (1, 3), (2, 3)])
def test_ir_measures_reads_our_trec_files_and_finds_our_metrics(tmp_path, seed, gains):
    task, ranking = random_task(seed, gains=gains)
    assert ranking.ties > 20
    write_run(tmp_path / "run.txt", ranking, task)
    write_qrels(tmp_path / "qrels.txt", task)
    run = list(ir_measures.read_trec_run(str(tmp_path / "run.txt")))
    qrels = list(ir_measures.read_trec_qrels(str(tmp_path / "qrels.txt")))
    assert_same_metrics(task, ranking, qrels, run)


def assert_same_metrics(task, ranking, qrels, run):
    ours = evaluate(ranking, task, list(METRICS))
    found = ir_measures.iter_calc(
        [ir_measures.parse_measure(m) for m in METRICS.values()], qrels, run
    )
    theirs = {(v.query_id, str(v.measure)): v.value for v in found}
    judged = ours.dropna()
    assert len(judged) == len(task.queries) - 1
    for metric, measure in METRICS.items():
        for query, value in judged[metric].items():
            assert value == pytest.approx(theirs.get((query, measure), 0.0), abs=1e-9), (
                metric,
                query,
            )


def test_ir_measures_finds_our_metrics_from_a_beir_folder(tmp_path):
    """Read as BEIR's own loader does it: csv by tabs, one header, scores as int."""
    task, ranking = random_task(4, gains=3)
    write_beir(tmp_path, task)
    with open(tmp_path / "qrels" / "test.tsv", encoding="utf-8") as file:
        reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_MINIMAL)
        assert next(reader) == ["query-id", "corpus-id", "score"]
        qrels = [ir_measures.Qrel(query, product, int(score)) for query, product, score in reader]
    corpus = [
        json.loads(line)
        for line in (tmp_path / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert {"_id", "title", "text"} <= set(corpus[0]) and corpus[0]["_id"] == task.corpus.ids[0]
    write_run(tmp_path / "run.txt", ranking, task)
    assert_same_metrics(
        task, ranking, qrels, list(ir_measures.read_trec_run(str(tmp_path / "run.txt")))
    )


def test_a_run_comes_back_in_order_with_its_scores(tmp_path):
    task, ranking = random_task(5)
    write_run(tmp_path / "run.txt", ranking, task, tag="signs")
    again = read_run(tmp_path / "run.txt", task)
    np.testing.assert_array_equal(again.positions, ranking.positions)
    np.testing.assert_allclose(again.scores, ranking.scores, rtol=2e-6, atol=1e-40)
    assert again.ties == 0 and again.name == "run"
    write_run(tmp_path / "twice.txt", again, task, tag="signs")
    assert (tmp_path / "twice.txt").read_bytes() == (
        tmp_path / "run.txt"
    ).read_bytes()  # lowered once, then stable


def test_a_run_by_hand(tmp_path):
    task = Task(
        "t",
        catalogue("q", ["1"]),
        catalogue("c", ["a", "b", "c"]),
        csr_array((1, 3)),
        csr_array((1, 3)),
    )
    tied = Ranking(
        "r", np.array([[1, 2, 0, -1]]), np.array([[0.5, 0.5, 0.25, -np.inf]], np.float32)
    )
    write_run(tmp_path / "r.txt", tied, task)
    assert (
        tmp_path / "r.txt"
    ).read_text() == "1 Q0 b 1 0.5 akin\n1 Q0 c 2 0.49999997 akin\n1 Q0 a 3 0.25 akin\n"
    zeros = Ranking("r", np.array([[1, 2, 0]]), np.zeros((1, 3), np.float32))
    write_run(tmp_path / "r.txt", zeros, task)
    assert read_run(tmp_path / "r.txt", task).positions.tolist() == [[1, 2, 0]]


def test_a_foreign_run_is_ordered_as_trec_eval_orders_it(tmp_path):
    task = Task(
        "t",
        catalogue("q", ["1", "2"]),
        catalogue("c", ["a", "b", "c"]),
        csr_array((2, 3)),
        csr_array((2, 3)),
    )
    (tmp_path / "r.txt").write_text("1 Q0 a 1 1e0 x\r\n\r\n1\tQ0\tb\t2\t2\tx\r\n1 Q0 c 9 1 x\r\n")
    found = read_run(tmp_path / "r.txt", task, name="theirs")
    assert found.positions.tolist() == [
        [1, 2, 0],
        [-1, -1, -1],
    ]  # c before a: equal scores, ids from z to a
    assert found.scores.tolist() == [[2, 1, 1], [-np.inf] * 3]
    (tmp_path / "r.txt").write_text("")
    assert read_run(tmp_path / "r.txt", task).positions.shape == (2, 0)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("1 Q0 a 1 0.5", r"line 2: needs the 6 fields 'query Q0 product rank score tag', got 5"),
        ("1 Q0 a b 1 0.5 x", "line 2: needs the 6 fields"),
        ("9 Q0 a 1 0.5 x", "line 2: the catalogue has no product with id '9'"),
        ("1 Q0 z 1 0.5 x", "line 2: the catalogue has no product with id 'z'"),
        ("1 Q0 a 1 high x", "line 2: the score must be a finite number, got 'high'"),
        ("1 Q0 a 1 nan x", "line 2: the score must be a finite number, got 'nan'"),
        ("1 Q0 a 1 1e99 x", "line 2: the score must be a finite number"),
        ("1 Q0 b 1 0.5 x", "line 2: product 'b' occurs twice for query '1'"),
        ("1 Q0 \udcff 1 0.5 x", "line 2: not UTF-8"),
    ],
)
def test_a_bad_line_of_a_run_is_named(tmp_path, line, says):
    task = Task(
        "t", catalogue("q", ["1"]), catalogue("c", ["a", "b"]), csr_array((1, 2)), csr_array((1, 2))
    )
    (tmp_path / "r.txt").write_bytes(f"1 Q0 b 1 0.9 x\n{line}\n".encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=says):
        read_run(tmp_path / "r.txt", task)


def test_what_trec_cannot_hold_is_refused_and_nothing_is_written(tmp_path):
    spaced = Task.from_matches("t", catalogue("q", ["a b"]), catalogue("c", ["x"]), [("a b", "x")])
    ranking = Ranking("r", np.array([[0]]), np.array([[0.5]], np.float32))
    for write in (
        lambda: write_run(tmp_path / "f", ranking, spaced),
        lambda: write_qrels(tmp_path / "f", spaced),
    ):
        with pytest.raises(ValueError, match=r"'a b' is empty or holds a blank.*write_beir"):
            write()
    plain = Task.from_matches("t", catalogue("q", ["1"]), catalogue("c", ["x"]), [("1", "x", 0.5)])
    for write in (
        lambda: write_qrels(tmp_path / "f", plain),
        lambda: write_beir(tmp_path / "f", plain),
    ):
        with pytest.raises(
            ValueError, match=r"query '1', product 'x' have gain 0.5.*whole numbers only"
        ):
            write()
    with pytest.raises(ValueError, match="'two words' is empty or holds a blank"):
        write_run(tmp_path / "f", ranking, plain, tag="two words")
    with pytest.raises(ValueError, match="query '1' has a score that is no finite number"):
        write_run(
            tmp_path / "f", Ranking("r", np.array([[0]]), np.array([[np.nan]], np.float32)), plain
        )
    with pytest.raises(ValueError, match="answers 2 queries, the task has 1"):
        write_run(tmp_path / "f", Ranking("r", np.zeros((2, 1), int), np.zeros((2, 1))), plain)
    assert list(tmp_path.iterdir()) == []


def assert_same_task(one: Task, other: Task) -> None:
    assert list(one.queries.ids) == list(other.queries.ids) and list(one.corpus.ids) == list(
        other.corpus.ids
    )
    np.testing.assert_array_equal(one.relevance.toarray(), other.relevance.toarray())
    np.testing.assert_array_equal(one.exclude.toarray(), other.exclude.toarray())


def test_qrels_come_back(tmp_path):
    task, _ = random_task(6, gains=3)
    write_qrels(tmp_path / "q.txt", task)
    assert_same_task(read_qrels(tmp_path / "q.txt", task.queries, task.corpus), task)
    (tmp_path / "q.txt").write_text("q1 0 d1 0\nq1 0 d2 -1\nq1 0 d3 2\n")
    assert read_qrels(tmp_path / "q.txt", task.queries, task.corpus).relevance.sum() == 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("q1 0 d1", "line 2: needs the 4 fields"),
        ("q1 0 d1 0.5", "line 2: the gain must be a whole number, got '0.5'"),
        ("q1 0 zz 1", "line 2: the catalogue has no product with id 'zz'"),
        ("q1 0 d0 2", "line 2: product 'd0' occurs twice"),
    ],
)
def test_a_bad_line_of_qrels_is_named(tmp_path, line, says):
    task, _ = random_task(0)
    (tmp_path / "q.txt").write_text(f"q1 0 d0 1\n{line}\n")
    with pytest.raises(ValueError, match=says):
        read_qrels(tmp_path / "q.txt", task.queries, task.corpus)
