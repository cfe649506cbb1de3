"""How much memory a piece of work takes at its peak, over what was held before it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import threading
from collections.abc import Iterator

import psutil
import torch

INTERVAL = 0.01  # seconds between two looks


@contextlib.contextmanager
def peak_memory(found: dict[str, int]) -> Iterator[None]:
    """Leave in `found["bytes"]` what this process held at most above its start.

    On a processor it is the resident set, looked at a hundred times a second, so a shorter peak can
    be missed; on a GPU it is torch's own count.
    """
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        yield
        found["bytes"] = torch.cuda.max_memory_allocated() - before
        return
    # else memory that was freed before would be taken up again without the process growing
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    process, done = psutil.Process(), threading.Event()
    held = [process.memory_info().rss]

    def look() -> None:
        while not done.wait(INTERVAL):
            held.append(process.memory_info().rss)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
    found["bytes"] = max(held) - held[0]
