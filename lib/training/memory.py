"""How much memory a piece of work takes at its peak, over what was held before it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import threading
from types import TracebackType
from typing import Self

INTERVAL = 0.01  # seconds between two looks


class PeakMemory:
    """`with PeakMemory() as peak: …` leaves in `peak.bytes` what this process held at most above its start.

    On a processor it is the resident set, looked at a hundred times a second, so a shorter peak can be missed; on a GPU torch's
    own count.
    """

    bytes: int = 0

    def __enter__(self) -> Self:
        import torch

        gc.collect()
        self._cuda = torch.cuda.is_available()
        if self._cuda:
            torch.cuda.reset_peak_memory_stats()
            self._before = torch.cuda.memory_allocated()
            return self
        _give_back()
        self._before = self._most = _resident()
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        import torch

        if self._cuda:
            self.bytes = torch.cuda.max_memory_allocated() - self._before
            return
        self._done.set()
        self._watcher.join()
        self.bytes = max(0, self._most - self._before)

    def _watch(self) -> None:
        while not self._done.wait(INTERVAL):
            self._most = max(self._most, _resident())


def _resident() -> int:
    import psutil

    return psutil.Process().memory_info().rss


def _give_back() -> None:
    # else memory that an earlier piece of work freed would be taken up again without the process growing
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL("libc.so.6").malloc_trim(0)
