"""Runs: parameters are checked before a kernel starts, results and failures are kept, nothing is
left half, and nothing of anybody else's is touched.
"""

import errno
import json
import os
import subprocess

import numpy as np
import pandas as pd
import pytest

from lib.report import recording, runs
from lib.report.recording import plain, record
from lib.report.runs import content_key, plan, run_name, summary
from tests.report.runs import run_one, write_notebook

MEAN = "{'mean': ROWS / 2, 'low': 0.0, 'high': 3.0}"
WORK = f"from lib.report import record\nrecord(**{{'task': {{'method': {{'m': {MEAN}}}}}}})"


@pytest.fixture
def notebook(tmp_path):
    return write_notebook(tmp_path / "toy.ipynb", WORK)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_run_leaves_notebook_page_and_metrics(notebook, tmp_path):
    run, metrics = run_one(notebook, {"ROWS": 4}, reports=tmp_path / "reports")
    assert run.folder == tmp_path / "reports" / "default,ROWS=4" / "toy" / "toyland"
    assert names(run.folder) == [
        ".akin-files.json",
        "metrics.json",
        "notebook.html",
        "notebook.ipynb",
    ]
    assert json.loads((run.folder / "metrics.json").read_text()) == metrics == run.metrics()
    assert metrics["status"] == "done"
    assert metrics["parameters"]["ROWS"] == 4
    assert metrics["parameters"]["RATE"] == 0.5
    assert metrics["results"]["task"]["method"]["m"]["mean"] == 2.0
    assert metrics["asked"] == {"ROWS": 4}
    assert metrics["versions"]["torch"].split(".")[0].isdigit()
    assert metrics["problems"] == []


def test_the_data_set_has_a_folder_of_its_own(notebook, tmp_path):
    folders = [
        plan(notebook, {"DATASET": name}, reports=tmp_path)[0].folder.relative_to(tmp_path)
        for name in ("abt-buy", "shops/mine", "../mine")
    ]
    assert folders[0].as_posix() == "default/toy/abt-buy"
    assert [f.name.rpartition("-")[0] for f in folders[1:]] == ["mine", "mine"]
    assert folders[1] != folders[2]
    bare = write_notebook(tmp_path / "bare.ipynb", parameters="ROWS = 1")
    assert plan(bare, reports=tmp_path)[0].folder.name == "none"


def test_failed_run_keeps_the_error_and_no_values(tmp_path):
    notebook = write_notebook(tmp_path / "bad.ipynb", "1 / 0")
    run, metrics = run_one(notebook, reports=tmp_path / "reports", name="r")
    assert metrics["status"] == "failed"
    assert metrics["error"]["name"] == "ZeroDivisionError"
    assert metrics["results"] == {}
    assert (run.folder / "notebook.html").is_file()
    assert "ZeroDivisionError" in summary(run, metrics)


@pytest.mark.parametrize("place", ["notebooks", "here"])
def test_a_file_of_ones_own_is_found_beside_the_notebook_and_where_akin_is_called(
    tmp_path, monkeypatch, place
):
    for name in ("notebooks", "here"):
        (tmp_path / name).mkdir()
    (tmp_path / place / "letters_of_mine.py").write_text("A = 1")
    notebook = write_notebook(tmp_path / "notebooks" / "own.ipynb", "import letters_of_mine")
    monkeypatch.chdir(tmp_path / "here")
    before = dict(os.environ)
    _, metrics = run_one(notebook, reports=tmp_path / "reports", name="r")
    assert metrics["status"] == "done", metrics["error"]
    assert dict(os.environ) == before


def test_rerun_replaces_the_old_run_whole(notebook, tmp_path):
    for _ in range(2):
        run, _ = run_one(notebook, reports=tmp_path / "r", name="n")
        stale = run.folder / "figures"
        stale.mkdir(exist_ok=True)
    run_one(notebook, reports=tmp_path / "r", name="n")
    assert not stale.exists()
    assert names(run.folder.parent) == ["toyland"]  # no drafts


def test_what_a_person_put_into_a_run_is_kept_beside_the_new_one(notebook, tmp_path, capsys):
    run, _ = run_one(notebook, reports=tmp_path / "r", name="n")
    (run.folder / "notes.txt").write_text("a week of thought")
    run_one(notebook, reports=tmp_path / "r", name="n")
    kept = run.folder.with_name("toyland-kept")
    assert (kept / "notes.txt").read_text() == "a week of thought"
    assert not (run.folder / "notes.txt").exists()
    assert "files that Akin did not write" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../victim", "/tmp/victim", "a/b", "..", ".hidden", "reference"])
def test_a_runs_name_stays_in_its_folder(notebook, tmp_path, name):
    with pytest.raises(ValueError, match="plain folder name"):
        plan(notebook, reports=tmp_path / "reports", name=name)


def test_bad_parameters_are_refused_before_a_kernel_starts(notebook, tmp_path):
    with pytest.raises(ValueError, match="did you mean 'ROWS'"):
        plan(notebook, {"ROW": 4}, reports=tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_a_kernel_that_dies_is_a_failed_run(tmp_path):
    notebook = write_notebook(tmp_path / "dies.ipynb", "import os\nos._exit(3)")
    _, metrics = run_one(notebook, reports=tmp_path / "reports", name="r")
    assert metrics["status"] == "failed"
    assert metrics["error"]["name"] == "DeadKernelError"


def test_a_page_that_cannot_be_drawn_costs_nothing_else(notebook, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "render_page", lambda *a, **k: 1 / 0)
    run, metrics = run_one(notebook, reports=tmp_path / "r")
    assert metrics["status"] == "done"
    assert metrics["problems"] == ["there is no page: ZeroDivisionError: division by zero"]
    assert run.metrics()["results"]["task"]["method"]["m"]["mean"] == 1.5
    assert (run.folder / "notebook.ipynb").is_file()
    assert "there is no page" in summary(run, metrics)


def test_half_a_character_in_a_record_costs_nothing(tmp_path):
    work = "from lib.report import record\nrecord(best='\\ud800 é')"
    run, metrics = run_one(write_notebook(tmp_path / "odd.ipynb", work), reports=tmp_path / "r")
    assert metrics["status"] == "done"
    assert run.metrics()["results"] == {"best": "\ud800 é"}


def test_on_a_full_disk_what_has_been_written_is_kept(notebook, tmp_path, monkeypatch):
    write = runs.write_atomically

    def full(path, data):
        if path.name == "metrics.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data)

    old, _ = run_one(notebook, reports=tmp_path / "r", name="n")
    before = old.metrics()
    monkeypatch.setattr(runs, "write_atomically", full)
    with pytest.raises(RuntimeError, match="No space left on device; what there is lies in"):
        run_one(notebook, reports=tmp_path / "r", name="n")
    assert old.metrics() == before  # the older run is whole
    kept = old.folder.with_name("toyland-unfinished")
    assert {"notebook.ipynb", "recorded.json"} <= set(names(kept))


def test_drafts_of_runs_that_were_killed_are_removed_and_living_ones_stay(notebook, tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    folder = tmp_path / "r" / "n" / "toy"
    living = folder / f".toyland-{os.getpid()}-x"
    for draft in (living, folder / f".toyland-{gone.pid}-x"):
        draft.mkdir(parents=True)
    run_one(notebook, reports=tmp_path / "r", name="n")
    assert names(folder) == [living.name, "toyland"]


def test_record_outside_a_run_does_nothing(monkeypatch, tmp_path):
    monkeypatch.delenv("AKIN_RUN", raising=False)
    monkeypatch.chdir(tmp_path)
    record(x=1)
    assert list(tmp_path.iterdir()) == []


def test_record_adds_up_and_turns_tables_and_nan_into_json(monkeypatch, tmp_path):
    monkeypatch.setenv("AKIN_RUN", str(tmp_path))
    index = pd.MultiIndex.from_tuples([("hit@1", "words")], names=["metric", "method"])
    record(shop={"task": pd.DataFrame({"mean": [0.5], "p": [np.nan]}, index=index)}, rows=1)
    record(rows=np.int64(3), series=pd.Series({"a": 0.25}))
    kept = recording.read_recorded(tmp_path)["results"]
    assert kept["shop"] == {"task": {"words": {"hit@1": {"mean": 0.5, "p": None}}}}
    assert (kept["rows"], kept["series"]) == (3, {"a": 0.25})
    assert plain({"a": (1, np.inf)}) == {"a": [1, None]}


def test_run_names_say_what_differs_and_stay_short():
    assert run_name("default", {}) == run_name("default", {"DATASET": "beauty"}) == "default"
    assert run_name("small", {"SEED": 1, "A": "xy"}) == "small,A=xy,SEED=1"
    assert run_name("reference", {}) == "full-reference"
    assert run_name("small", {"A": "x/y"}).startswith("small,A=x_y-")
    assert run_name("small", {"A": "x/y"}) != run_name("small", {"A": "x y"})
    long = run_name("small", {"A": "z" * 300})
    assert len(long) <= 80
    assert long != run_name("small", {"A": "z" * 301})


def test_content_key_follows_notebook_and_parameters(notebook):
    key = content_key(notebook, {"ROWS": 1})
    assert key == content_key(notebook, {"ROWS": 1})
    assert key != content_key(notebook, {"ROWS": 2})
    write_notebook(notebook, "2 + 2")
    assert key != content_key(notebook, {"ROWS": 1})
