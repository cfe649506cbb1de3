"""Runs: parameters are checked before a kernel starts, results and failures are kept, nothing is left half."""

import json
import os
import subprocess

import nbformat
import numpy as np
import pandas as pd
import pytest

from lib import report


def write_notebook(path, *cells, parameters="ROWS = 3\nNAMES = ['a']\nRATE = 0.5\nFLAG = False"):
    notebook = nbformat.v4.new_notebook()
    first = nbformat.v4.new_code_cell(parameters)
    first.metadata["tags"] = ["parameters"]
    notebook.cells = [first, *(nbformat.v4.new_code_cell(c) for c in cells)]
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def notebook(tmp_path):
    work = "from lib import record\nrecord(**{'set': {'method': {'m': {'mean': ROWS / 2, 'low': 0.0, 'high': 3.0}}}})"
    return write_notebook(tmp_path / "toy.ipynb", work)


def test_run_leaves_notebook_page_and_metrics(notebook, tmp_path):
    metrics = report.run(notebook, {"ROWS": 4}, reports=tmp_path / "reports")
    folder = tmp_path / "reports" / "default_ROWS=4".replace("_", ",") / "toy"
    assert sorted(p.name for p in folder.iterdir()) == ["metrics.json", "notebook.html", "notebook.ipynb"]
    assert json.loads((folder / "metrics.json").read_text()) == metrics
    assert metrics["status"] == "done"
    assert metrics["parameters"] == {"ROWS": 4, "NAMES": ["a"], "RATE": 0.5, "FLAG": False}
    assert metrics["results"]["set"]["method"]["m"]["mean"] == 2.0
    assert metrics["asked"] == {"ROWS": 4}
    assert metrics["versions"]["torch"].split(".")[0].isdigit()


def test_failed_run_keeps_the_error_and_no_values(tmp_path):
    notebook = write_notebook(tmp_path / "bad.ipynb", "1 / 0")
    metrics = report.run(notebook, reports=tmp_path / "reports", name="r")
    assert metrics["status"] == "failed"
    assert metrics["error"]["name"] == "ZeroDivisionError"
    assert metrics["results"] == {}
    assert (tmp_path / "reports" / "r" / "bad" / "notebook.html").is_file()
    assert "ZeroDivisionError" in report.summary(metrics)


def test_rerun_replaces_the_old_run_whole(notebook, tmp_path):
    report.run(notebook, reports=tmp_path / "r", name="n")
    stale = tmp_path / "r" / "n" / "toy" / "figures"
    stale.mkdir()
    report.run(notebook, reports=tmp_path / "r", name="n")
    assert not stale.exists()
    assert [p.name for p in (tmp_path / "r" / "n").iterdir()] == ["toy"]  # no drafts


def test_bad_parameters_are_refused_before_a_kernel_starts(notebook, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "_execute", lambda *a, **k: pytest.fail("a kernel was started"))
    with pytest.raises(ValueError, match="did you mean 'ROWS'"):
        report.run(notebook, {"ROW": 4}, reports=tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_a_kernel_that_dies_is_a_failed_run(tmp_path):
    notebook = write_notebook(tmp_path / "dies.ipynb", "import os\nos._exit(3)")
    metrics = report.run(notebook, reports=tmp_path / "reports", name="r", progress=False)
    assert metrics["status"] == "failed"
    assert metrics["error"]["name"] == "DeadKernelError"


def test_drafts_of_runs_that_were_killed_are_removed_and_living_ones_stay(notebook, tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = tmp_path / "r" / "n" / f".toy-{gone.pid}-x"
    living = tmp_path / "r" / "n" / f".toy-{os.getpid()}-x"
    left.mkdir(parents=True)
    living.mkdir()
    report.run(notebook, reports=tmp_path / "r", name="n", progress=False)
    assert sorted(p.name for p in (tmp_path / "r" / "n").iterdir()) == [living.name, "toy"]


def test_record_outside_a_run_does_nothing(monkeypatch, tmp_path):
    monkeypatch.delenv("AKIN_RUN", raising=False)
    monkeypatch.chdir(tmp_path)
    report.record(x=1)
    assert list(tmp_path.iterdir()) == []


def test_record_adds_up_and_turns_tables_and_nan_into_json(monkeypatch, tmp_path):
    monkeypatch.setenv("AKIN_RUN", str(tmp_path))
    index = pd.MultiIndex.from_tuples([("hit@1", "words")], names=["metric", "method"])
    report.record(bazaar={"task": pd.DataFrame({"mean": [0.5], "p": [np.nan]}, index=index)})
    report.record(bazaar={"rows": np.int64(3)}, series=pd.Series({"a": 0.25}))
    kept = json.loads((tmp_path / "recorded.json").read_text())["results"]
    assert kept["bazaar"] == {"task": {"words": {"hit@1": {"mean": 0.5, "p": None}}}, "rows": 3}
    assert kept["series"] == {"a": 0.25}


def test_run_names_say_what_differs_and_stay_short():
    assert report.run_name("default", {}) == "default"
    assert report.run_name("small", {"SEED": 1, "A": "xy"}) == "small,A=xy,SEED=1"
    assert report.run_name("small", {"A": "x/y"}).startswith("small,A=x_y-")
    assert report.run_name("small", {"A": "x/y"}) != report.run_name("small", {"A": "x y"})
    long = report.run_name("small", {"A": "z" * 300})
    assert len(long) <= 80
    assert long != report.run_name("small", {"A": "z" * 301})


def test_content_key_follows_notebook_and_parameters(notebook):
    key = report.content_key(notebook, {"ROWS": 1})
    assert key == report.content_key(notebook, {"ROWS": 1})
    assert key != report.content_key(notebook, {"ROWS": 2})
    write_notebook(notebook, "2 + 2")
    assert key != report.content_key(notebook, {"ROWS": 1})
