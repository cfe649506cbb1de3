"""What each listing of a catalogue says, as support needs it: colours, sizes, prices and the
clauses of its description.

Every condition of a question gives each listing a fit in [0, 1]; `passage` is the text that the fit
rests on. How a question is parsed is in `question_parsing.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.data.catalogue import Catalogue
from lib.encoders.base import Encoder
from lib.encoders.embeddings import Embeddings, embed
from lib.fusion import concat
from lib.search.similarity import pairwise
from lib.tasks.question_parsing import COLOURS, ParsedQuestion, colours, measures

STATED = ("attributes", "title", "description")
CLAUSE = re.compile(r"[.,;:!?()\n]+")


@dataclass(frozen=True)
class Passage:
    """What an answer rests on: the text of one field of one product."""

    product: str
    field: str
    text: str


class ListingFacts:
    """What a catalogue's listings state.

    `readers` embed clauses and wishes, concatenated; they are fitted on the clauses. `photos` lend
    a colour to listings that state none: see `listing_colours`. A wish whose cosine with every
    clause is below `wish_floor` is about something else.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        readers: Sequence[Encoder],
        photos: Embeddings | None = None,
        *,
        wish_floor: float = 0.3,
    ) -> None:
        items = catalogue.items
        self.ids, self._prices, self._floor = catalogue.ids, items["price"].to_numpy(), wish_floor
        self._fields = items[list(STATED)]
        self._attributes = pd.DataFrame([own or {} for own in items["attributes"]])  # (n, names)
        self._sizes = [set(measures(text)) for text in catalogue.text(STATED)]
        self._colours = listing_colours(catalogue, photos)  # (n, colours)
        split = [CLAUSE.split(text) for text in catalogue.text(("description",))]
        spoken = [[clause.strip() for clause in own if clause.strip()] for own in split]
        flat = np.array([clause for own in spoken for clause in own], dtype=object)
        codes, self.clauses = pd.factorize(flat, sort=True)
        self._spoken = np.split(codes, np.cumsum([len(own) for own in spoken])[:-1])
        self._kinds = items["category"].fillna("").to_numpy()
        of_kind = pd.Series(self._spoken).groupby(self._kinds)
        self._of_kind = {kind: np.unique(np.concatenate(own.tolist())) for kind, own in of_kind}
        texts = as_texts(self.clauses)
        self._readers = [reader.fit(texts) for reader in readers] if len(texts) else []
        self._vectors = [embed(reader, texts) for reader in self._readers]

    def likeness(self, wishes: Sequence[str]) -> np.ndarray:
        """The cosine of every wish with every clause, (q, clauses)."""
        if not self._vectors:
            return np.zeros((len(wishes), 0))
        asked = concat([embed(reader, as_texts(wishes)) for reader in self._readers])
        return np.nan_to_num(pairwise(asked.vectors, concat(self._vectors).vectors))

    def fits(self, request: ParsedQuestion, rows: np.ndarray, likeness: np.ndarray) -> np.ndarray:
        """How well each listing meets every condition of a question, (m,).

        A colour counts 1 or 0 where the listing states one, else as likely as its photo looks. A
        price that is not known is above every limit. `likeness` is the wish's row of `likeness()`.
        """
        fits = np.ones(len(rows))
        if request.colour:
            fits *= self._colours[rows, list(COLOURS).index(request.colour)]
        if request.size:
            fits *= [request.size in self._sizes[row] for row in rows]
        if request.limit is not None:
            fits *= self._prices[rows] <= request.limit
        if request.intent == "feature":
            fits *= self._wish(rows, likeness)
        return fits

    def _wish(self, rows: np.ndarray, likeness: np.ndarray) -> np.ndarray:
        """How well each listing's best clause fits a wish, beside the best clause of its kind."""
        fits = np.zeros(len(rows))
        for place, row in enumerate(rows):
            best = likeness[self._of_kind[self._kinds[row]]].max(initial=0)
            own = likeness[self._spoken[row]].max(initial=0)
            fits[place] = own / best * min(1.0, best / self._floor) if own > 0 else 0.0
        return fits

    def alike(self, rows: np.ndarray, named: np.ndarray) -> np.ndarray:
        """The share of attributes on which the named listings agree that each listing has too; 1
        where there are none.
        """
        first = self._attributes.iloc[named[0]]
        agreed = (self._attributes.iloc[named] == first).all()  # a missing value equals nothing
        if not agreed.any():
            return np.ones(len(rows))
        same = self._attributes.loc[rows, agreed] == first[agreed]  # (m, attributes)
        return same.mean(axis=1).to_numpy()

    def passage(self, request: ParsedQuestion, row: int, likeness: np.ndarray) -> Passage:
        """Where a listing says what is asked; for a wish the clause that comes nearest, which may
        not come near.
        """
        product = self.ids[row]
        if request.intent == "cheaper":
            return Passage(product, "price", f"{self._prices[row]:.2f}")
        if request.intent == "feature":
            own = self._spoken[row]
            text = self.clauses[own[np.argmax(likeness[own])]] if len(own) else ""
            return Passage(product, "description", text)
        for field, said in self._fields.iloc[row].items():
            text = str(said.get(request.intent, "") if isinstance(said, dict) else said)
            if request.colour in colours(text) or request.size in measures(text):
                return Passage(product, field, text)
        return Passage(product, "image", f"looks {request.colour}" if request.colour else "")


def as_texts(texts: Sequence[str]) -> Catalogue:
    """Bare texts as a catalogue, so that encoders read them.

    Raises TypeError for one string, whose letters it would list.
    """
    if isinstance(texts, str):
        raise TypeError(
            f'texts come as a list, got one string, "{texts[:40]}"; put it into a list: ["…"]'
        )
    index = [f"text {i}" for i in range(len(texts))]
    return Catalogue("texts", pd.DataFrame({"title": list(texts)}, index))


def listing_colours(catalogue: Catalogue, photos: Embeddings | None = None) -> np.ndarray:
    """Which base colours each listing names in its colour attribute or else in its title, (n,
    colours); where it names none, how likely each is by its photo.

    A logistic regression learns the names from the listings that state exactly one: the catalogue
    labels itself.
    """
    from sklearn.linear_model import LogisticRegression

    items, known = catalogue.items, np.zeros((len(catalogue), len(COLOURS)))
    stated = [(attributes or {}).get("colour") for attributes in items["attributes"]]
    for row, (colour, title) in enumerate(zip(stated, items["title"], strict=True)):
        named = colours(str(colour or title or ""))
        known[row] = [colour in named for colour in COLOURS]
    if photos is None:
        return known
    count, label = known.sum(axis=1), known.argmax(axis=1)
    labelled, silent = (count == 1) & photos.present, (count == 0) & photos.present
    if len(set(label[labelled])) > 1 and silent.any():
        model = LogisticRegression(C=10, max_iter=500)
        model.fit(photos.vectors[labelled], label[labelled])
        known[np.ix_(silent, model.classes_)] = model.predict_proba(photos.vectors[silent])
    return known
