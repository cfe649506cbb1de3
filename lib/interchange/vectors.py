"""Embeddings as Parquet, dense or sparse, and as `.npy` with a list of ids. Nothing is pickled or unpickled."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, issparse

from lib.embeddings import Embeddings
from lib.files import write_atomically
from lib.interchange.lines import read_lines, write_lines

if TYPE_CHECKING:
    import pyarrow as pa


def write_embeddings(path: Path | str, embeddings: Embeddings) -> None:
    """Vectors and ids as `.parquet` (columns id and vector; indices and values where sparse) or as `.npy`.

    `.npy` holds dense vectors, (n, d) float32; their ids stand one a line in <name>.ids.txt beside it. Raises ValueError
    for sparse vectors and for ids that are not one line.
    """
    path = Path(path)
    if _kind(path) == ".parquet":
        write_atomically(path, _to_parquet(embeddings))
        return
    if issparse(embeddings.vectors):
        raise ValueError(f"{embeddings.name!r} is sparse and .npy holds dense vectors; write {path.stem}.parquet")
    ids = [str(i) for i in embeddings.ids]
    lost = [i for i in ids if not i.strip() or len(i.splitlines()) != 1]
    if lost:
        raise ValueError(f"{path.name}: ids stand one a line, {lost[0]!r} cannot; write {path.stem}.parquet")
    data = io.BytesIO()
    np.save(data, embeddings.vectors, allow_pickle=False)
    write_lines(_ids_file(path), ids)
    write_atomically(path, data.getvalue())


def read_embeddings(path: Path | str) -> Embeddings:
    """Vectors that `write_embeddings` or another tool left, scaled to unit length; a `.npy` is named as its file."""
    path = Path(path)
    if _kind(path) == ".parquet":
        return _from_parquet(path)
    try:
        vectors = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} is no array of numbers in NumPy's format: {error}") from error
    ids = [line for _, line in read_lines(_ids_file(path))]
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or len(vectors) != len(ids):
        shape = getattr(vectors, "shape", "no shape")
        raise ValueError(f"{path} holds {shape}, and {_ids_file(path).name} {len(ids)} ids; needs (n, d) and n")
    return Embeddings(path.stem, np.array(ids, dtype=object), vectors)


def _to_parquet(embeddings: Embeddings) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    vectors, d = embeddings.vectors, embeddings.vectors.shape[1]
    columns = {"id": pa.array([str(i) for i in embeddings.ids], pa.string())}
    if issparse(vectors):
        columns["indices"] = pa.ListArray.from_arrays(vectors.indptr, pa.array(vectors.indices, pa.int32()))
        columns["values"] = pa.ListArray.from_arrays(vectors.indptr, pa.array(vectors.data, pa.float32()))
    else:
        columns["vector"] = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel(), pa.float32()), d)
    about = json.dumps({"name": embeddings.name, "dimensions": d})
    data = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata({"akin": about}), data)
    return data.getvalue()


def _from_parquet(path: Path) -> Embeddings:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} is no Parquet file: {error}") from error
    about = json.loads((table.schema.metadata or {}).get(b"akin", b"{}"))
    names = set(table.column_names)
    if "id" not in names or not ({"vector"} <= names or {"indices", "values"} <= names):
        raise ValueError(f"{path} has the columns {table.column_names}; needs id and vector, or id, indices and values")
    ids = np.array([str(i) for i in table["id"].to_pylist()], dtype=object)
    vectors = _dense(table, path) if "vector" in names else _sparse(table, path, about.get("dimensions"))
    return Embeddings(about.get("name", path.stem), ids, vectors)


def _dense(table: pa.Table, path: Path) -> np.ndarray:
    rows = table["vector"].combine_chunks()
    lengths = {len(row) if row.is_valid else None for row in rows}
    if None in lengths or len(lengths) > 1:
        raise ValueError(f"{path}: every vector needs as many numbers, got lengths {sorted(map(str, lengths))[:5]}")
    return np.asarray(rows.flatten(), np.float32).reshape(len(rows), -1)  # (n, d)


def _sparse(table: pa.Table, path: Path, d: int | None) -> csr_array:
    indices, values = (table[name].combine_chunks() for name in ("indices", "values"))
    if indices.null_count or values.null_count or not indices.value_lengths().equals(values.value_lengths()):
        raise ValueError(f"{path}: every row needs as many indices as values")
    columns = np.asarray(indices.flatten(), np.int64)
    wide = int(columns.max(initial=-1)) + 1 if d is None else d
    if columns.min(initial=0) < 0 or columns.max(initial=-1) >= wide:
        raise ValueError(f"{path}: an index lies outside the {wide} dimensions")
    starts = np.concatenate([[0], np.cumsum(np.asarray(indices.value_lengths(), np.int64))])
    return csr_array((np.asarray(values.flatten(), np.float32), columns, starts), shape=(len(indices), wide))


def _kind(path: Path) -> str:
    if path.suffix not in (".parquet", ".npy"):
        raise ValueError(f"embeddings are kept as .parquet or .npy, got {path.name!r}")
    return path.suffix


def _ids_file(path: Path) -> Path:
    return path.with_suffix(".ids.txt")
