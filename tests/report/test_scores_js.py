"""What each query scored comes back as it was; a task's digest says what was asked."""

import base64
import gzip
import json

import numpy as np
import pandas as pd

from lib import compare, compare_methods, load
from lib.metrics import Comparison
from lib.report import record
from lib.report.scores_js import FILE, packed, read_tables, write_queries
from lib.search.exact import Ranking


def frames():
    rng = np.random.default_rng(0)
    made = {}
    for method in ("words", "é, photo"):
        values = rng.random((7, 2))
        values[3] = np.nan
        made[method] = pd.DataFrame(
            values, columns=["ndcg@10", "hit@1"], index=pd.Index(list("abcdefg"), name="query")
        )
    return made


def compared(clusters=None):
    made = frames()
    table = compare(made, baseline="words", clusters=clusters)
    return Comparison(table, made, {}, clusters, "t")


def decoded(text, kind):
    return np.frombuffer(gzip.decompress(base64.b64decode(text)), kind)


def test_rows_and_clusters_come_back_exactly(tmp_path):
    made = frames()
    table = compared(["x", "x", None, "y", "y", "y", "z"])
    write_queries(dict(packed({"set": {"task": table, "note": 1}})), tmp_path)
    ((path, found),) = read_tables(tmp_path / FILE).items()
    assert path == '["set", "task"]'
    assert found["methods"] == list(made)
    assert found["metrics"] == ["ndcg@10", "hit@1"]
    values = decoded(found["values"], "<f8").reshape(2, 2, 7)
    for i, frame in enumerate(made.values()):
        np.testing.assert_array_equal(values[i].T, frame.to_numpy())
    clusters = decoded(found["clusters"], "<i4")
    assert clusters[0] == clusters[1] != clusters[2]
    assert clusters[3] == clusters[4] == clusters[5]
    assert len(set(clusters)) == 4


def test_nothing_to_keep_writes_nothing(tmp_path):
    write_queries(dict(packed({"a": {"b": 1.0}, "t": pd.DataFrame({"mean": [1.0]})})), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_record_keeps_them_and_several_calls_add_up(monkeypatch, tmp_path):
    monkeypatch.setenv("AKIN_RUN", str(tmp_path))
    for name in ("one", "two"):
        record(**{name: {"task": compared()}})
    kept = json.loads((tmp_path / "recorded.json").read_text())["queries"]
    assert list(kept) == ['["one", "task"]', '["two", "task"]']


def test_a_task_is_known_by_what_is_asked_and_what_is_right():
    first, again, other = (
        load("bazaar", rows=60, seed=seed).tasks["same product"] for seed in (0, 0, 1)
    )
    assert first.digest == again.digest
    assert first.digest != other.digest
    assert first.digest != first.take(np.arange(30)).digest
    ranking = Ranking("none", np.full((60, 10), -1), np.zeros((60, 10), np.float32))
    assert compare_methods({"none": ranking}, first, ["hit@1"]).task == first.digest
