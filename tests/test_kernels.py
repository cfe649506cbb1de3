"""Forked kernels are like fresh ones: figures, threads, random numbers; and the process they come from is safe to fork."""

import json
import os
import sys
from multiprocessing import forkserver
from pathlib import Path

import nbformat
import pytest

from lib.report import run
from lib.sweep import sweep
from tests.test_report import write_notebook

WORK = """
import os, tempfile
import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_info
from lib import record
kept = tempfile.TemporaryDirectory()
record(drawn=np.random.random(), threads=[pool["num_threads"] for pool in threadpool_info()], folder=kept.name,
       asked=os.environ["OMP_NUM_THREADS"], input=N)
plt.plot([0, N])
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Two points of a sweep whose runs may use two threads: what they recorded, and their folders."""
    folder = tmp_path_factory.mktemp("kernels")
    notebook = write_notebook(folder / "toy.ipynb", WORK, parameters="N = 0")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "2")
        assert sweep(notebook, {"N": [1, 2]}, jobs=2, reports=folder)["status"].tolist() == ["done", "done"]
    folders = [folder / f"default,N={n}" / "toy" for n in (1, 2)]
    return [json.loads((f / "metrics.json").read_text())["results"] for f in folders], folders


def test_runs_draw_their_own_random_numbers(swept):
    first, second = swept[0]
    assert (first["input"], second["input"]) == (1, 2)
    assert first["drawn"] != second["drawn"]


def test_libraries_that_were_loaded_before_the_fork_use_the_threads_that_were_asked_for(swept):
    for results in swept[0]:
        assert results["asked"] == "2"
        assert set(results["threads"]) == {2}


def test_figures_are_shown_in_the_notebook(swept):
    for folder in swept[1]:
        outputs = nbformat.read(folder / "notebook.ipynb", 4).cells[-1].outputs
        assert any("image/png" in output.get("data", {}) for output in outputs)


def test_a_notebooks_temporary_folders_are_removed(swept):
    assert not any(Path(results["folder"]).exists() for results in swept[0])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_forks_come_from_a_process_of_one_thread(swept):
    server = forkserver._forkserver._forkserver_pid
    threads = [thread.read_text().strip() for thread in Path(f"/proc/{server}/task").glob("*/comm")]
    assert len([name for name in threads if name != "jemalloc_bg_thd"]) == 1  # pyarrow's allocator, which knows of forks


def test_without_a_waiting_kernel_none_is_forked(tmp_path):
    notebook = write_notebook(tmp_path / "n.ipynb", "1")
    with pytest.raises(RuntimeError, match="no kernel waits"):
        run(notebook, reports=tmp_path, progress=False, kernels="lib.kernels.ForkedKernels")
    assert not list(tmp_path.glob("*/*"))
    assert "AKIN_RUN" not in os.environ
