"""`Embeddings` and how they are made: `embed()` with progress and a content-addressed cache.

Vectors come from an encoder (see `encoders/`); nothing here knows what a product is made of.
"""

from __future__ import annotations

import hashlib
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array, issparse
from tqdm import tqdm

from lib.catalogue import Catalogue
from lib.encoders.base import Encoder
from lib.files import DATA, write_atomically

DEFAULT = DATA / "cache"
CHUNK = 256  # items between two writes: what an interruption can cost


@dataclass(frozen=True)
class Embeddings:
    """One vector per product: `vectors` (n, d) float32 with unit rows, dense or a csr_array.

    An all-zero row says that the product lacks this modality. Lexical encoders give csr_arrays:
    a hundred thousand trigrams wide, they would not fit in memory as dense rows.
    """

    name: str
    ids: np.ndarray  # (n,)
    vectors: np.ndarray | csr_array  # (n, d)

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or len(self.ids) != self.vectors.shape[0]:
            raise ValueError(f"embeddings {self.name!r}: {len(self.ids)} ids do not fit vectors of shape {self.vectors.shape}")
        object.__setattr__(self, "vectors", _unit_rows(self.vectors, self.name))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def present(self) -> np.ndarray:
        """Which products have this modality, (n,) bool."""
        return _norms(self.vectors) > 0

    def take(self, rows: np.ndarray | Sequence[int]) -> Embeddings:
        """Some rows, by position or boolean mask, in the order given."""
        return Embeddings(self.name, self.ids[np.asarray(rows)], self.vectors[np.asarray(rows)])


class Stopwatch:
    """Seconds spent in `embed` by this process: what a report shows as encoding time."""

    seconds = 0.0


def embed(encoder: Encoder, catalogue: Catalogue, *, cache: Path | str | None = DEFAULT) -> Embeddings:
    """Encode a catalogue, taking from the cache what it has.

    The cache's key is a hash of encoder name, fitted state and the item's content, so a renamed file or a
    reordered catalogue hits and a changed title misses. Items are encoded longest first in chunks that
    are written as they are done: interrupted work resumes. `cache=None` keeps nothing. Encoders that are
    faster than a disk (`state` None) are not cached.
    """
    start = time.perf_counter()
    state = encoder.state if cache is not None else None
    if state is None:
        vectors = encoder.encode(catalogue)
    else:
        vectors = _encode_cached(encoder, catalogue, Shelf(Path(cache), encoder.name, state))
    Stopwatch.seconds += time.perf_counter() - start
    return Embeddings(encoder.name, catalogue.ids, vectors)


def _encode_cached(encoder: Encoder, catalogue: Catalogue, shelf: Shelf) -> np.ndarray:
    contents = encoder.contents(catalogue)
    keys = [None if c is None else hashlib.blake2b(c, digest_size=16).digest() for c in contents]
    known = shelf.read()
    # equal items are encoded once; the longest first, so that memory runs out at once or never
    lacking = {k: i for i, k in reversed(list(enumerate(keys))) if k is not None and k not in known}
    order = sorted(lacking.items(), key=lambda item: -len(contents[item[1]]))
    with tqdm(total=len(order), desc=encoder.name[:40], unit="item", disable=not (order and sys.stderr.isatty())) as bar:
        for first in range(0, len(order), CHUNK):
            chunk = order[first : first + CHUNK]
            vectors = encoder.encode(catalogue.take([i for _, i in chunk]))  # (c, d)
            known |= shelf.write([k for k, _ in chunk], vectors)
            bar.update(len(chunk))
    if not known:
        return encoder.encode(catalogue)  # every row is missing: the encoder alone knows how wide they are
    vectors = np.zeros((len(catalogue), len(next(iter(known.values())))), np.float32)  # (n, d)
    for row, key in enumerate(keys):
        if key is not None:
            vectors[row] = known[key]
    return vectors


class Shelf:
    """One encoder's part of the cache: files of (key, vector) rows, each named by the hash of its own bytes.

    Files appear whole, by a rename, and are never changed, so that several processes may read and write
    at once; a file whose bytes do not match its name is damaged, said so and dropped.
    """

    def __init__(self, root: Path, name: str, state: str) -> None:
        self.folder = root / hashlib.sha256(f"{name}\n{state}".encode()).hexdigest()[:24]

    def read(self) -> dict[bytes, np.ndarray]:
        """Every vector on the shelf by the key of its item."""
        from safetensors.numpy import load

        known: dict[bytes, np.ndarray] = {}
        for path in sorted(self.folder.glob("*.safetensors")):
            try:
                data = path.read_bytes()
            except FileNotFoundError:  # another process found it damaged
                continue
            if hashlib.blake2b(data, digest_size=16).hexdigest() != path.stem:
                warnings.warn(f"cache entry {path.name} is damaged; its items are encoded again", stacklevel=4)
                path.unlink(missing_ok=True)
                continue
            chunk = load(data)
            known |= {k.tobytes(): v for k, v in zip(chunk["keys"], chunk["vectors"], strict=True)}
        return known

    def write(self, keys: Sequence[bytes], vectors: np.ndarray) -> dict[bytes, np.ndarray]:
        """Store a chunk and return it."""
        from safetensors.numpy import save

        vectors = np.ascontiguousarray(vectors, np.float32)
        rows = np.frombuffer(b"".join(keys), np.uint8).reshape(len(keys), 16)
        data = save({"keys": rows, "vectors": vectors})
        write_atomically(self.folder / f"{hashlib.blake2b(data, digest_size=16).hexdigest()}.safetensors", data)
        return dict(zip(keys, vectors, strict=True))


def _norms(vectors: np.ndarray | csr_array) -> np.ndarray:
    # squares in float64: in float32 those of a very short row would vanish, and it would pass for missing
    if issparse(vectors):
        squares = csr_array((vectors.data.astype(float) ** 2, vectors.indices, vectors.indptr), vectors.shape)
        return np.sqrt(squares.sum(axis=1))
    return np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=float))


def _unit_rows(vectors: np.ndarray | csr_array, name: str) -> np.ndarray | csr_array:
    sparse = issparse(vectors)
    vectors = csr_array(vectors, dtype=np.float32) if sparse else np.asarray(vectors, np.float32)
    norms = _norms(vectors)  # (n,)
    if not np.isfinite(norms).all():
        row = int(np.flatnonzero(~np.isfinite(norms))[0])
        raise ValueError(f"embeddings {name!r}: row {row} is not finite; the encoder gave NaN or infinity for it")
    scale = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
    if sparse:
        return csr_array(vectors.multiply(scale[:, None]), dtype=np.float32)
    return (vectors * scale[:, None]).astype(np.float32)
