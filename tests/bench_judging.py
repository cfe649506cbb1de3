"""How many judgements tell two pipelines apart: `python -m tests.bench_judging [SESSIONS] [MOST]`.

On the generated shop and three labelled sets, the two pipelines whose nDCG@10 differ by about .03
are judged in simulated sessions that answer from the labels: pairs drawn where rankings disagree,
pairs drawn uniformly from both rankings, and whole queries pooled. `held` is the share of sessions
whose interval holds the true difference after every single judgement; `told` the share that tell
the pipelines apart within MOST judgements, after `median` and `for 80 %` of them. The ideal DCG is
that of the labels.
"""

from __future__ import annotations

import itertools
import sys
from functools import partial

import numpy as np
import pandas as pd

from lib import embed, encoder, evaluate, load, search
from lib.decision.betting import log_capital
from lib.decision.judging_pool import make_pool
from lib.decision.pair_sample import Pool, Sample

TASKS = {
    "bazaar": "same product",
    "abt-buy": "blocking",
    "amazon-google": "blocking",
    "flipkart": "category",
}
TITLE = {"fields": ["title"]}
PIPELINES = {
    "title words": ("tfidf", TITLE),
    "title bigrams": ("tfidf", {"ngrams": (1, 2), **TITLE}),
    "title letters": ("tfidf", {"analyzer": "char_wb", **TITLE}),
    "all words": ("tfidf", {"fields": ["title", "description"]}),
    **{f"lsa {d}": ("lsa", {"dimensions": d}) for d in (50, 100, 150, 200)},
}
HINTS = "title words", "title letters", "all words"
K, WANTED, MEAN = 10, 0.03, 2  # the difference's column among the pool's means
BOUND = np.log(2 / 0.05)


def contest(name: str) -> tuple[str, Pool, np.ndarray]:
    """Two pipelines about .03 apart, the pairs they find, and each pair's gain in the labels."""
    task = load(name).tasks[TASKS[name]]
    task = task.take(np.diff(task.relevance.indptr) > 0)
    parts, found, scores = {}, {}, {}
    for label, (spec, options) in PIPELINES.items():
        fitted = encoder(spec, **options).fit(task.corpus)
        parts[label] = embed(fitted, task.queries), embed(fitted, task.corpus)
        found[label] = search(*parts[label], K, exclude=task.exclude)
        scores[label] = evaluate(found[label], task, [f"ndcg@{K}"]).iloc[:, 0].mean()
    gap = {(a, b): abs(scores[a] - scores[b]) for a, b in itertools.combinations(scores, 2)}
    one, other = min(gap, key=lambda pair: abs(gap[pair] - WANTED))
    pool = make_pool(
        [found[one], found[other]],
        len(task.corpus),
        K,
        deciding=np.arange(6) == MEAN,
        ideal=np.diff(task.relevance.indptr),
        hints=[parts[hint] for hint in HINTS],
    )
    gains = np.asarray(task.relevance[tuple(pool.pairs.T)], float).ravel()
    assert np.isclose(pool.adds[:, MEAN] @ gains, scores[other] - scores[one], atol=1e-6)
    return f"{other} − {one}", pool, gains


def drawn(pool: Pool, gains: np.ndarray, seed: int, most: int, *, uniform: bool) -> tuple:
    """A session that judges pairs: draws, their ranges (t, 1), judgements after each (t,)."""
    sample = Sample(pool, uniform=uniform, seed=seed)
    while sample.pair is not None and len(sample) < most:
        sample.judge(np.repeat(gains[sample.pair], 2))
    return *(part[:, [MEAN]] for part in sample.draws()), np.arange(len(sample)) + 1


def pooled(pool: Pool, gains: np.ndarray, seed: int, most: int) -> tuple:
    """A session that takes queries at random and judges all that is found for each."""
    query, adds = pool.pairs[:, 0], pool.adds[:, MEAN]
    sums = [np.bincount(query, w) for w in (adds * gains, adds.clip(max=0), adds.clip(min=0))]
    order = np.random.default_rng(seed).permutation(query[-1] + 1)
    spent = np.bincount(query)[order].cumsum()
    order = order[: int((spent <= most).sum())]
    before = np.append(0, sums[0][order].cumsum()[:-1])
    left = len(sums[0]) - np.arange(len(order))
    ends = sums[0][order], np.full(len(order), sums[1].min()), np.full(len(order), sums[2].max())
    return *((before + left * end)[:, None] for end in ends), spent[: len(order)]


def outcome(draws: np.ndarray, low: np.ndarray, high: np.ndarray, spent: np.ndarray, truth: float):
    """Whether the interval always held the truth, and the judgements until it excluded 0."""

    def largest(mean: float) -> np.ndarray:
        above = log_capital(draws, low, high, mean)
        below = log_capital(-draws, -high, -low, -mean)
        return np.maximum(above, below)[:, 0]

    out = largest(0.0) >= BOUND
    return largest(truth).max() < BOUND, spent[out.argmax()] if out.any() else np.inf


def main(sessions: int = 500, most: int = 2000) -> None:
    """Print a row for each set and way of choosing pairs, as soon as it is known."""
    for name in TASKS:
        label, pool, gains = contest(name)
        truth = float(pool.adds[:, MEAN] @ gains)
        print(f"\n{name}: {label} = {truth:.4f}, {len(gains)} pairs, {sessions} sessions")
        given = {"most": most}
        ways = {
            "where they disagree": partial(drawn, pool, gains, uniform=False, **given),
            "uniform": partial(drawn, pool, gains, uniform=True, **given),
            "pooling": partial(pooled, pool, gains, **given),
        }
        for way, session in ways.items():
            held, spent = np.transpose([outcome(*session(s), truth) for s in range(sessions)])
            row = {"held": held.mean(), "told": np.isfinite(spent).mean()}
            at = np.quantile(spent, [0.5, 0.8], method="higher")
            row |= {"median": at[0], "for 80 %": at[1]}
            print(pd.DataFrame(row, index=[way]).round(3).to_string(), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
