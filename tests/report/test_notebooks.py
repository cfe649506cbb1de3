"""Every notebook: its form by reading it, its work by running it at the small profile."""

import json
import re

import nbformat
import pytest

from lib.files import REPORTS
from lib.report.parallel import run_all
from lib.report.parameters import NOTEBOOKS as FOLDER
from lib.report.parameters import default_parameters, profiles, resolve
from lib.report.runs import plan

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NAMES = [n.stem for n in NOTEBOOKS]


def cells(notebook, kind):
    return [c for c in nbformat.read(notebook, 4).cells if c.cell_type == kind]


def test_every_notebook_has_profiles_and_every_profile_a_notebook():
    assert sorted(profiles()) == NAMES
    for name, by_profile in profiles().items():
        assert {"small", "default"} <= set(by_profile), name
        for profile in by_profile:
            assert resolve(FOLDER / f"{name}.ipynb", profile=profile)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=NAMES)
def test_form(notebook):
    code = cells(notebook, "code")
    assert all(not c.outputs and c.execution_count is None for c in code), "stored with outputs"
    assert len(code) + len(cells(notebook, "markdown")) <= 34
    assert max(len(c.source.splitlines()) for c in code if not c.metadata.get("tags")) <= 40
    assert not re.search(r"^\s*(def|class) ", "\n".join(c.source for c in code), re.M), (
        "what deserves a name lives in lib"
    )
    marked = [c for c in code if "parameters" in c.metadata.get("tags", [])]
    assert len(marked) == 1
    assert default_parameters(notebook)
    assert any("record(" in c.source for c in code)
    assert any("## What was learned" in c.source for c in cells(notebook, "markdown")[-3:])


@pytest.fixture(scope="module")
def small_runs(request, tmp_path_factory):
    """The chosen notebooks' runs at the small profile, two at a time as `akin report` runs them."""
    folder = tmp_path_factory.mktemp("small")
    chosen = [
        item.callspec.params["notebook"]
        for item in request.session.items
        if getattr(item, "originalname", "") == "test_runs_at_its_small_profile"
    ]
    runs = [plan(notebook, profile="small", name="small", reports=folder) for notebook in chosen]
    ended = run_all([run for (run,) in runs], jobs=2)
    return {run.notebook.stem: (run, metrics) for run, metrics in ended}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=NAMES)
def test_runs_at_its_small_profile(notebook, small_runs):
    run, metrics = small_runs[notebook.stem]
    assert metrics["status"] == "done", metrics["error"]
    assert metrics["results"], "nothing recorded"
    assert metrics["data"], "no data set recorded"
    page = (run.folder / "notebook.html").read_text()
    assert "<h1" in page


@pytest.mark.parametrize(
    "file",
    sorted((REPORTS / "reference").glob("*/*/metrics.json")),
    ids=lambda f: f"{f.parts[-3]}-{f.parts[-2]}",
)
def test_reference_results_are_of_notebooks_that_exist(file):
    metrics = json.loads(file.read_text())
    assert metrics["notebook"] == file.parts[-3]
    assert metrics["parameters"]["DATASET"] == file.parts[-2]
    assert metrics["notebook"] in NAMES
    assert metrics["status"] == "done"
    assert all(f.stat().st_size < 1_000_000 for f in file.parent.iterdir())
