"""BEIR folders: corpus.jsonl, queries.jsonl, qrels/<split>.tsv, as github.com/beir-cellar/beir lays them out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pandas as pd

from lib.catalogue import Catalogue, Task
from lib.files import write_atomically
from lib.interchange.lines import Pairs, Where, judgements, numbered, read_lines, to_task, write_lines
from lib.reading import missing

CORPUS = {"title": "title", "text": "description"}  # BEIR's fields: ours; what else a product has stands in `metadata`
QUERIES = {"text": "title"}


def write_beir(folder: Path | str, task: Task, *, split: str = "test") -> None:
    """The task as a BEIR folder; an older one of the same name is overwritten file by file.

    A product's title and description become title and text, a query's title its text; all other columns travel in
    `metadata`, photos by file name. What the task excludes stands in exclude.tsv, which other readers overlook. Raises
    ValueError for gains that are no whole numbers and ids that are not one line, before anything is written.
    """
    folder = Path(folder)
    for product in (*task.queries.ids, *task.corpus.ids):
        if len(product.splitlines()) != 1:
            raise ValueError(f"{product!r} is empty or holds a line break, and BEIR's judgements stand one a line; rename it")
    excluded = [(task.queries.ids[q], task.corpus.ids[p]) for q, p in zip(*task.exclude.nonzero(), strict=True)]
    judged = _tsv(("query-id", "corpus-id", "score"), judgements(task))
    write_lines(folder / "corpus.jsonl", _records(task.corpus, CORPUS))
    write_lines(folder / "queries.jsonl", _records(task.queries, QUERIES))
    write_atomically(folder / "exclude.tsv", _tsv(("query-id", "corpus-id"), excluded))
    write_atomically(folder / "qrels" / f"{split}.tsv", judged)


def read_beir(folder: Path | str, *, split: str = "test", images: Path | str | None = None, name: str | None = None) -> Task:
    """A task from a BEIR folder; `images` is the folder that the photos' names are in, without it there are none.

    A gain of 0 or less is not relevant.
    """
    folder = Path(folder)
    corpus = _catalogue(folder / "corpus.jsonl", CORPUS, images)
    queries = _catalogue(folder / "queries.jsonl", QUERIES, images)
    judged = _pairs(folder / "qrels" / f"{split}.tsv", queries, corpus)
    excluded = _pairs(folder / "exclude.tsv", queries, corpus) if (folder / "exclude.tsv").exists() else {}
    tasks = [to_task(name or folder.name, queries, corpus, pairs) for pairs in (judged, excluded)]
    return Task(tasks[0].name, queries, corpus, tasks[0].relevance, tasks[1].relevance)


def _records(catalogue: Catalogue, fields: Mapping[str, str]) -> Iterator[str]:
    others = [c for c in catalogue.items.columns if c not in fields.values()]
    for product, item in catalogue.items.iterrows():
        record = {"_id": product} | {theirs: "" if missing(item[ours]) else item[ours] for theirs, ours in fields.items()}
        more = _known({str(c): item[c] for c in others})
        if "image" in more:
            more["image"] = Path(more["image"]).name  # where the folder lies is this machine's business
        yield json.dumps(record | {"metadata": more}, ensure_ascii=False, default=_plain, allow_nan=False)


def _known(values: Mapping) -> dict:
    """What is not missing, also within: JSON has no NaN."""
    return {k: _known(v) if isinstance(v, Mapping) else v for k, v in values.items() if not missing(v)}


def _catalogue(path: Path, fields: Mapping[str, str], images: Path | str | None) -> Catalogue:
    rows = {}
    for where, line in read_lines(path):
        record = _record(where, line)
        if record["_id"] in rows:
            raise where.error(f"id {record['_id']!r} occurs more than once")
        row = dict(record["metadata"]) | {ours: record.get(theirs) or None for theirs, ours in fields.items()}
        name = row.pop("image", None)
        rows[record["_id"]] = row | ({"image": str(Path(images) / name)} if images and name else {})
    return Catalogue(path.stem, pd.DataFrame.from_dict(rows, orient="index", dtype=object))


def _record(where: Where, line: str) -> dict:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise where.error(f"not JSON ({error.msg} at column {error.colno})") from error
    if not isinstance(record, dict) or not isinstance(record.get("_id"), str | int):
        raise where.error(f'needs an object with an "_id", got {line[:80]!r}')
    more = record.get("metadata") or {}
    if not isinstance(more, dict):
        raise where.error(f'"metadata" must be an object, got {type(more).__name__}')
    return record | {"_id": str(record["_id"]), "metadata": more}


def _tsv(header: Iterable[str], rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


def _pairs(path: Path, queries: Catalogue, corpus: Catalogue) -> Pairs:
    """Gain by pair; 1 where a file has no third column."""
    pairs: Pairs = {}
    rows, products = numbered(queries), numbered(corpus)
    lines = list(read_lines(path))
    if not lines or lines[0][1].split("\t")[:2] != ["query-id", "corpus-id"]:
        raise Where(path, 1).error('needs the header "query-id\\tcorpus-id\\tscore"')
    width = len(lines[0][1].split("\t"))
    for where, line in lines[1:]:
        fields = next(csv.reader([line], delimiter="\t"))
        if len(fields) != width:
            raise where.error(f"needs {width} fields with tabs between, got {len(fields)}: {line[:80]!r}")
        where.row(rows, fields[0])
        where.row(products, fields[1])
        where.add(pairs, fields[0], fields[1], where.gain(fields[2]) if width > 2 else 1)
    return pairs


def _plain(value: object) -> object:
    return value.item() if hasattr(value, "item") else str(value)
