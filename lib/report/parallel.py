"""Several runs at once, each in a process of its own with an ordinary Jupyter kernel.

Whatever way this ends, no process is left running.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

from lib.files import clear_drafts
from lib.report.runs import DIED, Run, execute

# what runs a notebook takes seconds to import: once, in the process that the others are forked from
PRELOADED = ["papermill.execute", "nbconvert.exporters.html", "lib.report.runs"]


def run_all(runs: Sequence[Run], jobs: int) -> Iterator[tuple[Run, dict]]:
    """Execute the runs, `jobs` at once, and yield each with its metrics when it has ended.

    The cores are shared out by OMP_NUM_THREADS, unless it is set. A run whose process was killed
    has the status "died".
    """
    if jobs < 1:
        raise ValueError(f"at least one run at a time, got jobs={jobs}")
    # the forkserver has the environment of its own start, so this one travels along
    environ = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // jobs))} | os.environ
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    waiting, running = list(reversed(runs)), {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                run = waiting.pop()
                process = context.Process(target=_run, args=(environ, run))
                process.start()
                running[process.sentinel] = (process, run)
            for sentinel in wait(list(running)):
                process, run = running.pop(sentinel)
                process.join()
                yield run, run.metrics() if process.exitcode == 0 else DIED
    finally:
        _end(list(running.values()))


def _run(environ: dict[str, str], run: Run) -> None:
    os.setsid()  # Ctrl-C reaches a whole group; the first process says what ends
    os.environ.clear()
    os.environ.update(environ)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        execute(run, progress=False)
    except (RuntimeError, OSError) as error:
        sys.exit(f"akin: {error}")


def _end_with_parent() -> None:
    """Whatever ends the first process ends this one, and the kernel looks after its own parent."""
    mp.parent_process().join()
    os.kill(os.getpid(), signal.SIGKILL)


def _end(running: list[tuple[BaseProcess, Run]]) -> None:
    """End the processes at once; nbclient would take a polite signal for the notebook's failure."""
    for process, _ in running:
        process.kill()
    for process, run in running:
        process.join()
        clear_drafts(run.folder)
