"""`apply`: a pipeline over a whole catalogue, written as files that other programs read."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import eye_array, issparse

from lib.data.dataset import Dataset
from lib.deploy.pipeline import fit_pipelines, nbytes
from lib.encoders import Embeddings
from lib.files import whole_folder, write_atomically
from lib.search import Ranking, search

PACKAGES = ("akin", "numpy", "scipy", "scikit-learn", "pandas", "faiss-cpu", "torch", "pyarrow")


def apply(
    data: Dataset,
    settings: Sequence[dict],
    to: str | Path,
    *,
    name: str = "pipeline",
    neighbours: int = 10,
    threshold: float = 0.9,
) -> dict:
    """Encode every listing, find its neighbours, and write a folder; returns its manifest.

    neighbours.parquet has product, rank (from 1), neighbour and score; vectors.parquet the vectors,
    unit rows (of sparse ones the columns and values that are not 0); duplicates.csv the pairs of
    at least `threshold`, best first, with both titles; manifest.json every setting, the data's
    digest, versions and the files' hashes. A duplicate is a likely one: the threshold is a cosine
    that nobody has judged. The folder appears whole or not at all.
    """
    if neighbours < 1:
        raise ValueError(f"neighbours is 1 or more, got {neighbours}")
    start, catalogue = time.perf_counter(), data.listings
    made, lost = fit_pipelines({name: settings}, catalogue)
    if lost:
        raise ValueError(f"the pipeline cannot be applied to {data.name}: {lost[name]}")
    vectors = made[name].embed(catalogue)
    itself = eye_array(len(catalogue), format="csr")
    found = search(vectors, vectors, neighbours, exclude=itself)
    pairs = duplicates(found, catalogue.ids, threshold)
    for side in ("left", "right"):
        pairs[f"{side}_title"] = catalogue.items["title"].reindex(pairs[side]).to_numpy()
    manifest = {
        "pipeline": name,
        "settings": list(settings),
        "encoders": made[name].encoders,
        "states": [part.encoder.state for part in made[name].parts],
        "weights": made[name].weights,
        "neighbours": neighbours,
        "threshold": threshold,
        "data": {"name": data.name, "digest": data.digest, "listings": len(catalogue)},
        "without vector": int((~vectors.present).sum()),
        "dimensions": int(vectors.vectors.shape[1]),
        "bytes of vectors": nbytes(vectors),
        "likely duplicates": len(pairs),
        "seconds": round(time.perf_counter() - start, 3),
        "versions": {p: importlib.metadata.version(p) for p in PACKAGES}
        | {"python": platform.python_version()},
    }
    with whole_folder(Path(to)) as folder:
        neighbour_table(found, catalogue.ids).to_parquet(folder / "neighbours.parquet")
        vector_table(vectors).to_parquet(folder / "vectors.parquet")
        pairs.to_csv(folder / "duplicates.csv", index=False)
        manifest["files"] = {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(folder.iterdir())
        }
        text = json.dumps(manifest, indent=1, ensure_ascii=False, default=str)
        write_atomically(folder / "manifest.json", text.encode())
    return manifest


def neighbour_table(found: Ranking, ids: np.ndarray) -> pd.DataFrame:
    """A ranking as rows: product, rank (from 1), neighbour, score."""
    product, rank = np.nonzero(found.positions >= 0)
    neighbour = ids[found.positions[product, rank]]
    columns = {"product": ids[product], "rank": rank + 1, "neighbour": neighbour}
    return pd.DataFrame(columns | {"score": found.scores[product, rank]})


def vector_table(vectors: Embeddings) -> pd.DataFrame:
    """One row a product: its vector, or the columns and values of a sparse one."""
    rows = vectors.vectors
    if not issparse(rows):
        return pd.DataFrame({"product": vectors.ids, "vector": list(rows)})
    ends = rows.indptr[1:-1]
    columns, values = np.split(rows.indices, ends), np.split(rows.data, ends)
    return pd.DataFrame({"product": vectors.ids, "columns": columns, "values": values})


def duplicates(found: Ranking, ids: np.ndarray, threshold: float) -> pd.DataFrame:
    """Pairs with at least this score, each once, best first: left, right, score, mutual.

    `mutual` says that each of the two is the other's nearest.
    """
    left, rank = np.nonzero((found.positions >= 0) & (found.scores >= threshold))
    right = found.positions[left, rank]
    nearest = found.positions[:, 0]
    pairs = pd.DataFrame({"left": np.minimum(left, right), "right": np.maximum(left, right)})
    pairs["score"] = found.scores[left, rank]
    pairs["mutual"] = (nearest[pairs["left"]] == pairs["right"]) & (
        nearest[pairs["right"]] == pairs["left"]
    )
    pairs = pairs.drop_duplicates(["left", "right"])
    pairs = pairs.sort_values(["score", "left", "right"], ascending=[False, True, True])
    return pairs.assign(left=ids[pairs["left"]], right=ids[pairs["right"]]).reset_index(drop=True)
