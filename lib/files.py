"""Where things lie on this machine, and how files are written whole.

Nothing here knows what is in them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"
LIST = ".akin-files.json"  # in a folder that Akin wrote: each of its files with its hash
REPORTS = Path(os.environ.get("AKIN_REPORTS", ROOT / "reports"))


def data_folders() -> list[Path]:
    """Where data sets and weights are looked for: the path list AKIN_DATA, then our own `data/`."""
    named = [Path(p) for p in os.environ.get("AKIN_DATA", "").split(os.pathsep) if p]
    return [*named, DATA]


def run_folder() -> Path | None:
    """The folder of the run that this process is part of; None outside a run."""
    folder = os.environ.get("AKIN_RUN")
    return Path(folder) if folder else None


def find_weights(file: str | Path) -> Path:
    """A weights file by path, or by name in the `weights` folder beside the data sets."""
    for path in weights_paths(file):
        if path.is_file():
            return path
    places = ", ".join(str(folder / "weights") for folder in data_folders())
    raise FileNotFoundError(f"no weights file {str(file)!r}, neither as a path nor in {places}")


def weights_paths(name: str | Path) -> list[Path]:
    """Where weights of this name may lie: as a path, then in `weights` beside the data sets."""
    return [Path(name), *(folder / "weights" / name for folder in data_folders())]


def foreign_files(folder: Path) -> list[str]:
    """The files in a folder that Akin did not write, or that were changed since.

    Akin lists what it writes in LIST, by hash; a copy of something listed is not foreign.
    """
    there = [f for f in folder.rglob("*") if not f.is_dir() and f != folder / LIST]
    try:
        listed = set(json.loads((folder / LIST).read_text(encoding="utf-8")).values())
    except (OSError, ValueError, AttributeError):
        listed = set()
    return sorted(f.relative_to(folder).as_posix() for f in there if _hash(f) not in listed)


@contextlib.contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A draft folder to fill, which takes the target's place at the end.

    An error leaves the target as it was. Where a file cannot be written, as on a full disk, the
    draft is kept as NAME-unfinished and a RuntimeError says so. Nothing that Akin did not write is
    deleted: a folder that holds such files is kept beside the new one, as NAME-kept.
    """
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    clear_drafts(target)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-{os.getpid()}-"))
    try:
        yield draft
        _replace(draft, target)
    except OSError as error:
        kept = draft.rename(_free_name(target, "unfinished"))
        raise RuntimeError(
            f"{target} could not be written: {error}; what there is lies in {kept}"
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def clear_drafts(target: Path) -> None:
    """Remove a folder's drafts whose processes were killed."""
    for draft in target.parent.glob(".*-*-*"):
        name, process, _ = draft.name.rsplit("-", 2)
        if name != f".{target.name}":
            continue
        try:
            os.kill(int(process), 0)
        except ProcessLookupError:
            shutil.rmtree(draft, ignore_errors=True)
        except (ValueError, PermissionError):
            pass  # not a draft, or somebody else's


def _replace(draft: Path, target: Path) -> None:
    """Put a finished folder in another's place; one of the two is whole and there at any moment."""
    written = {f.relative_to(draft).as_posix(): _hash(f) for f in draft.rglob("*") if f.is_file()}
    write_atomically(draft / LIST, json.dumps(written, indent=1, sort_keys=True).encode())
    draft.chmod(0o755)  # mkdtemp's folders are private
    foreign = target.exists() and (not target.is_dir() or foreign_files(target))
    old = _free_name(target, "kept") if foreign else draft.with_name(f"{draft.name}old")
    if target.exists():
        target.rename(old)
    draft.rename(target)
    if foreign:
        print(
            f"akin: {target} held files that Akin did not write; it is now {old}", file=sys.stderr
        )
    else:
        shutil.rmtree(old, ignore_errors=True)


def _free_name(path: Path, word: str) -> Path:
    """A path beside this one that nothing has: NAME-word, NAME-word-2, …"""
    other, number = path.with_name(f"{path.name}-{word}"), 2
    while other.exists():
        other, number = path.with_name(f"{path.name}-{word}-{number}"), number + 1
    return other


def write_atomically(path: Path, data: bytes) -> None:
    """The file appears with all its bytes or not at all, also when two processes write it."""
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


def _hash(file: Path) -> str | None:
    """None for what cannot be read, such as a broken link."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None
