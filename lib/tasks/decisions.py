"""From scores of pairs to decisions: rules that call pairs, clusters of listings, and what either is worth.

Where pairs and scores come from is in `matching.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csr_array

from lib.embeddings import Embeddings

LINKAGES = ("single", "average", "complete")


def mutual_best(pairs: pd.DataFrame, scores: np.ndarray) -> np.ndarray:
    """Which pairs score highest of all pairs of their left and of all of their right listing, (p,) bool; ties all count."""
    scores = pd.Series(np.asarray(scores, float))
    best = [scores.groupby(pairs[side].to_numpy()).transform("max") for side in ("left", "right")]
    return ((scores == best[0]) & (scores == best[1])).to_numpy()


def one_to_one(pairs: pd.DataFrame, scores: np.ndarray, *, threshold: float) -> np.ndarray:
    """The pairs of the best assignment, (p,) bool: no listing twice, the sum of scores less `threshold` the largest.

    Pairs below the threshold are never taken, and a listing may stay alone.
    """
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    scores = np.asarray(scores, float)
    chosen = np.zeros(len(scores), bool)
    kept = np.flatnonzero(scores >= threshold)
    if not len(kept):
        return chosen
    left, right = (pd.factorize(pairs[side].to_numpy()[kept])[0] for side in ("left", "right"))
    n, m = left.max() + 1, right.max() + 1
    # scipy wants everyone matched: each left listing has a partner of its own that gains nothing; a cost of 0 is no edge
    best = scores[kept].max()
    cost = np.concatenate([best - scores[kept], np.full(n, best - threshold)]) + 1
    cells = np.concatenate([left, np.arange(n)]), np.concatenate([right, m + np.arange(n)])
    rows, partners = min_weight_full_bipartite_matching(csr_array(coo_array((cost, cells), shape=(n, m + n))))
    taken = dict(zip(rows, partners, strict=True))
    chosen[kept[[taken[i] == j for i, j in zip(left, right, strict=True)]]] = True
    return chosen


def clusters(
    ids: Sequence[str], pairs: pd.DataFrame, scores: np.ndarray, *, threshold: float, linkage: str = "average"
) -> np.ndarray:
    """A cluster number for each id, (n,), from the pairs that score at least `threshold`.

    "single" are the connected components: one wrong pair joins two products, and chains grow. The guard against that:
    "average" merges two clusters only where the mean score over all pairs across them is at least `threshold`, "complete"
    only where each is (scipy's agglomerative clustering within each component). A pair that is not given scores 0, of one
    that is given twice the higher score counts.
    """
    from scipy.sparse.csgraph import connected_components

    if linkage not in LINKAGES or not threshold > 0:
        raise ValueError(f"linkage is {', '.join(LINKAGES)} and threshold above 0, got {linkage!r} and {threshold}")
    given = pairs[["left", "right"]].assign(score=np.nan_to_num(np.asarray(scores, float)))
    given = given.groupby(["left", "right"], sort=False, as_index=False)["score"].max()
    rows, cols = (pd.Index(ids).get_indexer(given[side]) for side in ("left", "right"))
    lost = np.flatnonzero((rows < 0) | (cols < 0))
    if len(lost):
        raise ValueError(
            f"a pair names {tuple(given.loc[lost[0], ['left', 'right']])}, which are not both among the {len(ids)} ids"
        )
    shape = (len(ids), len(ids))
    similar = csr_array(coo_array((given["score"], (rows, cols)), shape=shape))
    similar = similar.maximum(similar.T)
    _, component = connected_components(similar >= threshold, directed=False)
    if linkage == "single":
        return component
    labels = np.arange(len(ids))
    for members in pd.Series(range(len(ids))).groupby(component).groups.values():
        if len(members) > 1:
            rows = np.asarray(members)
            labels[rows] = rows[_agglomerated(similar[rows][:, rows].toarray(), threshold, linkage)]
    return pd.factorize(labels)[0]


def _agglomerated(similar: np.ndarray, threshold: float, linkage: str) -> np.ndarray:
    """The first member of each row's cluster, (m, m) -> (m,)."""
    from scipy.cluster import hierarchy

    m = len(similar)
    distances = (1 - similar)[np.triu_indices(m, 1)]
    label = hierarchy.fcluster(hierarchy.linkage(distances, linkage), 1 - threshold + 1e-9, "distance")
    first = pd.Series(np.arange(m)).groupby(label).transform("min")
    return first.to_numpy()


def cluster_f1(predicted: Sequence, truth: Sequence) -> pd.DataFrame:
    """Precision, recall and F1 of a clustering, (n,) labels each, in three ways; a truth of None is a cluster of its own.

    `pairs`: over pairs in one cluster. `b-cubed`: averaged over items, the share of an item's cluster that is of its
    product, and of its product that is in its cluster (Bagga and Baldwin 1998). `exact`: clusters that are a whole product
    and nothing else, of all clusters and of all products (Menestrina, Whang and Garcia-Molina 2010).
    """
    from sklearn.metrics.cluster import contingency_matrix, pair_confusion_matrix

    truth = [("alone", i) if t is None else t for i, t in enumerate(truth)]
    found, true = pd.factorize(np.asarray(predicted))[0], pd.Series(truth, dtype=object).factorize()[0]
    (_, extra), (missed, both) = pair_confusion_matrix(true, found)
    table = contingency_matrix(true, found, sparse=True).tocoo()  # (products, clusters)
    products, sizes = np.bincount(true)[table.row], np.bincount(found)[table.col]
    whole = ((table.data == products) & (table.data == sizes)).sum()
    shares = [(table.data**2 / of).sum() / len(true) for of in (sizes, products)]
    return pd.DataFrame(
        {
            "pairs": _f1(_over(both, both + extra), _over(both, both + missed)),
            "b-cubed": _f1(*shares),
            "exact": _f1(whole / (found.max() + 1), whole / (true.max() + 1)),
        }
    ).T


def _f1(precision: float, recall: float) -> dict[str, float]:
    return {"precision": precision, "recall": recall, "f1": _over(2 * precision * recall, precision + recall)}


def _over(part: float, of: float) -> float:
    return float(part / of) if of else 0.0


def called_f1(pairs: pd.DataFrame, called: np.ndarray, matches: int) -> dict[str, float]:
    """Precision, recall and F1 of the called pairs over all `matches`, with those that blocking lost."""
    right = int((pairs["label"].to_numpy()[called] > 0).sum())
    return _f1(_over(right, called.sum()), _over(right, matches))


def near_duplicates(hashes: Embeddings, *, distance: int) -> pd.DataFrame:
    """Pairs of products whose perceptual hashes (encoder "phash") differ in at most `distance` bits: left, right, distance.

    The hash is of signs, d of them, so that a cosine is 1 - 2 * distance / d.
    """
    import faiss

    bits = hashes.vectors.shape[1]
    there = np.flatnonzero(hashes.present)
    if not len(there):
        raise ValueError(f"none of the {len(hashes)} products has a photo to hash")
    index = faiss.IndexFlatIP(bits)
    vectors = np.ascontiguousarray(hashes.vectors[there])
    index.add(vectors)
    limits, cosines, found = index.range_search(vectors, 1 - (2 * distance + 1) / bits)  # half-way to one bit more
    rows = np.repeat(np.arange(len(there)), np.diff(limits).astype(int))
    once = rows < found
    apart = np.rint((1 - cosines[once]) * bits / 2).astype(int)
    left, right = hashes.ids[there[rows[once]]], hashes.ids[there[found[once]]]
    frame = pd.DataFrame({"left": left, "right": right, "distance": apart})
    return frame.sort_values("distance", kind="stable", ignore_index=True)
