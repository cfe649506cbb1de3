"""What each listing of a catalogue says, as support needs it: its colours, its sizes, the clauses of its description.

Every condition of a question gives each listing a fit in [0, 1]; `passage` is the text that it rests on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.catalogue import Catalogue
from lib.embeddings import Embeddings, embed
from lib.encoders.base import Encoder
from lib.fusion import concat
from lib.similarity import pairwise
from lib.tasks.asked import COLOURS, Request, colours, measures

STATED = ("attributes", "title", "description")
CLAUSE = re.compile(r"[.,;:!?()\n]+")
FLOOR = 0.3  # a wish less like every clause than this is about something else


@dataclass(frozen=True)
class Passage:
    """What an answer rests on: the text of one field of one product."""

    product: str
    field: str
    text: str


class Evidence:
    """A catalogue's statements. `readers` embed clauses and wishes, concatenated; they are fitted on the clauses.

    `photos` lend a colour to listings that state none: see `shown_colours`.
    """

    def __init__(self, catalogue: Catalogue, readers: Sequence[Encoder], photos: Embeddings | None = None) -> None:
        self.ids, self._prices = catalogue.ids, catalogue.items["price"].to_numpy()
        self._fields = {field: catalogue.items[field].tolist() for field in STATED}
        self._kinds = catalogue.items["category"].fillna("").tolist()
        self._sizes = [set(measures(text)) for text in catalogue.text(("title", "attributes", "description"))]
        self._colours = stated_colours(catalogue) if photos is None else shown_colours(catalogue, photos)  # (n, colours)
        spoken = [[c.strip() for c in CLAUSE.split(text) if c.strip()] for text in catalogue.text(("description",))]
        self.clauses = sorted({clause for own in spoken for clause in own})
        place = {clause: i for i, clause in enumerate(self.clauses)}
        self._spoken = [np.array([place[clause] for clause in own], int) for own in spoken]
        kinds = pd.Series(self._spoken).groupby(self._kinds).agg(list)
        self._of_kind = {kind: np.unique(np.concatenate(own)) for kind, own in kinds.items()}
        texts = as_texts(self.clauses)
        self._readers = [reader.fit(texts) if self.clauses else reader for reader in readers]
        self._vectors = concat([embed(reader, texts) for reader in self._readers]) if self.clauses else None

    def likeness(self, wishes: Sequence[str]) -> np.ndarray:
        """The cosine of every wish with every clause, (q, clauses)."""
        if self._vectors is None:
            return np.zeros((len(wishes), 0))
        asked = concat([embed(reader, as_texts(wishes)) for reader in self._readers])
        return np.nan_to_num(pairwise(asked.vectors, self._vectors.vectors))

    def colour(self, rows: np.ndarray, colour: str) -> np.ndarray:
        """How likely each listing has the colour: 1 or 0 where it states one, else as its photo looks."""
        return self._colours[rows, list(COLOURS).index(colour)]

    def size(self, rows: np.ndarray, size: str) -> np.ndarray:
        """Whether each listing states the size."""
        return np.array([float(size in self._sizes[row]) for row in rows])

    def price(self, rows: np.ndarray, limit: float) -> np.ndarray:
        """Whether each listing costs at most so much; no where the price is not known."""
        return (self._prices[rows] <= limit).astype(float)

    def wish(self, rows: np.ndarray, likeness: np.ndarray) -> np.ndarray:
        """How well each listing's best clause fits a wish, beside the best clause that anything of its kind has.

        `likeness` is the wish's row of `likeness()`. A wish that no clause of the kind comes near is about something else.
        """
        fits = np.zeros(len(rows))
        for place, row in enumerate(rows):
            best = likeness[self._of_kind[self._kinds[row]]].max(initial=0)
            own = likeness[self._spoken[row]].max(initial=0)
            fits[place] = own / best * min(1.0, best / FLOOR) if own > 0 else 0.0
        return fits

    def passage(self, request: Request, row: int, likeness: np.ndarray) -> Passage:
        """Where a listing says what is asked; for a wish the clause that comes nearest, which may not come near."""
        product = self.ids[row]
        if request.intent == "cheaper":
            return Passage(product, "price", f"{self._prices[row]:.2f}")
        if request.intent == "feature":
            own = self._spoken[row]
            return Passage(product, "description", self.clauses[own[np.argmax(likeness[own])]] if len(own) else "")
        for field in STATED:
            said = self._fields[field][row] or ""
            text = str(said.get(request.intent, "") if isinstance(said, dict) else said)
            if request.colour in colours(text) or request.size in measures(text):
                return Passage(product, field, text)
        return Passage(product, "image", f"looks {request.colour}" if request.colour else "")

    def alike(self, rows: np.ndarray, named: np.ndarray) -> np.ndarray:
        """The share of attributes on which the named listings agree that each listing has too; 1 where there are none."""
        first, *others = [self._fields["attributes"][row] or {} for row in named]
        shared = {k: v for k, v in first.items() if all(other.get(k) == v for other in others)}
        if not shared:
            return np.ones(len(rows))
        return np.array([np.mean([(self._fields["attributes"][r] or {}).get(k) == v for k, v in shared.items()]) for r in rows])


def as_texts(texts: Sequence[str]) -> Catalogue:
    """Bare texts as a catalogue, so that encoders read them. Raises TypeError for one string, whose letters it would list."""
    if isinstance(texts, str):
        raise TypeError(f'texts come as a list, got one string, "{texts[:40]}"; put it into a list: ["…"]')
    return Catalogue("texts", pd.DataFrame({"title": list(texts)}, index=[f"text {i}" for i in range(len(texts))]))


def stated_colours(catalogue: Catalogue) -> np.ndarray:
    """Which base colours each listing names in its colour attribute or, failing that, in its title, (n, colours)."""
    given = [(a or {}).get("colour") for a in catalogue.items["attributes"]]
    named = [colours(str(c or title or "")) for c, title in zip(given, catalogue.items["title"], strict=True)]
    return np.array([[float(colour in own) for colour in COLOURS] for own in named]).reshape(-1, len(COLOURS))


def shown_colours(catalogue: Catalogue, photos: Embeddings) -> np.ndarray:
    """`stated_colours`, and where a listing states none, how likely each is by its photo, (n, colours).

    A logistic regression learns the names from the listings that state exactly one: the catalogue labels itself.
    """
    from sklearn.linear_model import LogisticRegression

    known = stated_colours(catalogue)
    labelled = (known.sum(axis=1) == 1) & photos.present
    silent = (known.sum(axis=1) == 0) & photos.present
    if len(np.unique(known[labelled].argmax(axis=1))) < 2 or not silent.any():
        return known
    model = LogisticRegression(C=10, max_iter=500).fit(photos.vectors[labelled], known[labelled].argmax(axis=1))
    known[np.ix_(silent, model.classes_)] = model.predict_proba(photos.vectors[silent])
    return known
