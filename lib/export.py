"""A paper's figures and tables out of a run, in a folder of their own: `akin report --export DIR`. Nothing is run or drawn."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from lib.files import REPORTS, replace_folder, write_atomically
from lib.interchange import write_results
from lib.sweep import REFERENCE
from lib.tables import recorded_tables, table_latex, table_markdown

LIST = ".akin-export.json"  # what an export wrote, each file with its hash: only that may be replaced
KINDS = (".svg", ".pdf", ".png", ".jpg", ".csv")


@dataclass(frozen=True)
class Part:
    """One notebook of a run: what it recorded and drew."""

    name: str
    metrics: Mapping
    figures: Mapping[str, list[Path]] = field(default_factory=dict)  # files by figure

    @property
    def failed(self) -> bool:
        """A failed notebook has neither tables nor figures, only this."""
        return self.metrics["status"] != "done"


def export(target: Path | str, run: str = "reference", *, reports: Path = REPORTS) -> Path:
    """Gather a run's figures (SVG, PDF, PNG, numbers as CSV) and `compare()` tables (LaTeX, Markdown, CSV) with an index.

    `run` is a folder of `reports`; "reference" is the committed one, which keeps no PDF and PNG. An older export is replaced
    whole. Raises ValueError where `target` holds anything that no export wrote, or that was changed since.
    """
    target = Path(target).resolve()
    folder = REFERENCE if run == REFERENCE.name and reports == REPORTS else reports / run
    parts = list(_parts(folder))
    if not parts:
        there = sorted(f.name for f in reports.glob("*") if any(f.glob("*/metrics.json")))
        raise ValueError(f"no run {run!r} with results in {reports}; there are {', '.join(there) or 'none'}")
    _refuse_foreign(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        lines = [line for part in parts for line in _gather(part, draft)]
        write_atomically(draft / "README.md", "\n".join([*_head(run, parts), *lines, ""]).encode())
        written = {f.relative_to(draft).as_posix(): _hash(f) for f in sorted(draft.rglob("*")) if f.is_file()}
        write_atomically(draft / LIST, json.dumps(written, indent=1).encode())
        replace_folder(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _parts(folder: Path) -> Iterator[Part]:
    for file in sorted(folder.glob("[!.]*/metrics.json")):
        drawn = file.parent / "figures" if (file.parent / "figures").is_dir() else file.parent
        figures: dict[str, list[Path]] = {}
        for kind in KINDS:
            for path in sorted(drawn.glob(f"[!.]*{kind}")):
                figures.setdefault(path.stem, []).append(path)
        yield Part(file.parent.name, json.loads(file.read_text(encoding="utf-8")), dict(sorted(figures.items())))


def _gather(part: Part, draft: Path) -> Iterator[str]:
    """Copy and write what a notebook left, and yield its lines of the index."""
    yield f"\n## {part.name}\n"
    if part.failed:
        yield f"This notebook **failed** ({part.metrics['error']['name']}), so nothing of it is here."
        return
    yield f"Profile {part.metrics['profile']}, seed {part.metrics['seed']}, commit {part.metrics['commit']}."
    for name, (keys, table) in _named(recorded_tables(part.metrics["results"])):
        yield from _write_table(Path("tables") / part.name / name, ", ".join(keys), table, draft)
    for name, files in part.figures.items():
        folder = Path("figures") / part.name
        (draft / folder).mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copyfile(file, draft / folder / file.name)
        links = " · ".join(f"[{f.suffix[1:].upper()}]({(folder / f.name).as_posix()})" for f in files)
        yield f"\n**Figure {name}**: {links}\n"
        shown = next((f for f in files if f.suffix != ".csv" and f.suffix != ".pdf"), None)
        if shown:
            yield f"![{name} of {part.name}]({(folder / shown.name).as_posix()})"


def _write_table(stem: Path, title: str, table: pd.DataFrame, draft: Path) -> Iterator[str]:
    label = "tab:" + "-".join(stem.parts[1:])
    markdown = table_markdown(table)
    write_atomically(draft / f"{stem}.tex", table_latex(table, caption=f"{stem.parts[1]}: {title}", label=label).encode())
    write_atomically(draft / f"{stem}.md", markdown.encode())
    write_results(draft / f"{stem}.csv", table)
    links = " · ".join(
        f"[{says}]({stem.as_posix()}.{kind})" for says, kind in (("LaTeX", "tex"), ("Markdown", "md"), ("CSV", "csv"))
    )
    yield f"\n**Table {title or stem.name}**: {links}\n\n{markdown}"


def _named(tables: Iterator[tuple[tuple[str, ...], pd.DataFrame]]) -> Iterator[tuple[str, tuple]]:
    """Each table with a file name of its own."""
    taken: set[str] = set()
    for keys, table in tables:
        name = plain = re.sub(r"[^\w.-]+", "-", "-".join(keys)).strip("-.") or "results"
        number = 2
        while name.casefold() in taken:
            name, number = f"{plain}-{number}", number + 1
        taken.add(name.casefold())
        yield name, (keys, table)


def _head(run: str, parts: list[Part]) -> list[str]:
    """What was exported, and how a paper takes it in."""
    lines = [f"# Figures and tables of the run {run}", ""]
    lines += ["Written by `akin report --export`; a new export replaces this folder, so keep nothing of your own in it.", ""]
    lines += ["Tables need `\\usepackage{booktabs}` and come in by `\\input{tables/….tex}`, figures by `\\includegraphics`."]
    if not any(f.suffix == ".pdf" for part in parts for files in part.figures.values() for f in files):
        lines += ["PDF and PNG are in runs of one's own, as `--run full-reference` after `akin report --profile reference`."]
    return lines


def _refuse_foreign(target: Path) -> None:
    """Raise ValueError for a file that would be lost."""
    if target.exists() and not target.is_dir():
        raise ValueError(f"{target} is a file; name a folder")
    there = {f.relative_to(target).as_posix(): f for f in target.rglob("*") if not f.is_dir()} if target.exists() else {}
    listed = json.loads(there[LIST].read_text(encoding="utf-8")) if LIST in there else {}
    foreign = sorted(name for name, file in there.items() if name != LIST and listed.get(name) != _hash(file))
    if foreign:
        more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
        why = "were not written by an export, or changed since" if LIST in there else "were not written by an export"
        raise ValueError(f"{target} holds files that {why}: {', '.join(foreign[:3])}{more}; name another folder, or move them")


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
