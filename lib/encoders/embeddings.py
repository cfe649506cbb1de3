"""`Embeddings`, and `embed()`, which makes them with progress and a content-addressed cache.

Vectors come from an encoder; nothing here knows what a product is made of.
"""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse
from tqdm import tqdm

from lib.data.catalogue import Catalogue
from lib.encoders.base import Encoder
from lib.files import DATA, write_atomically

DEFAULT = DATA / "cache"
CHUNK = 256  # items between two writes: what an interruption can cost


@dataclass(frozen=True)
class Embeddings:
    """One vector per product: `vectors` (n, d) float32 with unit rows, dense or a csr_array.

    An all-zero row says that the product lacks this modality. Lexical encoders give csr_arrays:
    a hundred thousand trigrams wide, they would not fit in memory as dense rows.

    >>> made = Embeddings("toy", np.array(["mug", "shoe"]), np.array([[3, 4], [0, 0]]))
    >>> made.vectors
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    >>> made.present
    array([ True, False])
    """

    name: str
    ids: np.ndarray  # (n,)
    vectors: np.ndarray | csr_array  # (n, d)
    seconds: float = 0.0  # that `embed` took; small where the cache had the vectors

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or len(self.ids) != self.vectors.shape[0]:
            raise ValueError(
                f"embeddings {self.name!r}: {len(self.ids)} ids do not fit vectors of shape "
                f"{self.vectors.shape}"
            )
        object.__setattr__(self, "vectors", _unit_rows(self.vectors, self.name))

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Embeddings({self.name!r}, {len(self)} x {self.vectors.shape[1]})"

    @property
    def present(self) -> np.ndarray:
        """Which products have this modality, (n,) bool."""
        return _norms(self.vectors) > 0

    def take(self, rows: np.ndarray | Sequence[int]) -> Embeddings:
        """Some rows, by position or boolean mask, in the order given."""
        return Embeddings(self.name, self.ids[np.asarray(rows)], self.vectors[np.asarray(rows)])


def embed(
    encoder: Encoder, catalogue: Catalogue, *, cache: Path | str | None = DEFAULT
) -> Embeddings:
    """Encode a catalogue; what the cache has is not encoded again.

    >>> shop = load("bazaar", rows=240).catalogue
    >>> made = embed(encoder("tfidf").fit(shop), shop)
    >>> made.name, made.vectors.shape
    ('tfidf(title,word,1-1)', (240, 313))

    The cache's key is a hash of encoder name, fitted state and the item's content, so a renamed
    file or a reordered catalogue hits and a changed title misses. Items are encoded longest first
    in chunks that are written as they are done: interrupted work resumes. `cache=None` keeps
    nothing. Encoders that are faster than a disk (`state` None) are not cached.
    """
    start = time.perf_counter()
    state = None if cache is None else encoder.state
    if state is None:
        vectors = encoder.encode(catalogue)
    else:
        vectors = _encode_cached(encoder, catalogue, Shelf(Path(cache), encoder.name, state))
    return Embeddings(encoder.name, catalogue.ids, vectors, seconds=time.perf_counter() - start)


def _encode_cached(encoder: Encoder, catalogue: Catalogue, shelf: Shelf) -> np.ndarray:
    contents = encoder.contents(catalogue)
    keys = [None if content is None else _digest(content) for content in contents]
    known = shelf.read()
    # equal items are encoded once: the first of them
    lacking = {k: i for i, k in reversed(list(enumerate(keys))) if k and k not in known}
    # the longest first, so that memory runs out at once or never
    order = sorted(lacking.items(), key=lambda item: -len(contents[item[1]]))
    hidden = None if order else True  # None: shown in a terminal alone
    with tqdm(total=len(order), desc=encoder.name[:40], unit="item", disable=hidden) as bar:
        for first in range(0, len(order), CHUNK):
            chunk = order[first : first + CHUNK]
            vectors = encoder.encode(catalogue.take([i for _, i in chunk]))  # (c, d)
            known |= shelf.write([k for k, _ in chunk], vectors)
            bar.update(len(chunk))
    if not known:  # every row is missing: the encoder alone knows how wide they are
        return encoder.encode(catalogue)
    vectors = np.zeros((len(catalogue), len(next(iter(known.values())))), np.float32)  # (n, d)
    for row, key in enumerate(keys):
        if key:
            vectors[row] = known[key]
    return vectors


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


class Shelf:
    """One encoder's part of the cache: files of (key, vector) rows, named by their bytes' hash.

    Files appear whole, by a rename, and are never changed, so that several processes may read and
    write at once. A file whose bytes do not match its name is damaged: a warning names it, and it
    is removed.
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
            if _digest(data).hex() != path.stem:
                said = f"cache entry {path.name} is damaged; its items are encoded again"
                warnings.warn(said, stacklevel=4)
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
        write_atomically(self.folder / f"{_digest(data).hex()}.safetensors", data)
        return dict(zip(keys, vectors, strict=True))


def _norms(vectors: np.ndarray | csr_array) -> np.ndarray:
    """Lengths (n,), summed in float64: in float32 a very short row would pass for missing."""
    if issparse(vectors):
        return np.sqrt((vectors.astype(float) ** 2).sum(axis=1))
    return np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=float))


def _unit_rows(vectors: np.ndarray | csr_array, name: str) -> np.ndarray | csr_array:
    sparse = issparse(vectors)
    vectors = csr_array(vectors, dtype=np.float32) if sparse else np.asarray(vectors, np.float32)
    norms = _norms(vectors)  # (n,)
    if not np.isfinite(norms).all():
        row = int(np.argmin(np.isfinite(norms)))
        raise ValueError(
            f"embeddings {name!r}: row {row} is not finite; the encoder gave NaN or infinity for it"
        )
    scale = np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
    if sparse:
        return csr_array(vectors.multiply(scale[:, None]), dtype=np.float32)
    return (vectors * scale[:, None]).astype(np.float32)


def cost(encoder: Encoder, embeddings: Embeddings) -> dict[str, Any]:
    """What an encoder needs: learned `parameters` (0: none), `dimensions`, and `seconds`."""
    return {
        "modality": encoder.modality,
        "parameters": getattr(encoder, "parameters", 0),
        "dimensions": embeddings.vectors.shape[1],
        "seconds": embeddings.seconds,
    }


def hide(embeddings: Embeddings, share: float, *, seed: int = 0) -> Embeddings:
    """The embeddings with a random share of rows missing (zero).

    A row that is hidden at one share is hidden at every larger share.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is from 0 to 1, got {share}")
    gone = np.random.default_rng(seed).permutation(len(embeddings)) < round(share * len(embeddings))
    vectors = embeddings.vectors.copy()
    if isinstance(vectors, np.ndarray):
        vectors[gone] = 0
    else:
        vectors.data[np.repeat(gone, np.diff(vectors.indptr))] = 0
    return Embeddings(f"{embeddings.name}, {share:.0%} hidden", embeddings.ids, vectors)
