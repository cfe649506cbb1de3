"""An export holds a run's tables and figures, with an index, and never overwrites what it did not
write.
"""

import json

import pandas as pd
import pytest

from lib import cli
from lib.report import export as module
from lib.report.export import export
from lib.report.parameters import safe_name

CELL = {
    "mean": 0.5,
    "low": 0.4,
    "high": 0.6,
    "difference": None,
    "p": None,
    "queries": 3,
    "empty": 0,
}


def write(folder, results, *, status="done", figures=()):
    (folder / "figures").mkdir(parents=True)
    metrics = {
        "status": status,
        "profile": "small",
        "seed": 0,
        "commit": "abc",
        "results": results,
        "notebook": folder.name,
    }
    metrics["error"] = {"name": "ZeroDivisionError"} if status == "failed" else None
    (folder / "metrics.json").write_text(json.dumps(metrics))
    for name in figures:
        (folder / "figures" / name).write_text(f"bytes of {name}")


@pytest.fixture
def reports(tmp_path):
    root = tmp_path / "reports"
    table = {
        "a": {"m@1": CELL},
        "b_c": {"m@1": CELL | {"mean": 0.75, "difference": 0.25, "p": 0.01}},
    }
    figures = ["f.svg", "f.pdf", "f.png", "f.csv", "photo.jpg", "look.html"]
    write(
        root / "mine" / "01_toy",
        {"set": {"task one": table, "task/one": table}, "n": 3},
        figures=figures,
    )
    write(root / "mine" / "02_bad", {}, status="failed", figures=["half.svg"])
    reference = root / "reference" / "01_toy"
    write(reference, {"deep": {"er": table}})
    (reference / "figures").rmdir()
    (reference / "g.svg").write_text("flat")
    return root


def files(folder):
    return sorted(f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file())


def test_tables_figures_and_an_index(reports, tmp_path):
    paper = export(tmp_path / "new" / "paper", "mine", reports=reports)
    names = sorted(safe_name(n) for n in ("set-task one", "set-task/one"))  # told apart
    tables = [f"tables/01_toy/{n}.{kind}" for n in names for kind in ("csv", "md", "tex")]
    figures = [f"figures/01_toy/{f}" for f in ("f.csv", "f.pdf", "f.png", "f.svg", "photo.jpg")]
    assert files(paper) == [".akin-files.json", "README.md", *figures, *sorted(tables)]
    assert r"b\_c & \textbf{0.750} [0.400, 0.600]$^{*}$" in (paper / tables[2]).read_text()
    back = pd.read_csv(paper / tables[0], index_col=[0, 1])
    assert back.loc[("m@1", "b_c"), "p"] == 0.01 and pd.isna(back.loc[("m@1", "a"), "p"])
    index = (paper / "README.md").read_text()
    assert "This notebook **failed** (ZeroDivisionError)" in index and "half" not in index
    assert (
        "[pdf](figures/01_toy/f.pdf)" in index and "![f of 01_toy](figures/01_toy/f.svg)" in index
    )
    assert "**Table set, task one**" in index and "full-reference" not in index
    assert [f.name for f in (tmp_path / "new").iterdir()] == ["paper"]  # no drafts


def test_every_link_of_the_index_leads_to_a_file(reports, tmp_path):
    import re

    paper = export(tmp_path / "paper", "mine", reports=reports)
    links = re.findall(r"\]\(([^)]+)\)", (paper / "README.md").read_text())
    assert len(links) > 10 and all((paper / link).is_file() for link in links)


def test_the_committed_reference_is_the_default(reports, tmp_path):
    paper = export(tmp_path / "paper", reports=reports)
    assert "figures/01_toy/g.svg" in files(paper)
    assert "--run full-reference" in (paper / "README.md").read_text()


def test_an_older_export_is_replaced_whole(reports, tmp_path):
    paper = export(tmp_path / "paper", "mine", reports=reports)
    export(paper, reports=reports)
    assert "figures/01_toy/f.svg" not in files(paper) and "figures/01_toy/g.svg" in files(paper)
    (tmp_path / "empty").mkdir()
    assert "README.md" in files(export(tmp_path / "empty", reports=reports))


def test_what_is_not_its_own_is_never_overwritten(reports, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "main.tex").write_text("years of work")
    with pytest.raises(
        ValueError, match=r"were not written by an export, .*: main.tex; name another folder"
    ):
        export(tmp_path / "thesis", "mine", reports=reports)
    paper = export(tmp_path / "paper", "mine", reports=reports)
    (paper / "figures" / "own.svg").write_text("mine")
    with pytest.raises(ValueError, match=r"or changed since: figures/own.svg"):
        export(paper, "mine", reports=reports)
    (paper / "figures" / "own.svg").unlink()
    (paper / "README.md").write_text("edited")
    before = files(paper)
    with pytest.raises(ValueError, match=r"changed since: README.md"):
        export(paper, "mine", reports=reports)
    assert files(paper) == before and (paper / "README.md").read_text() == "edited"
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file"):
        export(tmp_path / "file", "mine", reports=reports)


def test_a_run_that_is_not_there_is_named_with_those_that_are(reports, tmp_path):
    with pytest.raises(ValueError, match=r"no run 'mien'.*there are mine, reference"):
        export(tmp_path / "paper", "mien", reports=reports)
    assert not (tmp_path / "paper").exists()


def test_an_export_that_fails_leaves_the_old_one(reports, tmp_path, monkeypatch):
    paper = export(tmp_path / "paper", "mine", reports=reports)
    before = files(paper)
    monkeypatch.setattr(module, "table_latex", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(paper, "mine", reports=reports)
    assert (
        files(paper) == before
        and [f.name for f in tmp_path.iterdir() if f.name.startswith(".")] == []
    )


def test_the_command(reports, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module.export, "__kwdefaults__", {"reports": reports})
    assert cli.main(["report", "--export", str(tmp_path / "paper"), "--run", "mine"]) == 0
    assert capsys.readouterr().out == f"figures and tables: {tmp_path / 'paper' / 'README.md'}\n"
    assert cli.main(["report", "--export", str(tmp_path / "paper"), "--run", "nope"]) == 2
