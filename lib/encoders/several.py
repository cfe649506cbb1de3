"""Several named encoders on one catalogue; one that finds nothing to read says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lib.data.catalogue import Catalogue
from lib.encoders.base import Encoder
from lib.encoders.embeddings import Embeddings, embed


@dataclass(frozen=True)
class Encoded:
    """By name: the encoders that found something, what they made, and why others are left out."""

    encoders: dict[str, Encoder] = field(default_factory=dict)
    embeddings: dict[str, Embeddings] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def embed_each(
    encoders: Mapping[str, Encoder], catalogue: Catalogue, *, train: Catalogue | None = None
) -> Encoded:
    """Fit each encoder on `train`, or on the catalogue itself, and encode the catalogue.

    One that finds nothing to read in `train` is in `left_out` with its reason.

    >>> import pandas as pd
    >>> from lib import encoder
    >>> mugs = Catalogue("mugs", pd.DataFrame({"title": ["red mug", "blue mug"]}))
    >>> each = {"words": encoder("tfidf"), "brand": encoder("onehot", fields=["brand"])}
    >>> found = embed_each(each, mugs)
    >>> list(found.embeddings), found.left_out
    (['words'], {'brand': "onehot(brand): catalogue 'mugs' has no value in ('brand',)"})
    """
    train, found = catalogue if train is None else train, Encoded()
    learned = np.isin(catalogue.ids, train.ids)
    for name, one in encoders.items():
        try:
            made = embed(one.fit(train), catalogue)
        except ValueError as error:
            found.left_out[name] = str(error)
            continue
        if made.present[learned].any():
            found.encoders[name], found.embeddings[name] = one, made
        else:
            found.left_out[name] = f"catalogue {train.name!r} has nothing that {one.name} reads"
    return found
