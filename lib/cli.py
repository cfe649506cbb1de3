"""The command line, `akin`: it parses and prints; the work is elsewhere."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from lib.report.parameters import read_values

PROFILES = "small (seconds, for tests), default (the generated shop), reference (real data sets)"
RUN = """examples:
  akin run 02_encoders -p ROWS 500 -p SEED=1
  akin run 07_matching -p DATASET abt-buy
  akin run 07_matching --profile reference            each data set that the profile lists
  akin run 02_encoders -p ENCODERS.words.encoder=lsa  dotted names reach into nested values
  akin run 00_quickstart -p FIELDS '[title, brand]'   values are YAML
  akin run 00_quickstart -f mine.yaml                 a file of NAME: VALUE lines

The run lies in reports/<run>/<notebook>/<data set>/ with its page, metrics and figures. <run> is
made of profile and parameters, unless --run names it."""
SWEEP = """examples:
  akin sweep 02_encoders --grid SEED=0,1,2 --grid ROWS=500,1000 --jobs 2
  akin sweep 07_matching --grid DATASET=abt-buy,amazon-google
  akin sweep 00_quickstart --grid 'FIELDS=[title],[title,description]'

Each combination is a run in a folder and a process of its own; at the end comes one table. A run
is skipped when the same notebook, parameters and code have already finished, so a sweep that was
stopped goes on where it was."""
REPORT = """examples:
  akin report                                       every notebook on the generated shop
  akin report 02_encoders 07_matching               two of them
  akin report my-shop                               every notebook on a shop of your own
  akin report --profile reference --jobs 1          on the real data sets; takes an hour or more,
                                                    and goes on where it was stopped
  akin report --export paper --run full-reference   figures and tables of a run, for a paper"""
INDEX = """Every command that runs notebooks does so at its end. Use this one after you have copied
or removed runs."""
NEW = """examples:
  akin new shop.csv --images photos/            writes the folder shop/ beside the table
  akin new shop.csv --to my-shop
  akin new "select * from products" --sql sqlite:///shop.db --to my-shop

Then: akin report my-shop. Beside the table the folder may hold pairs.csv (left, right, label),
queries.csv (id, text) with judgements.csv (query, product, gain), purchases.csv (user, item, time)
and reviews.csv (product, text), which becomes the text field reviews."""
DATA = """examples:
  akin data           what there is
  akin data abt-buy   fetch one"""

APPLY = """examples:
  akin apply my-shop --pipeline minilm --to out
  akin apply abt-buy --pipeline pipeline.yaml --to out
  akin apply bazaar --pipeline '[{encoder: tfidf}, {encoder: colour, weight: 0.5}]' --to out

It writes neighbours.parquet, vectors.parquet, duplicates.csv (likely duplicates, best first) and
manifest.json. 18_decision ends with this command for the pipeline that it chose."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(_separated(sys.argv[1:] if arguments is None else arguments))
    try:
        return options.command(options)
    except (ValueError, FileNotFoundError, RuntimeError, ModuleNotFoundError) as error:
        print(f"akin: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"akin: {stop or 'stopped'}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # head, or less, has seen enough; Python would complain at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _separated(arguments: Sequence[str]) -> list[str]:
    """`-p NAME=VALUE` as the two words `-p NAME VALUE`, which papermill takes."""
    words: list[str] = []
    for word in arguments:
        words += word.split("=", 1) if words[-1:] == ["-p"] and "=" in word else [word]
    return words


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="akin", description="Product similarity: run notebooks, compare what they measure."
    )
    commands = parser.add_subparsers(title="commands", required=True)

    def command(does: Callable, says: str, more: str = "") -> argparse.ArgumentParser:
        added = commands.add_parser(
            does.__name__.strip("_"),
            help=says,
            description=f"{says[0].upper()}{says[1:]}.",
            epilog=more,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        added.set_defaults(command=does)
        return added

    run = command(_run, "execute one notebook with other parameters", RUN)
    _add_parameters(run)
    run.add_argument("--run", metavar="NAME", help="the run's folder in reports/")
    sweep = command(_sweep, "execute one notebook for every combination of parameters", SWEEP)
    _add_parameters(sweep)
    grid = {"action": "append", "required": True, "metavar": "NAME=a,b,c"}
    sweep.add_argument("--grid", **grid, help="values of one parameter, in YAML; repeatable")
    sweep.add_argument("--jobs", type=int, default=1, help="runs at once; they share the cores")
    sweep.add_argument("--retry-failed", action="store_true", help="run those again that failed")
    report = command(_report, "execute all notebooks and write reports/index.html", REPORT)
    only = "only these notebooks, and the folders of shops; default: all notebooks of the profile"
    report.add_argument("notebooks", nargs="*", metavar="NOTEBOOK|FOLDER", help=only)
    report.add_argument("--profile", default="default", help=PROFILES)
    report.add_argument("--jobs", type=int, default=2, help="runs at once, default 2")
    report.add_argument("--export", metavar="DIR", help="run nothing; gather a run for a paper")
    report.add_argument("--run", default="reference", help="what to export: a folder of reports/")
    command(_index, "write reports/index.html over the runs that there are", INDEX)
    new = command(_new, "make the folder of a shop from its table and photos", NEW)
    new.add_argument("table", help="a CSV, TSV, Parquet or JSON Lines file; with --sql a query")
    new.add_argument("--images", type=Path, metavar="DIR", help="the folder of the photos")
    new.add_argument("--to", type=Path, metavar="DIR", help="the folder to make")
    new.add_argument("--sql", metavar="ADDRESS", help="SQLAlchemy's address of a database")
    data = command(_data, "list data sets and where they lie, or fetch some", DATA)
    data.add_argument("names", nargs="*", help="sets to fetch; none lists all")
    chosen = command(_apply, "run a pipeline over a whole catalogue", APPLY)
    chosen.add_argument("data", help="a data set's name or folder")
    what = "a YAML file, YAML itself, or an encoder's name"
    chosen.add_argument("--pipeline", required=True, help=what)
    chosen.add_argument("--to", required=True, type=Path, metavar="DIR", help="the folder to write")
    chosen.add_argument("--neighbours", type=int, default=10, help="of each listing, default 10")
    least = "the least cosine of a likely duplicate, default 0.9"
    chosen.add_argument("--threshold", type=float, default=0.9, help=least)
    command(_doctor, "check what this machine has and what is missing")
    return parser


def _add_parameters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("notebook", help="path, or name in notebooks/ such as 02_encoders")
    given = {"nargs": 2, "action": "append", "default": [], "metavar": ("NAME", "VALUE")}
    parser.add_argument("-p", **given, help="set a parameter, also as NAME=VALUE; VALUE is YAML")
    file = "a YAML file of parameters; -p wins over it"
    parser.add_argument("-f", type=Path, metavar="FILE", help=file)
    parser.add_argument("--profile", default="default", help=PROFILES)


def _parameters(options: argparse.Namespace) -> dict:
    from_file = _yaml(options.f.read_text(encoding="utf-8"), options.f) if options.f else {}
    if not isinstance(from_file, dict):
        raise ValueError(f"{options.f} needs NAME: VALUE lines, got {type(from_file).__name__}")
    return from_file | {name: _yaml(value, f"-p {name}") for name, value in options.p}


def _yaml(text: str, where: object) -> object:
    try:
        return read_values(text)
    except yaml.YAMLError as error:
        raise ValueError(
            f"{where} needs YAML, got {text[:200]!r}: {str(error).splitlines()[0]}"
        ) from error


def _run(options: argparse.Namespace) -> int:
    from lib.report.results import leaves, text
    from lib.report.runs import execute, plan, summary

    failed = 0
    for run in plan(
        options.notebook, _parameters(options), profile=options.profile, name=options.run
    ):
        metrics = execute(run)
        failed += metrics["status"] != "done"
        print(summary(run, metrics), flush=True)
        for path, value in leaves(metrics["results"]):
            print(f"  {' / '.join(path):<60} {text(value)}")
    _index(options)
    return 1 if failed else 0


def _sweep(options: argparse.Namespace) -> int:
    from lib.report.sweep import sweep

    grid = {}
    for entry in options.grid:
        name, equals, values = entry.partition("=")
        if not equals or not values:
            raise ValueError(f"--grid needs NAME=a,b,c, got {entry!r}")
        grid[name] = _yaml(f"[{values}]", f"--grid {name}")
    table = sweep(
        options.notebook,
        grid,
        parameters=_parameters(options),
        profile=options.profile,
        jobs=options.jobs,
        retry_failed=options.retry_failed,
    )
    print(table.to_string(index=False, float_format="%.4f"))
    if "failed" in set(table["status"]):
        print("failed runs are not repeated unless asked for: --retry-failed")
    _index(options)
    return 0 if (table["status"] == "done").all() else 1


def _report(options: argparse.Namespace) -> int:
    if options.export:
        from lib.report.export import export

        print(f"figures and tables: {export(options.export, options.run) / 'README.md'}")
        return 0
    from lib.data.loaders import is_folder
    from lib.report.sweep import report_all

    shops = [name for name in options.notebooks if is_folder(name)]
    chosen = [name for name in options.notebooks if name not in shops]
    results = []
    for shop in shops or [None]:
        asked = {"DATASET": shop} if shop else {}
        results += report_all(options.profile, notebooks=chosen, asked=asked, jobs=options.jobs)
    done = sum(metrics["status"] == "done" for metrics in results)
    print(f"{done} of {len(results)} runs are done")
    _index(options)
    return 0 if done == len(results) else 1


def _index(options: argparse.Namespace) -> int:
    from lib.report.index_page import write_index

    print(f"page: {write_index()}")
    return 0


def _new(options: argparse.Namespace) -> int:
    from lib.data.new_shop import new_shop

    if options.sql and not options.to:
        raise ValueError("a query has no name; say the folder with --to my-shop")
    folder = options.to or Path(options.table).with_suffix("")
    _, says = new_shop(options.table, folder, images=options.images, sql=options.sql)
    print(f"{says}\n\n{folder}/ is a data set now. Next: akin report {folder}")
    return 0


def _data(options: argparse.Namespace) -> int:
    from lib.data.loaders import LOADERS
    from lib.data.sources import SOURCES, fetch, where

    for name in options.names:
        if name not in SOURCES:
            raise ValueError(f"no data set {name!r} to fetch; there are {', '.join(SOURCES)}")
        print(f"{name}: {fetch(name)}")
    if options.names:
        return 0
    for name in LOADERS:
        if name not in SOURCES:
            print(f"{name:<15} generated on this machine, no download")
            continue
        print(f"{name:<15} {SOURCES[name].about}\n{'':<15} {where(name)}")
    return 0


def _apply(options: argparse.Namespace) -> int:
    from lib.data.loaders import load
    from lib.deploy import apply, read_pipeline

    name, settings = read_pipeline(options.pipeline)
    sizes = {"neighbours": options.neighbours, "threshold": options.threshold}
    made = apply(load(options.data), settings, options.to, name=name, **sizes)
    print(f"{made['data']['listings']} listings in {made['seconds']:.1f} s: {options.to}")
    print(f"{made['likely duplicates']} likely duplicates, cosine {options.threshold:g} or more")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from lib.doctor import checks

    failed = 0
    for check in checks():
        failed += check.status == "missing"
        print(f"{check.status:<8} {check.what:<24} {check.detail}")
    return 1 if failed else 0
