"""From scores of pairs to decisions: an assignment of listings, clusters, copies of photos.

It also holds what clusters are worth. Where pairs and scores come from is in `matching.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csr_array

from lib.encoders.embeddings import Embeddings

LINKAGES = ("single", "average", "complete")


def one_to_one(pairs: pd.DataFrame, scores: np.ndarray, *, threshold: float) -> np.ndarray:
    """The pairs of the best assignment, (p,) bool: no listing stands in two of them.

    The sum of their scores, less `threshold` each, is the largest. Pairs below the threshold are
    never taken, and a listing may stay alone.
    """
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    scores = np.asarray(scores, float)
    chosen = np.zeros(len(scores), bool)
    kept = np.flatnonzero(scores >= threshold)
    if not len(kept):
        return chosen
    left, right = (pd.factorize(pairs[side].to_numpy()[kept])[0] for side in ("left", "right"))
    n, m = left.max() + 1, right.max() + 1
    # scipy wants everyone matched: each left listing has a partner of its own that gains nothing;
    # costs start at 1, since a cost of 0 is no edge
    best = scores[kept].max()
    cost = np.concatenate([best - scores[kept], np.full(n, best - threshold)]) + 1
    cells = np.append(left, np.arange(n)), np.append(right, m + np.arange(n))
    costs = csr_array(coo_array((cost, cells), shape=(n, m + n)))
    _, partner = min_weight_full_bipartite_matching(costs)
    chosen[kept[partner[left] == right]] = True
    return chosen


def clusters(
    ids: Sequence[str],
    pairs: pd.DataFrame,
    scores: np.ndarray,
    *,
    threshold: float,
    linkage: str = "average",
) -> np.ndarray:
    """A cluster number for each id, (n,), from the pairs that score at least `threshold`.

    "single" joins what any pair joins (connected components): one wrong pair joins two products,
    and chains grow. "average" merges two clusters only where the mean score over all pairs across
    them is at least `threshold`, "complete" only where each is. A pair that is not given scores 0;
    of one that is given twice the higher score counts.
    """
    from scipy.cluster.hierarchy import fcluster
    from scipy.cluster.hierarchy import linkage as merges
    from scipy.sparse.csgraph import connected_components

    if linkage not in LINKAGES or not threshold > 0:
        known = ", ".join(LINKAGES)
        raise ValueError(
            f"linkage is one of {known} and threshold above 0, got {linkage!r} and {threshold}"
        )
    similar = _similarities(pd.Index(ids), pairs, scores)
    _, component = connected_components(similar >= threshold, directed=False)
    inside = np.zeros(len(component), int)  # the cluster's number within its component
    for rows in pd.Series(component).groupby(component).indices.values():
        if len(rows) > 2 and linkage != "single":  # two belong together, whatever the linkage
            block = similar[rows][:, rows].toarray()
            distances = 1 - block[np.triu_indices(len(rows), 1)]
            tree = merges(distances, linkage)
            inside[rows] = fcluster(tree, 1 - threshold + 1e-9, "distance")
    return pd.factorize(component * (len(ids) + 1) + inside)[0]


def _similarities(ids: pd.Index, pairs: pd.DataFrame, scores: np.ndarray) -> csr_array:
    """Symmetric scores, (n, n); 0 where no pair is given or its score is NaN."""
    given = pairs[["left", "right"]].assign(score=np.nan_to_num(np.asarray(scores, float)))
    given = given.groupby(["left", "right"])["score"].max()
    rows, cols = (ids.get_indexer(given.index.get_level_values(side)) for side in given.index.names)
    lost = (rows < 0) | (cols < 0)
    if lost.any():
        raise ValueError(
            f"a pair names {given.index[lost.argmax()]}, which are not both among the ids; "
            "give the ids of all listings"
        )
    similar = csr_array(coo_array((given, (rows, cols)), shape=(len(ids), len(ids))))
    return similar.maximum(similar.T)


def cluster_f1(predicted: Sequence, truth: Sequence) -> pd.DataFrame:
    """Precision, recall and F1 of a clustering in three ways, from labels, (n,) each.

    `pairs`: over pairs in one cluster. `b-cubed`: averaged over items, the share of an item's
    cluster that is of its product, and of its product that is in its cluster (Bagga and Baldwin
    1998). `exact`: clusters that are a whole product and nothing else, of all clusters and of all
    products (Menestrina, Whang and Garcia-Molina 2010). A truth of None is a product of its own.
    """
    from sklearn.metrics.cluster import contingency_matrix, pair_confusion_matrix

    found = pd.factorize(np.asarray(predicted))[0]
    alone = [("alone", row) if label is None else label for row, label in enumerate(truth)]
    true = pd.factorize(pd.Series(alone, dtype=object))[0]
    (_, extra), (missed, both) = pair_confusion_matrix(true, found)
    table = contingency_matrix(true, found, sparse=True).tocoo()  # (products, clusters)
    of_product, of_cluster = np.bincount(true)[table.row], np.bincount(found)[table.col]
    whole = ((table.data == of_product) & (table.data == of_cluster)).sum()
    squares = table.data**2
    rows = {
        "pairs": (_share(both, both + extra), _share(both, both + missed)),
        "b-cubed": [(squares / size).sum() / len(true) for size in (of_cluster, of_product)],
        "exact": (whole / (found.max() + 1), whole / (true.max() + 1)),
    }
    return pd.DataFrame({name: _with_f1(*shares) for name, shares in rows.items()}).T


def _with_f1(precision: float, recall: float) -> dict[str, float]:
    f1 = _share(2 * precision * recall, precision + recall)
    return {"precision": precision, "recall": recall, "f1": f1}


def _share(part: float, of: float) -> float:
    return float(part / of) if of else 0.0


def near_duplicates(hashes: Embeddings, *, distance: int) -> pd.DataFrame:
    """Pairs of products whose perceptual hashes (encoder "phash") differ in few bits.

    Columns: left, right, distance, nearest first. The hash is of signs, d of them, so a cosine is
    1 - 2 * distance / d.
    """
    import faiss

    there = np.flatnonzero(hashes.present)
    if not len(there):
        raise ValueError(f"none of the {len(hashes)} products has a photo to hash")
    vectors, bits = np.ascontiguousarray(hashes.vectors[there]), hashes.vectors.shape[1]
    index = faiss.IndexFlatIP(bits)
    index.add(vectors)
    half_a_bit_more = 1 - (2 * distance + 1) / bits
    limits, cosines, found = index.range_search(vectors, half_a_bit_more)
    rows = np.repeat(np.arange(len(there)), np.diff(limits).astype(int))
    once = rows < found
    frame = pd.DataFrame(
        {
            "left": hashes.ids[there[rows[once]]],
            "right": hashes.ids[there[found[once]]],
            "distance": np.rint((1 - cosines[once]) * bits / 2).astype(int),
        }
    )
    return frame.sort_values("distance", kind="stable", ignore_index=True)
