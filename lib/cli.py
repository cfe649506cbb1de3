"""The command line, `akin`: it parses and prints; the work is elsewhere."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from lib.parameters import read_values

PROFILES = "small (seconds, for tests), default (the generated shop), reference (real data sets)"


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
    except BrokenPipeError:  # the reader, head or less, has seen enough; Python would complain again when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _separated(arguments: Sequence[str]) -> list[str]:
    """`-p NAME=VALUE` as the two words `-p NAME VALUE`, which papermill takes."""
    words = list(arguments)
    for i in reversed([i for i, word in enumerate(words[:-1]) if word == "-p" and "=" in words[i + 1]]):
        words[i + 1 : i + 2] = words[i + 1].split("=", 1)
    return words


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="akin", description="Product similarity: run notebooks, compare what they measure.")
    commands = parser.add_subparsers(title="commands", required=True)
    _add_run(commands)
    _add_sweep(commands)
    _add_report(commands)
    _add_index(commands)
    screenshots = commands.add_parser(
        "screenshots",
        help="take the README's pictures",
        description="Runs notebooks on the generated shop, opens the pages and JupyterLab in headless Chromium, and keeps what "
        "they show in reports/reference/screenshots/. Needs Chromium and Playwright.",
    )
    screenshots.set_defaults(command=_screenshots)
    data = commands.add_parser("data", help="list data sets and where they lie, or fetch some")
    data.add_argument("names", nargs="*", help="sets to fetch; none lists all")
    data.set_defaults(command=_data)
    doctor = commands.add_parser("doctor", help="check what this machine has and what is missing")
    doctor.set_defaults(command=_doctor)
    return parser


def _add_run(commands) -> None:  # noqa: ANN001 - argparse's own type is private
    run = commands.add_parser(
        "run",
        help="execute one notebook with other parameters",
        description="Execute a notebook into reports/<run>/<notebook>/ with its page, metrics and figures.",
        epilog="""examples:
  akin run 02_encoders -p ROWS 500 -p SEED=1
  akin run 02_encoders -p ENCODERS.words.encoder=lsa     dotted names reach into nested values
  akin run 00_quickstart -p FIELDS '[title, brand]'      values are YAML
  akin run 00_quickstart -f mine.yaml --profile small    a file of NAME: VALUE lines, over a profile""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_parameters(run)
    run.add_argument("--run", metavar="NAME", help="the run's folder; default: profile and parameters")
    run.set_defaults(command=_run)


def _add_sweep(commands) -> None:  # noqa: ANN001
    sweep = commands.add_parser(
        "sweep",
        help="execute one notebook for every combination of parameters",
        description="""One run for every combination, each in a folder and a process of its own; at the end one table.
What has ended with the same notebook, parameters and code is not run again, so a sweep
that was stopped, by Ctrl-C or worse, goes on where it was.""",
        epilog="""examples:
  akin sweep 02_encoders --grid SEED=0,1,2 --grid ROWS=500,1000 --jobs 2
  akin sweep 00_quickstart --grid 'FIELDS=[title],[title,description]'
  akin sweep 02_encoders --grid ENCODERS.words.encoder=tfidf,lsa -p ROWS 500""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_parameters(sweep)
    sweep.add_argument(
        "--grid", action="append", required=True, metavar="NAME=a,b,c", help="values of one parameter, in YAML; repeatable"
    )
    sweep.add_argument("--jobs", type=int, default=1, help="runs at once; they share the cores")
    sweep.add_argument("--retry-failed", action="store_true", help="run those again that failed")
    sweep.set_defaults(command=_sweep)


def _add_report(commands) -> None:  # noqa: ANN001
    report = commands.add_parser("report", help="execute all notebooks of a profile and write reports/index.html")
    report.add_argument("notebooks", nargs="*", help="only these; default: all that know the profile")
    report.add_argument("--profile", default="default", help=PROFILES)
    report.add_argument("--export", metavar="DIR", help="run nothing; gather a run's figures and tables in DIR, for a paper")
    report.add_argument("--run", metavar="RUN", default="reference", help="what to export: a folder of reports/")
    report.set_defaults(command=_report)


def _add_index(commands) -> None:  # noqa: ANN001
    index = commands.add_parser(
        "index",
        help="write reports/index.html over the runs that there are",
        description="Every command that runs notebooks does so at its end; this one after runs were copied or removed.",
    )
    index.set_defaults(command=_index)


def _add_parameters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("notebook", help="path, or name in notebooks/ such as 02_encoders")
    parser.add_argument(
        "-p",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="set a parameter, also as NAME=VALUE; VALUE is YAML",
    )
    parser.add_argument("-f", type=Path, metavar="FILE", help="a YAML file of parameters; -p wins over it")
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
        raise ValueError(f"{where} needs YAML, got {text[:200]!r}: {str(error).splitlines()[0]}") from error


def _run(options: argparse.Namespace) -> int:
    from lib import index, report

    metrics = report.run(options.notebook, _parameters(options), profile=options.profile, name=options.run)
    print(report.summary(metrics))
    for name, value in index.rows(metrics["results"]):
        print(f"  {name:<60} {value}")
    print(f"page: {index.write_index()}")
    return 0 if metrics["status"] == "done" else 1


def _sweep(options: argparse.Namespace) -> int:
    from lib import index
    from lib.sweep import sweep

    grid = {}
    for entry in options.grid:
        name, equals, values = entry.partition("=")
        if not equals or not values:
            raise ValueError(f"--grid needs NAME=a,b,c, got {entry!r}")
        grid[name] = _yaml(f"[{values}]", f"--grid {name}")
    table = sweep(
        options.notebook, grid, parameters=_parameters(options), profile=options.profile, jobs=options.jobs,
        retry_failed=options.retry_failed,
    )  # fmt: skip
    print(table.to_string(index=False, float_format="%.4f"))
    if "failed" in set(table["status"]):
        print("failed runs are not repeated unless asked for: --retry-failed")
    print(f"page: {index.write_index()}")
    return 0 if (table["status"] == "done").all() else 1


def _report(options: argparse.Namespace) -> int:
    if options.export:
        from lib.export import export

        print(f"figures and tables: {export(options.export, options.run) / 'README.md'}")
        return 0
    from lib import index
    from lib.sweep import report_all

    results = report_all(options.profile, notebooks=options.notebooks)
    encoding = sum(m["encode_seconds"] or 0 for m in results)
    print(f"{len(results)} notebooks, {sum(m['seconds'] for m in results):.0f} s, of it {encoding:.1f} s encoding")
    print(f"page: {index.write_index()}")
    return 0 if all(m["status"] == "done" for m in results) else 1


def _index(options: argparse.Namespace) -> int:
    from lib import index

    print(f"page: {index.write_index()}")
    return 0


def _screenshots(options: argparse.Namespace) -> int:
    from lib.lab import take_pictures
    from lib.screenshots import PICTURES, SCENES, chromium, shop_runs, take

    with chromium() as browser:
        for file in (*take(browser, shop_runs(), SCENES), *take_pictures(browser.new_page(), PICTURES)):
            print(file)
    return 0


def _data(options: argparse.Namespace) -> int:
    from lib.datasets import NAMES
    from lib.datasets.sources import SOURCES, fetch, find

    for name in options.names:
        if name not in SOURCES:
            raise ValueError(f"no data set {name!r} to fetch; there are {', '.join(SOURCES)}")
        print(f"{name}: {fetch(name, SOURCES[name])}")
    if options.names:
        return 0
    for name in NAMES:
        source = SOURCES.get(name)
        if source is None:
            print(f"{name:<15} generated on this machine, no download")
            continue
        place = find(name, source) or ("akin data " + name if source.addresses else f"get it from {source.origin}")
        print(f"{name:<15} {source.about}\n{'':<15} {place}")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from lib.doctor import checks

    failed = 0
    for check in checks():
        failed += check.status == "missing"
        print(f"{check.status:<8} {check.what:<24} {check.detail}")
    return 1 if failed else 0
