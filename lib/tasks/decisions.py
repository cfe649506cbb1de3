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
    never taken, and a listing may stay alone. Of a pair that is given twice only the best score
    can be taken, of equal ones the first.
    """
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    scores = np.asarray(scores, float)
    chosen = np.zeros(len(scores), bool)
    kept = np.flatnonzero(scores >= threshold)
    if not len(kept):
        return chosen
    kept = kept[np.argsort(-scores[kept], kind="stable")]
    # scipy would add the costs of a pair that comes twice
    kept = kept[~pairs[["left", "right"]].iloc[kept].duplicated().to_numpy()]
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


def similarities(ids: Sequence[str], pairs: pd.DataFrame, scores: np.ndarray) -> csr_array:
    """Symmetric scores of the ids' pairs, (n, n); 0 where no pair is given or its score is NaN.

    Of a pair that is given twice the higher score counts.
    """
    known = pd.Index(ids)
    rows, columns = (known.get_indexer(pairs[side]) for side in ("left", "right"))
    lost = (rows < 0) | (columns < 0)
    if lost.any():
        named = pairs[["left", "right"]].iloc[lost.argmax()].tolist()
        raise ValueError(
            f"a pair names {named}, which are not both among the ids; give the ids of all listings"
        )
    given = pd.DataFrame({"row": rows, "column": columns, "score": np.nan_to_num(scores)})
    given = given.groupby(["row", "column"], as_index=False).max()
    cells = (given["row"], given["column"])
    similar = csr_array(coo_array((given["score"], cells), shape=(len(known), len(known))))
    return similar.maximum(similar.T)


def clusters(similar: csr_array, *, threshold: float, linkage: str = "average") -> np.ndarray:
    """A cluster number for each listing, (n,), from symmetric similarities in [0, 1], (n, n).

    "single" joins what any pair of at least `threshold` joins (connected components): one wrong
    pair joins two products, and chains grow. "average" merges two clusters only where the mean
    similarity of all pairs across them is at least `threshold`, "complete" only where each is.
    """
    from scipy.cluster.hierarchy import fcluster
    from scipy.cluster.hierarchy import linkage as merges
    from scipy.sparse.csgraph import connected_components

    if linkage not in LINKAGES or not threshold > 0:
        known = ", ".join(LINKAGES)
        raise ValueError(
            f"linkage is one of {known} and threshold above 0, got {linkage!r} and {threshold}"
        )
    _, component = connected_components(similar >= threshold, directed=False)
    inside = np.zeros(len(component), int)  # the cluster's number within its component
    for rows in pd.Series(component).groupby(component).indices.values():
        if len(rows) > 2 and linkage != "single":  # two belong together, whatever the linkage
            block = similar[rows][:, rows].toarray()
            distances = 1 - block[np.triu_indices(len(rows), 1)]
            tree = merges(distances, linkage)
            inside[rows] = fcluster(tree, 1 - threshold + 1e-9, "distance")
    return pd.factorize(component * (len(component) + 1) + inside)[0]


def cluster_f1(predicted: Sequence, truth: Sequence) -> dict[str, float]:
    """The F1 of a clustering in two ways, from labels, (n,) each.

    `pairs`: over pairs in one cluster. `b-cubed`: precision and recall are averaged over items:
    the share of an item's cluster that is of its product, and of its product that is in its
    cluster (Bagga and Baldwin 1998). A truth of None is a product of its own.
    """
    from sklearn.metrics.cluster import contingency_matrix, pair_confusion_matrix

    alone = [("alone", row) if label is None else label for row, label in enumerate(truth)]
    true = pd.factorize(pd.Series(alone, dtype=object))[0]
    found = pd.factorize(np.asarray(predicted))[0]
    (_, extra), (missed, both) = pair_confusion_matrix(true, found)
    table = contingency_matrix(true, found, sparse=True).tocoo()  # (products, clusters)
    sizes = np.bincount(found)[table.col], np.bincount(true)[table.row]
    precision, recall = ((table.data**2 / size).sum() / len(true) for size in sizes)
    return {
        "pairs": float(2 * both / max(1, 2 * both + extra + missed)),
        "b-cubed": float(2 * precision * recall / (precision + recall)),
    }


def near_duplicates(hashes: Embeddings, *, distance: int) -> pd.DataFrame:
    """Pairs of products whose perceptual hashes (encoder "phash") differ in few bits.

    Columns: left, right, distance, nearest first. A hash is of signs: each bit that differs is 2.
    """
    from scipy.spatial import KDTree

    hashed = hashes.take(hashes.present)
    signs = np.sign(hashed.vectors)
    near = KDTree(signs).query_pairs(2 * distance, p=1, output_type="ndarray")  # (pairs, 2)
    left, right = near[np.lexsort(near.T[::-1])].T
    bits = (signs[left] != signs[right]).sum(axis=1)
    pairs = pd.DataFrame({"left": hashed.ids[left], "right": hashed.ids[right], "distance": bits})
    return pairs.sort_values("distance", kind="stable", ignore_index=True)
