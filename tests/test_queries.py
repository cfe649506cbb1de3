"""What each query scored comes back as it was, and says whether two runs answered the same queries."""

import json

import numpy as np
import pandas as pd

from lib import compare, evaluate, load, record
from lib.queries import packed, read_queries, write_queries
from lib.search import Ranking


def frames(task="t"):
    rng = np.random.default_rng(0)
    made = {}
    for method in ("words", "é, photo"):
        values = rng.random((7, 2))
        values[3] = np.nan
        made[method] = pd.DataFrame(values, columns=["ndcg@10", "hit@1"], index=pd.Index(list("abcdefg"), name="query"))
        made[method].attrs["task"] = task
    return made


def test_rows_and_clusters_come_back_exactly(tmp_path):
    made = frames()
    table = compare(made, baseline="words", clusters=["x", "x", None, "y", "y", "y", "z"])
    write_queries(dict(packed({"set": {"task": table, "note": 1}})), tmp_path)
    (path, (found, clusters)), *more = read_queries(tmp_path).items()
    assert path == ("set", "task")
    assert more == []
    for method, frame in made.items():
        np.testing.assert_array_equal(found[method].to_numpy(), frame.to_numpy())
        assert list(found[method]) == list(frame)
    assert clusters[0] == clusters[1] != clusters[2]
    assert clusters[3] == clusters[4] == clusters[5]
    assert len(set(clusters)) == 4


def test_a_table_keeps_its_rows_through_slices_and_joins():
    one, other = (compare(frames(), baseline="words") for _ in range(2))
    assert dict(packed({"a": one.loc[["hit@1"]].round(3)}))  # a slice knows what it came from
    both = pd.concat({"one": one, "other": other})
    assert not dict(packed({"a": both}))  # of two tables joined, neither is it


def test_nothing_to_keep_writes_nothing(tmp_path):
    write_queries(dict(packed({"a": {"b": 1.0}, "t": pd.DataFrame({"mean": [1.0]})})), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_record_keeps_them_and_several_calls_add_up(monkeypatch, tmp_path):
    monkeypatch.setenv("AKIN_RUN", str(tmp_path))
    for name in ("one", "two"):
        record(**{name: {"task": compare(frames(), baseline="words")}})
    kept = json.loads((tmp_path / "recorded.json").read_text())["queries"]
    assert list(kept) == ['["one", "task"]', '["two", "task"]']


def test_a_task_is_known_by_what_is_asked_and_what_is_right():
    first, again, other = (load("bazaar", rows=60, seed=seed).tasks["same product"] for seed in (0, 0, 1))
    assert first.digest == again.digest
    assert first.digest != other.digest
    assert first.digest != first.take(np.arange(30)).digest
    ranking = Ranking("none", np.full((60, 10), -1), np.zeros((60, 10), np.float32))
    assert evaluate(ranking, first, ["hit@1"]).attrs["task"] == first.digest


def test_rows_of_an_own_measure_are_known_by_their_ids():
    made = frames()
    for frame in made.values():
        frame.attrs.clear()
    (kept,) = dict(packed({"t": compare(made, baseline="words")})).values()
    made = {name: frame.rename({"a": "other"}) for name, frame in made.items()}
    (other,) = dict(packed({"t": compare(made, baseline="words")})).values()
    assert kept["task"] != other["task"]
