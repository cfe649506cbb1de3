"""Which pipeline is better where nobody has labels: pairs to judge, and what they say so far.

Pairs are drawn where the rankings disagree (`judging_pool.py`), with known chances
(`pair_sample.py`). Every estimate is unbiased, every interval holds after every judgement at once
(`betting.py`). The judgements are kept on disk (`judgement_file.py`); the panel that asks for them
is `lib.show.judging`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lib.data.catalogue import Catalogue
from lib.decision.betting import betting_interval
from lib.decision.judgement_file import LABELS, JudgementFile
from lib.decision.judging_pool import MEASURES, make_pool
from lib.decision.pair_sample import Sample
from lib.encoders.embeddings import Embeddings
from lib.search.exact import Ranking

ALPHA = 0.05
BEST = max(LABELS.values())


class Judging:
    """One judge's session: pairs to judge, one after the other, until the question is decided.

    The question is how much better each ranking is than the `baseline` (the first, unless named)
    by `metric`, "ndcg@k" or "precision@k". It is decided when the interval of every difference
    excludes 0 or is narrower than `limit`. These intervals hold together with 95 %, those of each
    ranking's own mean with 95 % each. They speak of the queries given, of which they need not ask
    all: not of queries to come.

    nDCG@k: a judgement's gain is 3 for the same product, 2 for a substitute, 1 for a complement,
    else 0. The ideal cannot be estimated without bias, since it counts relevant products that no
    ranking found. So it is fixed beforehand: `ideal` is the number of same products that a perfect
    ranking would find first, or (q,) numbers, one a query. With one, a query whose ranking finds
    several scores above 1. Precision@k counts gains of at least `relevant`.

    `hints` are pairs of Embeddings, of queries and corpus. Their cosines help to predict outcomes:
    the better they tell, the fewer judgements are needed; they cannot bias anything.

    Judgements of `judge` in `file` are not asked again. A session with the same arguments goes on
    where the last one ended. `seed` draws other pairs.

    >>> wanted = Catalogue("wanted", pd.DataFrame({"title": ["mug", "vase"]}, index=["a", "b"]))
    >>> shelf = Catalogue("shelf", pd.DataFrame({"title": ["mug", "vase"]}, index=["x", "y"]))
    >>> good = Ranking("good", np.array([[0], [1]]), np.ones((2, 1)))
    >>> poor = Ranking("poor", np.array([[0], [0]]), np.ones((2, 1)))
    >>> found = {"good": good, "poor": poor}
    >>> session = Judging(found, wanted, shelf, metric="precision@1")
    >>> while session.pair:  # rows of a query and a candidate, for a person to look at
    ...     session.judge("same" if session.pair[0] == session.pair[1] else "unrelated")
    >>> session.table().loc["precision@1", ["low", "high"]]
                 low  high
    of
    good         1.0   1.0
    poor         0.5   0.5
    poor − good -0.5  -0.5
    >>> session.verdict
    'precision@1: poor − good is below 0.'
    """

    def __init__(
        self,
        rankings: Mapping[str, Ranking],
        queries: Catalogue,
        corpus: Catalogue,
        *,
        metric: str = "ndcg@10",
        baseline: str | None = None,
        ideal: int | Sequence[int] = 1,
        relevant: int = LABELS["substitute"],
        limit: float = 0.02,
        hints: Sequence[tuple[Embeddings, Embeddings]] = (),
        judge: str = "me",
        file: JudgementFile | Path | str | None = None,
        seed: int = 0,
    ) -> None:
        match = re.fullmatch(r"(ndcg|precision)@([1-9]\d*)", metric)
        if not match:
            raise ValueError(f"metric is ndcg@k or precision@k, got {metric!r}")
        _check(rankings, len(queries), baseline, k := int(match[2]))
        self.queries, self.corpus, self.judge_name = queries, corpus, judge
        self.metric, self.limit, self._relevant, self._seed = metric, limit, relevant, seed
        baseline = baseline or next(iter(rankings))
        names = [baseline, *(name for name in rankings if name != baseline)]
        versus = [f"{name} − {baseline}" for name in names[1:]]
        self._index = pd.MultiIndex.from_product(
            [[f"{name}@{k}" for name in MEASURES], [*names, *versus]], names=["metric", "of"]
        )
        self._deciding = (self._index.get_level_values(0) == metric) & self._index.isin(versus, 1)
        self._pool = make_pool(
            [rankings[name] for name in names], len(corpus), k,
            deciding=self._deciding, ideal=ideal, hints=hints,
        )  # fmt: skip
        self.file = file if isinstance(file, JudgementFile | None) else JudgementFile(file)
        self._gains = self.file.gains().get(judge, {}) if self.file else {}
        self._start()

    @property
    def pair(self) -> tuple[int, int] | None:
        """The rows of the query and of the candidate to judge; None when all are judged."""
        row = self._sample.pair
        return None if row is None else tuple(self._pool.pairs[row].tolist())

    @property
    def judged(self) -> int:
        """How many pairs have been drawn and judged."""
        return len(self._sample)

    @property
    def pairs(self) -> int:
        """How many there are to draw at most."""
        return len(self._pool.pairs)

    def judge(self, label: str) -> None:
        """Label the pair: same, substitute, complement or unrelated. It is on the disk at once."""
        if label not in LABELS:
            raise ValueError(f"label {label!r} is none of {', '.join(LABELS)}")
        if self.pair is None:
            raise ValueError(f"all {self.pairs} pairs are judged")
        pair = self._ids()
        if self.file:
            self.file.add(self.judge_name, *pair, label)
        self._gains[pair] = LABELS[label]
        self._asked.append(pair)
        self._go_on()

    def undo(self) -> bool:
        """Take the last judgement back and ask again; whether there was one."""
        if not self._asked:
            return False
        pair = self._asked[-1]
        if self.file:
            self.file.add(self.judge_name, *pair, None)
        del self._gains[pair]
        self._start()
        return True

    def table(self) -> pd.DataFrame:
        """What is known by now: `estimate`, `error`, `low` and `high` of each mean and difference.

        An estimate is the mean of its draws. It is unbiased, but after few draws it is coarse and
        can lie outside its interval. `error` is its standard error.
        """
        return self._intervals(np.ones(len(self._index), bool))

    @property
    def verdict(self) -> str:
        """What has been decided, in a sentence; empty while the question is open."""
        table = self._intervals(self._deciding).droplevel(0)
        return verdict(table, self.metric, self.limit)

    def _intervals(self, means: np.ndarray) -> pd.DataFrame:
        """The rows of the table of some means, (m,) bool."""
        low, high = (side[means] for side in self._sample.limits())  # exact when all is judged
        estimate, error = np.full((2, len(low)), np.nan)
        if self.judged:
            values, lows, highs = (part[:, means] for part in self._sample.draws())
            alpha = np.where(self._deciding, ALPHA / self._deciding.sum(), ALPHA)[means]
            ends = betting_interval(values, lows, highs, alpha=alpha)
            estimate = values.mean(axis=0)
            if self.judged > 1:
                error = values.std(axis=0, ddof=1) / np.sqrt(self.judged)
            low, high = np.maximum(low, ends[0]), np.minimum(high, ends[1])
        columns = {"estimate": estimate, "error": error, "low": low, "high": high}
        return pd.DataFrame(columns, index=self._index[means])

    def _start(self) -> None:
        """Draw from the beginning, with what is known; the same draws, as the seed is the same."""
        kind = MEASURES.index(self.metric.split("@")[0])
        self._sample = Sample(self._pool, outcome=kind, seed=self._seed)
        self._asked: list[tuple[str, str]] = []
        self._go_on()

    def _go_on(self) -> None:
        """Take the pairs that are judged already, up to the first that is not."""
        while self.pair is not None and (gain := self._gains.get(self._ids())) is not None:
            if not self._asked or self._asked[-1] != self._ids():
                self._asked.append(self._ids())
            self._sample.judge((gain / BEST, gain >= self._relevant))

    def _ids(self) -> tuple[str, str]:
        query, candidate = self.pair
        return str(self.queries.ids[query]), str(self.corpus.ids[candidate])


def verdict(differences: pd.DataFrame, metric: str, limit: float) -> str:
    """What the intervals `low`, `high` of some differences, a row each, decide; else empty.

    >>> ends = {"low": [0.01, -0.004], "high": [0.05, 0.006]}
    >>> verdict(pd.DataFrame(ends, index=["b − a", "c − a"]), "ndcg@10", 0.02)
    'ndcg@10: b − a is above 0; c − a is between -0.004 and 0.006.'
    """
    said = []
    for name, low, high in differences[["low", "high"]].itertuples():
        if low > 0 or high < 0:
            said.append(f"{name} is {'above' if low > 0 else 'below'} 0")
        elif high - low < limit:
            said.append(f"{name} is between {low:.3f} and {high:.3f}")
        else:
            return ""
    return f"{metric}: {'; '.join(said)}."


def _check(rankings: Mapping[str, Ranking], queries: int, baseline: str | None, k: int) -> None:
    if len(rankings) < 2 or baseline not in (None, *rankings):
        raise ValueError(
            f"judging compares two rankings or more, one of them the baseline; got "
            f"{list(rankings)} and baseline {baseline!r}"
        )
    for name, ranking in rankings.items():
        if len(ranking.positions) != queries:
            raise ValueError(
                f"ranking {name!r} answers {len(ranking.positions)} queries, there are {queries}"
            )
        if ranking.k < k:
            raise ValueError(f"ranking {name!r} is {ranking.k} deep: search with k={k}")
