"""Judgements on disk: one line each, by judge, never lost and never changed; agreement of judges.

What they say about pipelines is in `judging.py`.
"""

from __future__ import annotations

import json
import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.lines import read_json_lines, write_lines
from lib.files import write_atomically

LABELS = {"unrelated": 0, "complement": 1, "substitute": 2, "same": 3}  # and their gains
Gains = dict[tuple[str, str], int]  # by query id and product id


class JudgementFile:
    """Judgements in a JSON Lines file: `{"judge", "query", "product", "label", "gain"}`.

    A judgement is on the disk when `add` returns. One taken back is a further line whose label and
    gain are null. A last line that was cut off, as by a power cut, is left out.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if self.path.exists():
            _mend(self.path)

    def add(self, judge: str, query: str, product: str, label: str | None) -> None:
        """Append a judgement, or with None as label take back the one there is."""
        if label is not None and label not in LABELS:
            raise ValueError(f"label {label!r} is none of {', '.join(LABELS)}")
        line = {"judge": judge, "query": query, "product": product}
        line |= {"label": label, "gain": LABELS.get(label)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write((json.dumps(line, ensure_ascii=False) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())

    def gains(self) -> dict[str, Gains]:
        """The gains that stand, by judge; a later line about the same pair counts."""
        found: dict[str, Gains] = {}
        for where, line in read_json_lines(self.path) if self.path.exists() else ():
            if not {"judge", "query", "product", "gain"} <= line.keys():
                raise where.error(f"needs judge, query, product and gain, got {str(line)[:80]}")
            if line["gain"] not in (None, *LABELS.values()):
                raise where.error(f"gain must be 0 to 3 or null, got {line['gain']!r}")
            pair = str(line["query"]), str(line["product"])
            gains = found.setdefault(str(line["judge"]), {})
            if line["gain"] is None:
                gains.pop(pair, None)
            else:
                gains[pair] = int(line["gain"])
        return found

    def write_qrels(self, path: Path | str, judge: str) -> None:
        """One judge's judgements as TREC qrels, `query 0 product gain`, for `read_qrels`."""
        gains = self.gains().get(judge, {})
        for word in {word for pair in gains for word in pair}:
            if word.split() != [word]:
                raise ValueError(f"{word!r} holds a blank, which separates a TREC file's fields")
        lines = [f"{query} 0 {product} {gain}" for (query, product), gain in gains.items()]
        write_lines(path, lines)

    def agreement(self) -> pd.DataFrame:
        """How far every two judges agree on the pairs that both judged; empty for one judge.

        Columns: `pairs` that both judged, `equal` their share with one label, Cohen's `kappa` of
        the labels (1: always, 0: as by chance), and `weighted`, quadratic weights: the same product
        called unrelated is a worse dispute than the same called a substitute. NaN where chance
        explains everything, as where both gave one label only.

        >>> file = JudgementFile(getfixture("tmp_path") / "judgements.jsonl")
        >>> for judge, labels in {"ada": "sssuuu", "bob": "ssuuuu"}.items():
        ...     for i, letter in enumerate(labels):
        ...         file.add(judge, "q", f"p{i}", {"s": "same", "u": "unrelated"}[letter])
        >>> file.agreement().round(3)
                   pairs  equal  kappa  weighted
        one other
        ada bob        6  0.833  0.667     0.667
        """
        rows = {
            (one, other): _agreement(gains, others)
            for (one, gains), (other, others) in combinations(sorted(self.gains().items()), 2)
        }
        index = pd.MultiIndex.from_tuples(rows, names=["one", "other"])
        columns = ["pairs", "equal", "kappa", "weighted"]
        frame = pd.DataFrame(list(rows.values()), index=index, columns=columns)
        return frame.astype({"pairs": int})


def _agreement(gains: Gains, others: Gains) -> tuple[int, float, float, float]:
    from sklearn.metrics import cohen_kappa_score

    both = sorted(gains.keys() & others.keys())
    if not both:
        return 0, np.nan, np.nan, np.nan
    one, other = (np.array([side[pair] for pair in both]) for side in (gains, others))
    if len({*one, *other}) == 1:
        return len(both), 1.0, np.nan, np.nan
    every = list(LABELS.values())
    kappas = [cohen_kappa_score(one, other, labels=every, weights=w) for w in (None, "quadratic")]
    return len(both), float((one == other).mean()), *map(float, kappas)


def _mend(path: Path) -> None:
    """Leave out a last line that was not written to its end."""
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole == len(data):
        return
    try:
        json.loads(data[whole:])
        write_atomically(path, data + b"\n")  # by hand, without a line break
    except ValueError:
        write_atomically(path, data[:whole])
