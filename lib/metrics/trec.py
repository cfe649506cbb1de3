"""TREC run and qrels files, as trec_eval and ir_measures read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from lib.data.catalogue import Catalogue
from lib.data.judgements import Judged, gains, judgements, read_pairs
from lib.data.lines import read_lines, write_lines
from lib.data.task import Task
from lib.search.exact import Ranking, no_candidates

RUN = "query Q0 product rank score tag"
QRELS = "query 0 product gain"


def write_run(path: Path | str, ranking: Ranking, task: Task, *, tag: str = "akin") -> None:
    """The ranking as a TREC run, a line `query Q0 product rank score tag` for each candidate.

    trec_eval looks at no rank: it sorts by score, as float32, and breaks ties by product id. So a
    score that does not fall is written as the next smaller float32: the order stays, and a tied
    score moves by a few units in its last place. Raises ValueError for ids with blanks, which
    separate the fields, and for scores that are no finite numbers.
    """
    if len(ranking.positions) != len(task.queries):
        raise ValueError(
            f"ranking {ranking.name!r} answers {len(ranking.positions)} queries, "
            f"the task has {len(task.queries)}"
        )
    _without_blanks(*task.queries.ids, *task.corpus.ids, tag)
    lines = []
    for query, positions, scores in zip(
        task.queries.ids, ranking.positions, ranking.scores, strict=True
    ):
        found = positions >= 0
        if not np.isfinite(scores[found]).all():
            raise ValueError(
                f"ranking {ranking.name!r}: query {query!r} has a score that is no finite number"
            )
        ranked = zip(task.corpus.ids[positions[found]], _falling(scores[found]), strict=True)
        # nine digits tell any two float32 apart
        lines += [
            f"{query} Q0 {product} {rank} {score:.9g} {tag}"
            for rank, (product, score) in enumerate(ranked, start=1)
        ]
    write_lines(path, lines)


def read_run(path: Path | str, task: Task, *, name: str | None = None) -> Ranking:
    """A TREC run over the task's queries and corpus, as deep as its deepest query; a query without
    a line finds nothing.

    The order is trec_eval's: by score as float32; equal scores by product id in descending order.
    Ranks in the file are ignored.
    """
    lines, rule = _judged(path, RUN, "score"), "the score must be a finite number"
    pairs = read_pairs(lines, task.queries, task.corpus, number=np.float32, rule=rule)
    found: list[list[tuple[float, str, int]]] = [[] for _ in task.queries.ids]
    for (row, column), score in pairs.items():
        found[row].append((score, task.corpus.ids[column], column))
    positions, scores = no_candidates(len(found), max(map(len, found), default=0))
    for row, scored in enumerate(found):
        for place, (score, _, column) in enumerate(sorted(scored, reverse=True)):
            positions[row, place], scores[row, place] = column, score
    return Ranking(name or Path(path).stem, positions, scores)


def write_qrels(path: Path | str, task: Task) -> None:
    """The judgements as TREC qrels, a line `query 0 product gain` each.

    Raises ValueError for gains that are no whole numbers and for ids with blanks.
    """
    _without_blanks(*task.queries.ids, *task.corpus.ids)
    write_lines(path, [f"{query} 0 {product} {gain}" for query, product, gain in judgements(task)])


def read_qrels(
    path: Path | str, queries: Catalogue, corpus: Catalogue, *, name: str | None = None
) -> Task:
    """A task from TREC qrels over known products, with nothing excluded; a gain of 0 or less is not
    relevant.
    """
    relevance = gains(_judged(path, QRELS, "gain"), queries, corpus)
    return Task(name or Path(path).stem, queries, corpus, relevance, csr_array(relevance.shape))


def _judged(path: Path | str, form: str, number: str) -> Iterator[Judged]:
    names = form.split()
    for where, line in read_lines(path):
        fields = line.split()
        if len(fields) != len(names):
            raise where.error(
                f"needs the {len(names)} fields {form!r}, got {len(fields)}: {line[:80]!r}"
            )
        named = dict(zip(names, fields, strict=True))
        yield where, named["query"], named["product"], named[number]


def _without_blanks(*words: str) -> None:
    for word in words:
        if word.split() != [word]:
            raise ValueError(
                f"{word!r} is empty or holds a blank, which separates a TREC file's fields; "
                "rename it, or write_beir"
            )


def _falling(scores: np.ndarray) -> np.ndarray:
    """Float32 scores, each lowered, where needed, to the next float32 below its predecessor."""
    scores = scores.astype(np.float32)
    if (np.diff(scores) >= 0).any():
        for i in range(1, len(scores)):
            scores[i] = min(scores[i], np.nextafter(scores[i - 1], np.float32(-np.inf)))
    return scores
