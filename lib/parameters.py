"""A run's parameters: the notebook's own, over them a profile's, over them those asked for; all checked before a kernel starts.

A dotted name reaches into nested values: `ENCODERS.words.encoder`, `FIELDS.0`.
"""

from __future__ import annotations

import ast
import copy
import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from lib.files import ROOT

NOTEBOOKS = ROOT / "notebooks"


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with numbers such as 1e-3."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def resolve(notebook: Path, asked: Mapping[str, object] | None = None, *, profile: str = "default") -> dict:
    """Every parameter of a run with its value.

    Raises ValueError for a name that the notebook lacks, with the nearest one, or for a value of another type.
    """
    known = default_parameters(notebook)
    values = copy.deepcopy(known)
    for name, value in (profile_parameters(notebook, profile) | dict(asked or {})).items():
        head, *path = name.split(".")
        if head not in known:
            raise ValueError(
                f"{notebook.name} has no parameter {head!r}; it has {', '.join(known) or 'none'}{_nearest(head, known)}"
            )
        if path:
            _set_inside(values[head], path, value, f"{notebook.name}: {head}")
        else:
            _check_type(value, known[head], f"{notebook.name}: {head}")
            values[head] = copy.deepcopy(value)
    return values


def profiles() -> dict[str, dict[str, dict]]:
    """Each notebook's parameters by profile, from notebooks/profiles.yaml."""
    return read_values((NOTEBOOKS / "profiles.yaml").read_text(encoding="utf-8"))


def read_values(text: str) -> Any:
    """YAML, in which 1e-3 is a number, as in YAML 1.2; PyYAML takes it for text."""
    return yaml.load(text, _Loader)  # a SafeLoader: nothing is unpickled


def profile_parameters(notebook: Path, profile: str) -> dict:
    """The parameters that a profile sets in a notebook; a notebook outside `notebooks/` has only its own."""
    known = profiles().get(notebook.stem, {"default": {}})
    if profile not in known:
        raise ValueError(f"{notebook.stem} has the profiles {', '.join(known)}, not {profile!r} (notebooks/profiles.yaml)")
    return dict(known[profile] or {})


def find_notebook(notebook: Path | str) -> Path:
    """The notebook's path, given as a path or by its name in notebooks/."""
    for path in (Path(notebook), NOTEBOOKS / notebook, NOTEBOOKS / f"{notebook}.ipynb"):
        if path.is_file():
            return path.resolve()
    near = difflib.get_close_matches(Path(notebook).stem, [p.stem for p in NOTEBOOKS.glob("*.ipynb")], n=1, cutoff=0.4)
    raise FileNotFoundError(f"no notebook {str(notebook)!r}" + (f"; did you mean {near[0]!r}?" if near else ""))


def default_parameters(notebook: Path) -> dict:
    """What the notebook's parameters cell assigns; {} without such a cell. Raises ValueError for anything but literals."""
    import nbformat

    marked = [c for c in nbformat.read(notebook, 4).cells if "parameters" in c.metadata.get("tags", [])]
    found = {}
    for statement in ast.parse(marked[0].source).body if marked else []:
        try:
            found[statement.targets[0].id] = ast.literal_eval(statement.value)
        except (AttributeError, ValueError) as error:
            line = f"{notebook.name}, parameters cell, line {statement.lineno}"
            raise ValueError(
                f"{line}: write NAME = literal; what is computed here goes stale when papermill sets NAME"
            ) from error
    return found


def _set_inside(value: object, path: list[str], new: object, where: str) -> None:
    """Set value[path[0]][path[1]]… in place. A new last key is an option more, unless it reads like a slip of one there."""
    key, *rest = path
    if isinstance(value, list):
        if not key.isdigit() or int(key) >= len(value):
            raise ValueError(f"{where} is a list of {len(value)}; a place in it is 0 to {len(value) - 1}, got {key!r}")
        key = int(key)
    elif not isinstance(value, dict):
        raise ValueError(f"{where} is {value!r}, which has nothing named {key!r} inside")
    elif key not in value and (rest or _nearest(key, value, 0.75)):
        raise ValueError(f"{where} has no {key!r}; it has {', '.join(map(str, value))}{_nearest(key, value)}")
    here = f"{where}.{key}"
    if rest:
        _set_inside(value[key], rest, new, here)
        return
    if isinstance(value, list) or key in value:
        _check_type(new, value[key], here)
    value[key] = copy.deepcopy(new)


def _check_type(value: object, default: object, where: str) -> None:
    if not _fits(value, default):
        raise ValueError(f"{where} is {type(default).__name__} ({default!r}), got {value!r}")


def _fits(value: object, default: object) -> bool:
    if value is None or default is None:
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, list | tuple):
        return isinstance(value, list | tuple) and all(not default or any(_fits(v, d) for d in default) for v in value)
    return isinstance(value, type(default)) or (isinstance(default, float) and isinstance(value, int))


def _nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    near = difflib.get_close_matches(name, list(map(str, known)), n=1, cutoff=cutoff)
    return f"; did you mean {near[0]!r}?" if near else ""
