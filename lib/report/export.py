"""A paper's figures and tables out of a run, in a folder of their own: `akin report --export DIR`.

Nothing is run or drawn.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from lib.files import REPORTS, foreign_files, whole_folder, write_atomically
from lib.report.overview import REFERENCE
from lib.report.parameters import safe_name
from lib.report.results import read_metrics, recorded_tables
from lib.report.tables import table_latex, table_markdown

KINDS = (".svg", ".pdf", ".png", ".jpg", ".csv")
HEAD = r"""# Figures and tables of the run {run}

Written by `akin report --export`. A new export replaces this folder, so keep nothing of your own
in it. Tables need `\usepackage{{booktabs}}` and come in by `\input{{tables/….tex}}`, figures by
`\includegraphics`.
"""
NO_PDF = """
The committed results have no PDF and no PNG. They are in your own runs: `--run full-reference`
after `akin report --profile reference`.
"""


def export(target: Path | str, run: str = "reference", *, reports: Path = REPORTS) -> Path:
    """Gather a run's figures and tables (LaTeX, Markdown, CSV) in a folder with an index.

    `run` is a folder of `reports`; "reference" is the committed one, which keeps no PDF and PNG. An
    older export is replaced whole. Raises ValueError where `target` holds anything that no export
    wrote, or that was changed since.
    """
    target = Path(target).resolve()
    folder = REFERENCE if run == REFERENCE.name and reports == REPORTS else reports / run
    files = sorted(file for file in folder.rglob("metrics.json") if run == safe_name(run))
    if not files:
        there = sorted(f.name for f in reports.glob("[!.]*") if any(f.rglob("metrics.json")))
        raise ValueError(
            f"no run {run!r} with results in {reports}; there are {', '.join(there) or 'none'}"
        )
    _refuse_foreign(target)
    with whole_folder(target) as draft:
        lines = [line for file in files for line in _gather(file, folder, draft)]
        pdf = any(draft.rglob("*.pdf"))
        index = HEAD.format(run=run) + ("" if pdf else NO_PDF) + "\n".join([*lines, ""])
        (draft / "README.md").write_text(index, encoding="utf-8")
    return target


def _gather(file: Path, run: Path, draft: Path) -> Iterator[str]:
    """Copy and write what a notebook left, and yield its lines of the index."""
    name = "-".join(file.parent.relative_to(run).parts)
    yield f"\n## {name}\n"
    try:
        metrics = read_metrics(file)
        says = "Profile {profile}, seed {seed}, commit {commit}.".format_map(metrics)
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield f"The results of this notebook cannot be read ({error}), so nothing of it is here."
        return
    if metrics["status"] != "done":
        failure = metrics["error"]["name"]
        yield f"This notebook **failed** ({failure}), so nothing of it is here."
        return
    yield says
    yield from _tables(metrics["results"], name, draft)
    yield from _figures(file.parent, name, draft)


def _tables(results: dict, name: str, draft: Path) -> Iterator[str]:
    for keys, table in recorded_tables(results):
        title, stem = ", ".join(keys), safe_name("-".join(keys) or "results")
        caption, label = f"{name}: {title}", f"tab:{name}-{stem}"
        markdown = table_markdown(table)
        texts = {
            "tex": table_latex(table, caption=caption, label=label),
            "md": markdown,
            "csv": table.to_csv(lineterminator="\n"),
        }
        place = f"tables/{name}/{stem}"
        for kind, content in texts.items():
            write_atomically(draft / f"{place}.{kind}", content.encode())
        links = " · ".join(f"[{kind}]({place}.{kind})" for kind in texts)
        yield f"\n**Table {title or stem}**: {links}\n\n{markdown}"


def _figures(folder: Path, name: str, draft: Path) -> Iterator[str]:
    """Figures lie in figures/, in the committed results beside metrics.json."""
    drawn = folder / "figures" if (folder / "figures").is_dir() else folder
    (draft / "figures" / name).mkdir(parents=True, exist_ok=True)
    for stem in sorted({f.stem for f in drawn.glob("[!.]*") if f.suffix in KINDS}):
        place = f"figures/{name}/{stem}"
        kinds = [kind for kind in KINDS if (drawn / f"{stem}{kind}").is_file()]
        for kind in kinds:
            shutil.copyfile(drawn / f"{stem}{kind}", draft / f"{place}{kind}")
        links = " · ".join(f"[{kind[1:]}]({place}{kind})" for kind in kinds)
        yield f"\n**Figure {stem}**: {links}\n"
        if pictures := [kind for kind in kinds if kind not in {".pdf", ".csv"}]:
            yield f"![{stem} of {name}]({place}{pictures[0]})"


def _refuse_foreign(target: Path) -> None:
    """Raise ValueError for a file that would be lost."""
    if target.exists() and not target.is_dir():
        raise ValueError(f"{target} is a file; name a folder")
    if foreign := foreign_files(target):
        more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
        raise ValueError(
            f"{target} holds files that were not written by an export, or changed since: "
            f"{', '.join(foreign[:3])}{more}; name another folder, or move them"
        )
