"""What the page over all runs is told: complete, escaped, honest about failures.

The page itself is opened in test_page.py.
"""

import json
import os
import re

import pytest

from lib.report import index_page as index
from lib.report.index_page import collect, write_index
from lib.report.results import leaves, text

CELL = {"mean": 0.5, "low": 0.4, "high": 0.6, "p": None}
RUN = {
    "notebook": "02_x",
    "status": "done",
    "error": None,
    "profile": "default",
    "asked": {"ROWS": 5},
    "parameters": {"NAME": "</script><script>alert(1)</script>", "ROWS": 5},
    "seconds": 1.5,
    "commit": "abc",
    "results": {
        "set": {"task": {"words": {"hit@1": CELL, "ndcg@10": CELL | {"mean": 0.3}}}, "rows": 7},
        "best": "words",
    },
}


def write_run(reports, run, notebook, **changes):
    folder = reports / run / notebook
    (folder / "figures").mkdir(parents=True)
    (folder / "figures" / "a_b.svg").write_text("<svg/>")
    (folder / "metrics.json").write_text(json.dumps(RUN | {"notebook": notebook} | changes))
    return folder


def data_of(page):
    return json.loads(
        re.search(r'<script type="application/json" id="runs-data">(.*?)</script>', page, re.S)[1]
    )


def test_a_run_is_told_whole_and_names_cannot_end_the_script(tmp_path):
    write_run(tmp_path, "default,N=é 1", "02_x")
    page = write_index(tmp_path).read_text()
    (run,) = data_of(page)
    assert run["parameters"]["NAME"] == RUN["parameters"]["NAME"]
    assert run["measures"][0] == {
        "table": '["set", "task"]',
        "method": "words",
        "metric": "hit@1",
        "mean": 0.5,
        "low": 0.4,
        "high": 0.6,
    }
    assert run["rest"] == [["set / rows", "7"], ["best", "words"]]
    assert run["figures"][0]["open"] == "default%2CN%3D%C3%A9%201/02_x/figures/a_b.svg"
    assert run["figures"][0]["title"] == "a b"
    assert page.count("<script") == 2
    assert not re.search(r"(src|href)=.https?:", page)
    assert "default-src 'none'" in page


@pytest.mark.parametrize(
    ("parameters", "metric", "mean"),
    [
        ({}, "ndcg@10", 0.3),
        ({"METRIC": "hit@1"}, "hit@1", 0.5),
        ({"METRIC": "map"}, "ndcg@10", 0.3),
    ],
)
def test_headline_is_the_runs_metric_else_ndcg(tmp_path, parameters, metric, mean):
    write_run(tmp_path, "default", "02_x", parameters=parameters)
    (run,) = collect(tmp_path)
    found = run["measures"][run["headline"]]
    assert (found["metric"], found["mean"]) == (metric, mean)


def test_headline_is_the_best_method_of_the_first_table_and_needs_a_mean(tmp_path):
    table = {
        "a": {"m": CELL | {"mean": 0.2}},
        "b": {"m": CELL | {"mean": 0.9}},
        "c": {"m": CELL | {"mean": None}},
    }
    write_run(
        tmp_path, "one", "02_x", results={"t": table, "later": {"z": {"m": CELL | {"mean": 1.0}}}}
    )
    write_run(tmp_path, "two", "02_x", results={"t": {"c": table["c"]}})
    write_run(tmp_path, "three", "02_x", results={"m": CELL})  # neither table nor method
    runs = {run["run"]: run for run in collect(tmp_path)}
    assert runs["one"]["measures"][runs["one"]["headline"]]["method"] == "b"
    assert runs["two"]["headline"] is None
    assert runs["three"]["measures"][0]["table"] == "[]"
    assert runs["three"]["headline"] == 0


def test_a_figure_is_shown_by_its_picture_and_its_other_files_are_linked(tmp_path):
    figures = write_run(tmp_path, "default", "02_x") / "figures"
    for name in ("a_b.csv", "a_b.pdf", "a_b.png", "gallery.html", "table.tex", ".hidden.svg"):
        (figures / name).write_text("")
    (run,) = collect(tmp_path)
    first, second = run["figures"]
    assert (first["name"], first["open"].rpartition(".")[2], sorted(first["files"])) == (
        "a_b",
        "svg",
        ["csv", "pdf", "png"],
    )
    assert (second["name"], second["image"], list(second["files"])) == ("gallery", None, ["html"])
    assert second["frame"].endswith("gallery.html")


def test_failed_and_unreadable_runs_are_said_so(tmp_path):
    error = {"cell": 3, "source": "1/0", "name": "ZeroDivisionError", "message": "division by zero"}
    write_run(tmp_path, "default", "02_x", status="failed", error=error, results={})
    write_run(tmp_path, "default", "03_y")
    (tmp_path / "default" / "03_y" / "metrics.json").write_text("{half")
    write_run(tmp_path, "default", "04_z", results=None)
    runs = {run["notebook"]: run for run in collect(tmp_path)}
    assert runs["02_x"]["error"] == error
    assert runs["02_x"]["headline"] is None
    assert [runs[name]["status"] for name in ("03_y", "04_z")] == ["unreadable"] * 2
    assert "3 runs, 3 failed." in write_index(tmp_path).read_text()


def test_one_damaged_file_stops_nothing(tmp_path):
    for name in ("bytes", "half", "list", "folder", "number", "queries"):
        write_run(tmp_path, "default", name)
    write_run(tmp_path, "default", "whole")
    folder = tmp_path / "default"
    (folder / "bytes" / "metrics.json").write_bytes(b"\xff\xfe\x00")
    (folder / "half" / "metrics.json").write_text("{half")
    (folder / "list" / "metrics.json").write_text("[1]")
    (folder / "folder" / "metrics.json").unlink()
    (folder / "folder" / "metrics.json").mkdir()
    (folder / "number" / "metrics.json").write_text(json.dumps(RUN | {"seconds": float("nan")}))
    (folder / "queries" / "queries.js").write_bytes(b"\xff")
    runs = {run["notebook"]: run for run in data_of(write_index(tmp_path).read_text())}
    unreadable = {name for name, run in runs.items() if run["status"] == "unreadable"}
    assert unreadable == {"bytes", "half", "list", "folder"}
    assert runs["queries"]["queries"] is None
    assert runs["number"]["seconds"] is None  # NaN is no JSON, and would cost the whole page


def test_a_runs_data_set_is_the_folder_it_lies_in(tmp_path):
    write_run(tmp_path, "default", "07_x/abt-buy")
    write_run(tmp_path, "default", "02_old")
    runs = {run["notebook"]: run for run in collect(tmp_path)}
    assert runs["07_x"]["dataset"] == "abt-buy"
    assert runs["07_x"]["id"] == "default/07_x/abt-buy"
    assert runs["02_old"]["dataset"] == ""


def test_runs_from_before_the_asked_parameters_were_kept_are_read(tmp_path):
    folder = write_run(tmp_path, "default", "02_x")
    (folder / "metrics.json").write_text(json.dumps({k: v for k, v in RUN.items() if k != "asked"}))
    (run,) = collect(tmp_path)
    assert (run["status"], run["asked"], run["queries"]) == ("done", {}, None)


def test_committed_reference_and_drafts_are_no_runs(tmp_path):
    write_run(tmp_path, "reference", "02_x")
    write_run(tmp_path, "default", ".02_x-123-abc")
    assert collect(tmp_path) == []
    assert "0 runs" in write_index(tmp_path).read_text()


def test_leaves_flatten_results_and_texts_show_missing_means():
    results = {
        "a": {"m": {"mean": None, "low": None, "high": None}},
        "n": 3,
        "none": None,
        "x": 0.12345,
    }
    found = {" / ".join(path): text(value) for path, value in leaves(results)}
    assert found == {
        "a / m": "— (no query has anything relevant)",
        "n": "3",
        "none": "—",
        "x": "0.1235",
    }


def test_newer_runs_are_whole_in_the_page_and_the_rest_beside_it(tmp_path, monkeypatch):
    for i, name in enumerate(["old", "new"]):
        folder = write_run(tmp_path, name, "02_x")
        (folder / "queries.js").write_text(
            'akinQueries(document.currentScript, {"[]": {"queries": 1}});'
        )
        os.utime(folder / "metrics.json", (i, i))
    room = (folder / "queries.js").stat().st_size + len("<svg/>")
    monkeypatch.setattr(index, "WITHIN", room)
    new, old = collect(tmp_path)
    assert (new["run"], old["run"]) == ("new", "old")
    assert new["queries"] == {"[]": {"queries": 1}}
    assert new["figures"][0]["image"] == "data:image/svg+xml;base64,PHN2Zy8+"
    assert old["queries"] == "old/02_x/queries.js"
    assert (
        old["figures"][0]["image"]
        == new["figures"][0]["open"].replace("new", "old")
        == "old/02_x/figures/a_b.svg"
    )
