"""What this machine has for Akin's work, and what to do about what it lacks."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from typing import NamedTuple

from lib.files import DATA, ROOT, data_folders

OK, NOTE, MISSING = "ok", "note", "missing"


class Check(NamedTuple):
    """One finding: `status` is ok, note (works, but know this) or missing (will not work)."""

    status: str
    what: str
    detail: str


def checks() -> Iterator[Check]:
    """All findings, the cheap ones first."""
    says = f"{platform.python_version()}; Akin is tested on 3.11 to 3.14"
    yield Check(OK if sys.version_info < (3, 15) else NOTE, "Python", says)
    yield _packages()
    yield _minilm()
    yield _processor()
    free = shutil.disk_usage(ROOT).free / 1e9
    says = f"{free:.0f} GB free for {DATA.name}/ and reports/"
    yield Check(OK if free > 2 else NOTE, "disk", says)
    yield _data()


def _packages() -> Check:
    other = []
    lock = (ROOT / "requirements.lock").read_text()
    for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.M):
        try:
            here = importlib.metadata.version(name).split("+")[0]
        except importlib.metadata.PackageNotFoundError:
            advice = "run: pip install -r requirements.lock"
            return Check(MISSING, "packages", f"{name} is not installed; {advice}")
        if here != version:
            other.append(f"{name} {here} (lock: {version})")
    if not other:
        return Check(OK, "packages", "as requirements.lock has them")
    says = f"{len(other)} differ from requirements.lock: {', '.join(other[:4])}"
    return Check(NOTE, "packages", says)


def _minilm() -> Check:
    from lib.encoders import encoder

    try:
        encoder("minilm")
    except (RuntimeError, ModuleNotFoundError) as error:
        return Check(MISSING, "MiniLM weights", str(error))
    return Check(OK, "MiniLM weights", "bundled, SHA-256 as published")


def _processor() -> Check:
    import torch

    from lib.encoders.device import has_bfloat16

    unit = "bfloat16 matrix units, used" if has_bfloat16() else "no bfloat16 matrix units: float32"
    return Check(
        OK, "processor", f"{os.cpu_count()} cores, {torch.get_num_threads()} torch threads, {unit}"
    )


def _data() -> Check:
    from lib.data.sources import SOURCES, find

    here = [name for name in SOURCES if find(name)]
    lacking = [name for name in SOURCES if name not in here]
    searched = ", ".join(map(str, data_folders()))
    if not lacking:
        return Check(OK, "real data sets", f"all {len(here)} found in {searched}")
    return Check(
        NOTE,
        "real data sets",
        f"found: {', '.join(here) or 'none'}; akin data says where to get {', '.join(lacking)}",
    )
