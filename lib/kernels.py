"""Runs and their kernels, forked from one process that has the imports done: a sweep pays for them once, not once a run.

Each run still has a fresh kernel of its own, so runs share nothing but loaded code. Python's own forkserver and
jupyter's own protocol; only the way a kernel's process comes to life differs. Nothing here reads notebooks.
"""

from __future__ import annotations

import atexit
import multiprocessing as mp
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

from lib.report import environment

# What nearly every notebook needs, and what runs notebooks. Without torch: with a warm cache many a run never imports it.
PRELOADED = [
    "lib.sweep", "lib.kernels", "matplotlib.pyplot", "sklearn.decomposition", "sklearn.feature_extraction.text",
    "scipy.stats", "ipykernel.kernelapp", "papermill.execute", "nbconvert.exporters.html",
]  # fmt: skip


def start_run(target: Callable, *arguments: object) -> BaseProcess:
    """A started process that runs `target(*arguments)` with this process's environment, a kernel waiting in it.

    It does not outlive this process, whatever ends that, nor does the kernel outlive it.
    """
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    inline = os.environ.get("MPLBACKEND", "module://matplotlib_inline.backend_inline")  # read when matplotlib is imported
    # one thread in the server, whatever a run may use: a fork copies no threads, only the locks that they hold
    with environment(OMP_NUM_THREADS="1", MPLBACKEND=inline):
        forkserver.ensure_running()
    process = context.Process(target=_run, args=(dict(os.environ), target, arguments))
    process.start()
    return process


class ForkedKernels(AsyncKernelManager):
    """Wakes the kernel that waits in a process of `start_run`; for one notebook, which needs this Python's kernel."""

    async def _async_pre_start_kernel(self, **options: Any) -> tuple[list[str], dict]:
        if self.provisioner is None:
            self.provisioner = _Forked(kernel_spec=self.kernel_spec, parent=self)
        return await super()._async_pre_start_kernel(**options)


class _Forked(LocalProvisioner):
    waiting: tuple[BaseProcess, Connection] | None = None

    async def launch_kernel(self, cmd: list[str], **options: Any) -> dict:
        if _Forked.waiting is None:
            raise RuntimeError("no kernel waits in this process; start it with start_run")
        process, pipe = _Forked.waiting
        _Forked.waiting = None
        pipe.send((dict(options.get("env") or os.environ), cmd[cmd.index("-m") + 2 :]))
        self.process = _Popen(process)
        self.pid = self.pgid = process.pid
        return self.connection_info


class _Popen:
    """As much of subprocess.Popen as jupyter asks of a kernel's process."""

    stdin = stdout = stderr = None

    def __init__(self, process: BaseProcess) -> None:
        self.process, self.pid = process, process.pid
        self.kill, self.terminate = process.kill, process.terminate

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self) -> int | None:
        self.process.join()
        return self.process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


def _run(environ: dict[str, str], target: Callable, arguments: tuple) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the first process says what ends
    os.environ.clear()
    os.environ.update(environ)
    ours, theirs = mp.Pipe()
    # forked here and not when it is wanted, while this process still has one thread
    kernel = mp.get_context("fork").Process(target=_kernel, args=(theirs,))
    kernel.start()
    _Forked.waiting = kernel, ours

    def stop(*_: object) -> None:
        _kill(kernel)
        sys.exit(1)  # an exit, unlike a kill, removes the draft

    signal.signal(signal.SIGTERM, stop)
    _end_with_parent(lambda: os._exit(1))
    try:
        target(*arguments)
    finally:
        _kill(kernel)


def _kernel(pipe: Connection) -> None:
    import numpy as np
    from ipykernel.kernelapp import IPKernelApp
    from threadpoolctl import threadpool_limits

    os.setsid()  # Ctrl-C is for the sweep; what a notebook starts ends with this group
    _end_with_parent(lambda: os.killpg(0, signal.SIGKILL))
    environ, arguments = pipe.recv()
    os.environ.update(environ)
    if (threads := environ.get("OMP_NUM_THREADS", "")).isdigit():
        threadpool_limits(int(threads))  # libraries that are loaded have the server's one
    np.random.seed()  # noqa: NPY002 - forks of one process would all draw the same numbers
    try:
        # parent 1: none to poll, that is seen to here; and no log among the sweep's lines, errors are in the notebook
        quiet = ["--IPKernelApp.parent_handle=1", "--log-level=CRITICAL"]
        IPKernelApp.launch_instance([word for word in arguments if not word.startswith("--log-level")] + quiet)
    finally:
        atexit._run_exitfuncs()  # a forked process skips them, but a notebook's temporary folders want to be removed


def _kill(kernel: BaseProcess) -> None:
    if kernel.exitcode is None:
        try:
            os.killpg(kernel.pid, signal.SIGKILL)
        except ProcessLookupError:  # it has no group of its own yet
            kernel.kill()


def _end_with_parent(end: Callable[[], None]) -> None:
    def wait() -> None:
        mp.parent_process().join()
        end()

    threading.Thread(target=wait, daemon=True).start()
