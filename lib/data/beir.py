"""BEIR folders: corpus.jsonl, queries.jsonl and qrels/<split>.tsv.

The layout is that of github.com/beir-cellar/beir.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
from scipy.sparse import csr_array

from lib.data.catalogue import Catalogue
from lib.data.cells import missing, present
from lib.data.judgements import Judged, gains, judgements
from lib.data.lines import Where, read_json_lines, read_lines
from lib.data.task import Task
from lib.files import write_atomically

# BEIR's fields: ours; what else a product has is in `metadata`
CORPUS = {"title": "title", "text": "description"}
QUERIES = {"text": "title"}
PAIR = ["query-id", "corpus-id"]
TABS = {"sep": "\t", "index": False, "lineterminator": "\n"}


def write_beir(folder: Path | str, task: Task, *, split: str = "test") -> None:
    """The task as a BEIR folder; an older one of the same name is overwritten file by file.

    A product's title and description become title and text, a query's title its text. All other
    columns travel in `metadata`, photos by file name. What the task excludes is in exclude.tsv,
    which other readers overlook. Raises ValueError, before anything is written, for gains that are
    no whole numbers and for ids that are not one line.
    """
    queries, corpus = task.queries.ids, task.corpus.ids
    for product in (*queries, *corpus):
        if len(product.splitlines()) != 1:
            raise ValueError(
                f"{product!r} is empty or holds a line break, and BEIR's judgements are one a "
                "line; rename it"
            )
    excluded = [(queries[q], corpus[p]) for q, p in zip(*task.exclude.nonzero(), strict=True)]
    judged = pd.DataFrame(judgements(task), columns=[*PAIR, "score"])
    files = {
        "corpus.jsonl": _records(task.corpus, CORPUS),
        "queries.jsonl": _records(task.queries, QUERIES),
        "exclude.tsv": pd.DataFrame(excluded, columns=PAIR).to_csv(**TABS),
        f"qrels/{split}.tsv": judged.to_csv(**TABS),
    }
    for file, content in files.items():
        write_atomically(Path(folder) / file, content.encode())


def read_beir(
    folder: Path | str,
    *,
    split: str = "test",
    images: Path | str | None = None,
    name: str | None = None,
) -> Task:
    """A task from a BEIR folder; a gain of 0 or less is not relevant.

    `images` is the folder that the photos' names are in. Without it there are no photos.
    """
    folder = Path(folder)
    corpus = _catalogue(folder / "corpus.jsonl", CORPUS, images)
    queries = _catalogue(folder / "queries.jsonl", QUERIES, images)
    relevance = gains(_judged(folder / "qrels" / f"{split}.tsv"), queries, corpus)
    exclude = csr_array(relevance.shape)
    if (folder / "exclude.tsv").exists():
        exclude = gains(_judged(folder / "exclude.tsv"), queries, corpus)
    return Task(name or folder.name, queries, corpus, relevance, exclude)


def _records(catalogue: Catalogue, fields: Mapping[str, str]) -> str:
    others = [column for column in catalogue.items.columns if column not in fields.values()]
    lines = []
    for product, item in catalogue.items.iterrows():
        texts = {
            theirs: "" if missing(item[ours]) else item[ours] for theirs, ours in fields.items()
        }
        more = present({str(column): item[column] for column in others})
        if "image" in more:
            more["image"] = Path(more["image"]).name  # the folder is this machine's business
        record = {"_id": product, **texts, "metadata": more}
        lines.append(json.dumps(record, ensure_ascii=False, default=_plain, allow_nan=False))
    return "".join(f"{line}\n" for line in lines)


def _plain(value: object) -> object:
    return value.item() if hasattr(value, "item") else str(value)


def _catalogue(path: Path, fields: Mapping[str, str], images: Path | str | None) -> Catalogue:
    rows: dict[str, dict] = {}
    for where, record in read_json_lines(path):
        product, more = record.get("_id"), record.get("metadata") or {}
        if not isinstance(product, str | int):
            raise where.error(f'needs an object with an "_id", got {str(record)[:80]}')
        if not isinstance(more, dict):
            raise where.error(f'"metadata" must be an object, got {type(more).__name__}')
        if str(product) in rows:
            raise where.error(f"id {str(product)!r} occurs more than once")
        row = more | {ours: record.get(theirs) for theirs, ours in fields.items()}
        photo = row.pop("image", None)
        if images and photo:
            row["image"] = str(Path(images) / photo)
        rows[str(product)] = row
    return Catalogue(path.stem, pd.DataFrame.from_dict(rows, orient="index", dtype=object))


def _judged(path: Path) -> Iterator[Judged]:
    """The lines below the header; the gain is 1 where a file has no third column."""
    lines = read_lines(path)
    header = next(lines, (None, ""))[1].split("\t")
    if header[:2] != PAIR:
        raise Where(path, 1).error('needs the header "query-id\\tcorpus-id\\tscore"')
    for where, line in lines:
        fields = next(csv.reader([line], delimiter="\t"))
        if len(fields) != len(header):
            raise where.error(
                f"needs {len(header)} fields with tabs between, got {len(fields)}: {line[:80]!r}"
            )
        yield where, *[*fields, "1"][:3]
