"""Grids of runs: every point is run once, done ones are skipped, failed ones have no values."""

import pytest

from lib import sweep as module
from lib.sweep import keep_reference, means, sweep
from tests.test_report import write_notebook

WORK = """
from pathlib import Path
from lib import record
with open(LOG, "a") as log:
    log.write("x")
if N == 2 and not Path(LOG).with_name("mended").exists():
    raise ValueError("two is refused")
record(set={"method": {"m": {"mean": float(N)}}})
"""


@pytest.fixture
def notebook(tmp_path):
    return write_notebook(tmp_path / "toy.ipynb", WORK, parameters="N = 0\nLOG = ''")


def test_grid_runs_every_point_and_skips_what_is_done(notebook, tmp_path):
    log = tmp_path / "log"
    settings = {"parameters": {"LOG": str(log)}, "reports": tmp_path / "reports", "jobs": 2}
    table = sweep(notebook, {"N": [1, 2, 3]}, **settings)
    assert table["N"].tolist() == [1, 2, 3]
    assert table["status"].tolist() == ["done", "failed", "done"]
    values = table["set/method/m"]
    assert values[0] == 1.0
    assert values.isna()[1]  # a failed run has no value, not a zero
    assert len(log.read_text()) == 3

    (tmp_path / "mended").touch()
    again = sweep(notebook, {"N": [1, 2, 3]}, **settings)
    assert again["status"].tolist() == ["done"] * 3
    assert len(log.read_text()) == 4  # only the failed one ran again


def test_a_typo_in_the_last_point_is_found_before_the_first_run(notebook, tmp_path):
    with pytest.raises(ValueError, match="N is int"):
        sweep(notebook, {"N": [1, "three"]}, reports=tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_means_walk_nested_results():
    results = {"set": {"method": {"m@1": {"mean": 0.5, "low": 0.4}}, "rows": 3}, "note": "x"}
    assert list(means(results)) == [("set/method/m@1", 0.5)]


def test_keep_reference_refuses_what_is_too_big_and_keeps_the_old(tmp_path, monkeypatch):
    run, target = tmp_path / "run", tmp_path / "reference"
    (run / "figures").mkdir(parents=True)
    (run / "metrics.json").write_text("{}")
    (run / "figures" / "a.svg").write_text("<svg/>")
    keep_reference(run, target)
    assert sorted(p.name for p in target.iterdir()) == ["a.svg", "metrics.json"]
    monkeypatch.setattr(module, "BIGGEST", 3)
    with pytest.raises(ValueError, match="too many to commit"):
        keep_reference(run, target)
    assert sorted(p.name for p in target.iterdir()) == ["a.svg", "metrics.json"]


def test_an_unknown_profile_or_notebook_is_refused_before_anything_runs(monkeypatch):
    monkeypatch.setattr(module.report, "run", lambda *a, **k: pytest.fail("a notebook was run"))
    with pytest.raises(ValueError, match="no notebook has the profile 'refrence'"):
        module.report_all("refrence")
    with pytest.raises(FileNotFoundError, match="did you mean '01_catalogue'"):
        module.report_all("small", notebooks=["00_quickstart", "01_catalog"])
