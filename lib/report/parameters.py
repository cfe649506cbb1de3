"""A run's parameters: the notebook's own, then a profile's, then those asked for.

All are checked before a kernel starts. A dotted name reaches into nested values:
`ENCODERS.words.encoder`.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lib.files import ROOT
from lib.hints import did_you_mean

NOTEBOOKS = ROOT / "notebooks"


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with numbers such as 1e-3."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def resolve(
    notebook: Path, asked: Mapping[str, object] | None = None, *, profile: str = "default"
) -> list[dict]:
    """Every parameter with its value, for each of the profile's runs.

    A profile that lists several runs has one for each data set; asking for a DATASET picks its
    run. Raises ValueError for a name that the notebook lacks, for a value of another type, and for
    two runs on one data set.
    """
    asked = dict(asked or {})
    if "DATASET" in asked and Path(str(asked["DATASET"])).is_dir():  # runs are in another folder
        asked["DATASET"] = str(Path(asked["DATASET"]).resolve())
    known = default_parameters(notebook)
    listed = profile_runs(notebook, profile)
    names = [run.get("DATASET", known.get("DATASET")) for run in listed]
    if len(set(map(dataset_folder, names))) < len(names):
        raise ValueError(
            f"{notebook.stem}, profile {profile}: every run needs a DATASET of its own, got {names}"
        )
    if len(listed) > 1 and "DATASET" in asked:
        if asked["DATASET"] not in names:
            raise ValueError(
                f"{notebook.stem}, profile {profile}, has no run for the data set "
                f"{asked['DATASET']!r}; it has {', '.join(map(str, names))}"
            )
        listed = [listed[names.index(asked["DATASET"])]]
    return [_filled_in(notebook, known, run | asked) for run in listed]


def dataset_folder(dataset: object) -> str:
    """The folder name of a run's data set, which may be given as a path; "none" without one."""
    return "none" if dataset is None else safe_name(str(dataset), shown=Path(str(dataset)).name)


def safe_name(text: str, *, shown: str | None = None) -> str:
    """A folder name for any text: letters, digits and `,=._-+`, at most 80.

    Text that is no such name is cut down to what fits, with a hash that tells it from others.

    >>> safe_name("abt-buy"), safe_name("../victim")
    ('abt-buy', '_victim-75254c5c')
    """
    name = "".join(c if c.isalnum() or c in ",=._-+" else "_" for c in shown or text).lstrip(".")
    if name and name == text and len(name) <= 80:
        return name
    return f"{name[:70]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def profiles() -> dict[str, dict[str, dict | list[dict]]]:
    """Each notebook's parameters by profile, from notebooks/profiles.yaml."""
    return read_values((NOTEBOOKS / "profiles.yaml").read_text(encoding="utf-8"))


def read_values(text: str) -> Any:
    """YAML, in which 1e-3 is a number, as in YAML 1.2; PyYAML takes it for text."""
    return yaml.load(text, _Loader)  # a SafeLoader: nothing is unpickled


def profile_runs(notebook: Path, profile: str) -> list[dict]:
    """The parameters that a profile sets in a notebook, once for each of its runs.

    A notebook outside `notebooks/` has only its own.
    """
    known = profiles().get(notebook.stem, {"default": {}})
    if profile not in known:
        raise ValueError(
            f"{notebook.stem} has the profiles {', '.join(known)}, not {profile!r} "
            "(notebooks/profiles.yaml)"
        )
    value = known[profile] or {}
    return list(value) if isinstance(value, list) else [value]


def find_notebook(notebook: Path | str) -> Path:
    """The notebook's path, given as a path or by its name in notebooks/."""
    for path in (Path(notebook), NOTEBOOKS / notebook, NOTEBOOKS / f"{notebook}.ipynb"):
        if path.is_file():
            return path.resolve()
    near = did_you_mean(Path(notebook).stem, [path.stem for path in NOTEBOOKS.glob("*.ipynb")])
    raise FileNotFoundError(f"no notebook {str(notebook)!r}{near}")


def default_parameters(notebook: Path) -> dict:
    """What the notebook's parameters cell assigns; {} without such a cell.

    Raises ValueError for anything but literals.
    """
    import nbformat

    marked = [
        c for c in nbformat.read(notebook, 4).cells if "parameters" in c.metadata.get("tags", [])
    ]
    found = {}
    for statement in ast.parse(marked[0].source).body if marked else []:
        try:
            found[statement.targets[0].id] = ast.literal_eval(statement.value)
        except (AttributeError, ValueError) as error:
            line = f"{notebook.name}, parameters cell, line {statement.lineno}"
            raise ValueError(
                f"{line}: write NAME = literal; "
                "what is computed here goes stale when papermill sets NAME"
            ) from error
    return found


def _filled_in(notebook: Path, known: dict, given: Mapping[str, object]) -> dict:
    """The notebook's own values with the given ones in their places."""
    values = copy.deepcopy(known)
    for name, value in given.items():
        head, *path = name.split(".")
        if head not in known:
            raise ValueError(
                f"{notebook.name} has no parameter {head!r}; "
                f"it has {', '.join(known) or 'none'}{did_you_mean(head, known)}"
            )
        if path:
            _set_inside(values[head], path, value, f"{notebook.name}: {head}")
        else:
            _check_type(value, known[head], f"{notebook.name}: {head}")
            values[head] = copy.deepcopy(value)
    return values


def _set_inside(value: object, path: list[str], new: object, where: str) -> None:
    """Set value[path[0]][path[1]]… in place.

    A new key is an option or an entry more, unless it reads like a slip of one there.
    """
    key, *rest = path
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {value!r}, which has nothing named {key!r} inside")
    known = list(map(str, value))
    if key not in value and (near := did_you_mean(key, known, cutoff=0.75)):
        raise ValueError(f"{where} has no {key!r}; it has {', '.join(known)}{near}")
    here = f"{where}.{key}"
    if rest:
        _set_inside(value.setdefault(key, {}), rest, new, here)
        return
    if key in value:
        _check_type(new, value[key], here)
    value[key] = copy.deepcopy(new)


def _check_type(value: object, default: object, where: str) -> None:
    if not _fits(value, default):
        raise ValueError(f"{where} is {type(default).__name__} ({default!r}), got {value!r}")


def _fits(value: object, default: object) -> bool:
    if value is None or default is None:
        return True
    if isinstance(value, bool):  # which Python counts among the integers
        return isinstance(default, bool)
    if isinstance(default, list | tuple):
        return isinstance(value, list | tuple) and all(
            not default or any(_fits(v, d) for d in default) for v in value
        )
    return isinstance(value, int | float if isinstance(default, float) else type(default))
