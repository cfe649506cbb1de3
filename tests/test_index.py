"""The page over all runs: complete, escaped, self-contained, and honest about failures."""

import json
import re

from lib.index import collect, rows, write_index

RUN = {
    "notebook": "02_x",
    "status": "done",
    "error": None,
    "profile": "default",
    "parameters": {"NAME": "<script>alert(1)</script>"},
    "seconds": 1.5,
    "encode_seconds": 0.5,
    "commit": "abc",
    "results": {"set": {"words": {"hit@1": {"mean": 0.5, "low": 0.4, "high": 0.6}}}},
}


def write_run(reports, run, notebook, **changes):
    folder = reports / run / notebook
    (folder / "figures").mkdir(parents=True)
    (folder / "figures" / "a_b.svg").write_text("<svg/>")
    (folder / "metrics.json").write_text(json.dumps(RUN | {"notebook": notebook} | changes))


def test_page_shows_runs_figures_and_intervals_and_escapes(tmp_path):
    write_run(tmp_path, "default", "02_x")
    page = write_index(tmp_path).read_text()
    assert "set / words / hit@1" in page
    assert "0.500 [0.400, 0.600]" in page
    assert "default/02_x/figures/a_b.svg" in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"(src|href)=.https?:", page)  # nothing from a network


def test_failed_and_unreadable_runs_are_said_so(tmp_path):
    error = {"cell": 3, "source": "1/0", "name": "ZeroDivisionError", "message": "division by zero"}
    write_run(tmp_path, "default", "02_x", status="failed", error=error, results={})
    write_run(tmp_path, "default", "03_y")
    (tmp_path / "default" / "03_y" / "metrics.json").write_text("{half")
    runs = {r["notebook"]: r for r in collect(tmp_path)}
    assert runs["02_x"]["rows"] == []
    assert runs["03_y"]["status"] == "unreadable"
    page = write_index(tmp_path).read_text()
    assert "ZeroDivisionError" in page
    assert "unreadable" in page


def test_committed_reference_is_no_run(tmp_path):
    write_run(tmp_path, "reference", "02_x")
    assert collect(tmp_path) == []
    assert "0 notebook runs" in write_index(tmp_path).read_text()


def test_rows_flatten_results_and_show_missing_means():
    results = {"a": {"m": {"mean": None, "low": None, "high": None}}, "n": 3, "none": None, "x": 0.12345}
    found = dict(rows(results))
    assert found == {"a / m": "— (no query has anything relevant)", "n": "3", "none": "—", "x": "0.1235"}
