"""Where things lie on this machine, and how files are written whole. Nothing here knows what is in them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"
REPORTS = Path(os.environ.get("AKIN_REPORTS", ROOT / "reports"))


def data_folders() -> list[Path]:
    """Where data sets and weights are looked for: the path list AKIN_DATA, then the project's own `data/`."""
    named = [Path(p) for p in os.environ.get("AKIN_DATA", "").split(os.pathsep) if p]
    return [*named, DATA]


def run_folder() -> Path | None:
    """The folder of the run that this process is part of; None outside a run."""
    folder = os.environ.get("AKIN_RUN")
    return Path(folder) if folder else None


def find_weights(file: str | Path) -> Path:
    """A weights file by path, or by name in the `weights` folder beside the data sets."""
    places = [folder / "weights" for folder in data_folders()]
    for path in (Path(file), *(place / file for place in places)):
        if path.is_file():
            return path
    raise FileNotFoundError(f"no weights file {str(file)!r}, neither as a path nor in {', '.join(map(str, places))}")


def replace_folder(draft: Path, target: Path) -> None:
    """Put a finished folder in another's place; whenever this is interrupted, one of the two is whole and there."""
    draft.chmod(0o755)  # mkdtemp's folders are private
    old = draft.with_name(f"{draft.name}-old")
    if target.exists():
        target.rename(old)
    draft.rename(target)
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A draft folder to fill, which takes the target's place at the end; an error leaves the target as it was."""
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        yield draft
        replace_folder(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_atomically(path: Path, data: bytes) -> None:
    """The file appears with all its bytes or not at all, also when two processes write it at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:20]}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(draft, 0o644)  # mkstemp's files are private
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
