"""A `Pipeline`: one encoder, or several and the weights of their concatenation.

It is what a decision is about: written as a few literals, fitted once, applied to any catalogue.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from scipy.sparse import issparse

from lib.data.catalogue import Catalogue
from lib.encoders import REGISTRY, Embeddings, Encoder, embed, encoder
from lib.fusion import concat

Settings = Mapping[str, object] | Sequence[Mapping[str, object]]


class Part:
    """A fitted encoder that remembers the catalogues it has encoded, for pipelines share parts."""

    def __init__(self, fitted: Encoder) -> None:
        self.encoder = fitted
        self._known: dict[int, tuple[Catalogue, Embeddings]] = {}

    def embed(self, catalogue: Catalogue) -> Embeddings:
        """The vectors of a catalogue; the same object is not encoded again."""
        if id(catalogue) not in self._known:  # the catalogue is kept too, so that its id stays
            self._known[id(catalogue)] = catalogue, embed(self.encoder, catalogue)
        return self._known[id(catalogue)][1]


@dataclass(frozen=True)
class Pipeline:
    """Fitted parts and their weights; `settings` are the literals that it was made of."""

    name: str
    settings: list[dict]
    parts: list[Part]
    weights: list[float]

    @property
    def encoders(self) -> list[str]:
        """The parts' full names, which spell out every setting."""
        return [part.encoder.name for part in self.parts]

    @property
    def modalities(self) -> set[str]:
        """What it reads: text, image, …"""
        return {part.encoder.modality for part in self.parts}

    def embed(self, catalogue: Catalogue) -> Embeddings:
        """One vector a product, (n, d): the concatenation of the parts that it has."""
        made = [part.embed(catalogue) for part in self.parts]
        return made[0] if len(made) == 1 else concat(made, self.weights)

    def cost(self, catalogue: Catalogue, *, sample: int = 200) -> dict[str, float]:
        """Seconds to encode a million products, and bytes of their vectors, from a sample.

        The cache is not used. Fitting and search are not counted.
        """
        some = catalogue.take(np.random.default_rng(0).permutation(len(catalogue))[:sample])
        start = time.perf_counter()
        for part in self.parts:
            part.encoder.encode(some)
        seconds = time.perf_counter() - start
        million = 1e6 / len(some)
        size = nbytes(self.embed(some)) * million
        return {"seconds per million": seconds * million, "bytes per million": size}


def nbytes(vectors: Embeddings) -> int:
    """How many bytes the vectors take in memory."""
    rows = vectors.vectors
    if not issparse(rows):
        return int(rows.nbytes)
    return int(rows.data.nbytes + rows.indices.nbytes + rows.indptr.nbytes)


def fit_pipelines(
    pipelines: Mapping[str, Settings], catalogue: Catalogue
) -> tuple[dict[str, Pipeline], dict[str, str]]:
    """Each pipeline fitted on a catalogue, and why each of the others was left out.

    A pipeline is one encoder's settings or a list of them, each with its `weight` (1 unless given).
    Pipelines with an equal part share it. Left out is what finds nothing to read in the catalogue,
    or whose weights are not on this machine.
    """
    parts: dict[str, Part] = {}
    made, lost = {}, {}
    for name, settings in pipelines.items():
        listed = [
            dict(part) for part in ([settings] if isinstance(settings, Mapping) else settings)
        ]
        if not listed:
            raise ValueError(f"pipeline {name!r} has no part; it needs at least one encoder")
        try:
            fitted = [_part(part, catalogue, parts) for part in listed]
        except (RuntimeError, FileNotFoundError, LookupError) as error:
            lost[name] = str(error).splitlines()[0]
            continue
        made[name] = Pipeline(name, listed, fitted, [float(p.get("weight", 1)) for p in listed])
    return made, lost


def _part(settings: dict, catalogue: Catalogue, known: dict[str, Part]) -> Part:
    options = {name: value for name, value in settings.items() if name != "weight"}
    if "encoder" not in options:
        raise ValueError(f"a part needs the name of an encoder, such as tfidf; got {settings}")
    key = json.dumps(options, sort_keys=True)
    if key not in known:
        made = encoder(**options)
        if not any(made.contents(catalogue)):
            raise LookupError(f"no product has what {made.name} reads ({made.modality})")
        part = Part(made.fit(catalogue))
        part.embed(catalogue.take([0]))  # weights that are not here say so now
        known[key] = part
    return known[key]


def read_pipeline(given: str) -> tuple[str, list[dict]]:
    """A pipeline's name and settings: from a YAML file, YAML itself, or an encoder's name.

    The file holds a part or a list of parts. Raises ValueError for anything else.

    >>> read_pipeline("[{encoder: tfidf, weight: 2}, {encoder: price}]")
    ('pipeline', [{'encoder': 'tfidf', 'weight': 2}, {'encoder': 'price'}])
    >>> read_pipeline("minilm")
    ('minilm', [{'encoder': 'minilm'}])
    """
    file = Path(given) if given.endswith((".yaml", ".yml", ".json")) else None
    if file and not file.is_file():
        raise FileNotFoundError(f"no pipeline file {given}")
    try:
        value = yaml.safe_load(file.read_text(encoding="utf-8") if file else given)
    except yaml.YAMLError as error:
        raise ValueError(f"{given[:80]!r} is no YAML: {str(error).splitlines()[0]}") from error
    if isinstance(value, str):
        return value, [{"encoder": value}]
    parts = [value] if isinstance(value, dict) else value
    if isinstance(parts, list) and parts and all(_names_encoder(part) for part in parts):
        return file.stem if file else "pipeline", parts
    raise ValueError(
        f"a pipeline is a YAML file, or YAML, of parts such as {{encoder: tfidf, weight: 1}}, or "
        f"an encoder's name ({', '.join(REGISTRY)}); got {given[:80]!r}"
    )


def _names_encoder(part: object) -> bool:
    return isinstance(part, dict) and isinstance(part.get("encoder"), str)
