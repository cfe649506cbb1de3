"""A customer's question to products and to an answer drawn from the catalogue, with the passages it rests on, or to none.

Retrieval brings listings near; the words that name a product pick those meant among them; each condition of the
question is then held against what the listings say (`evidence.py`). How a question is read is in `asked.py`, how an
answer is worded in `phrasing.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from lib.catalogue import Catalogue, Task
from lib.embeddings import Embeddings, embed
from lib.encoders.base import Encoder
from lib.fusion import concat
from lib.metrics import evaluate
from lib.search import Ranking, search
from lib.similarity import pairwise
from lib.tasks.asked import INTENTS, Request, Vocabulary, read
from lib.tasks.evidence import Evidence, Passage, as_texts

SHOWN = 3  # products an answer holds
KNOWN = 0.5  # share of what is named that is found: below, the reason given is that the product is not here


@dataclass(frozen=True)
class Answer:
    """What is found for a question, best first, and whether it is given; `reason` says why not.

    `positions` are rows of the catalogue, `scores` how sure each is, in [0, 1], none below the desk's threshold. Where
    `abstained`, they are the nearest misses.
    """

    request: Request
    positions: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()
    passages: tuple[Passage, ...] = ()  # one a position
    abstained: bool = True
    reason: str = ""


class Desk:
    """Answers questions about a catalogue.

    `retrievers` bring the `depth` listings nearest to a question, their embeddings concatenated, and `readers` tell
    which clause states a wish; both are fitted here, so a desk for another catalogue needs encoders of its own. `photos`
    lend a colour to listings that state none. `ordinary` is a dictionary, see `Vocabulary`. What is less sure than
    `threshold` is withheld; `tune` chooses it.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        retrievers: Sequence[Encoder],
        readers: Sequence[Encoder],
        photos: Embeddings | None = None,
        ordinary: Collection[str] = (),
        threshold: float = 0.5,
        depth: int = 50,
    ) -> None:
        self.catalogue, self.threshold, self.depth = catalogue, threshold, depth
        self.vocabulary = Vocabulary(catalogue, ordinary=ordinary)
        self.evidence = Evidence(catalogue, readers, photos)
        self._retrievers = [retriever.fit(catalogue) for retriever in retrievers]
        self._listings = concat([embed(retriever, catalogue) for retriever in self._retrievers])
        self._odds: dict[str, tuple[float, float]] = {}

    def tune(self, task: Task) -> Self:
        """Learn on validation questions how sure a score makes of each intent, and the threshold (see `choose_threshold`).

        A condition that is met in full and one that a photo makes likely are not on one scale: `fit_odds`, an intent each.
        """
        self._odds, self.threshold = {}, 0.0
        found = ranking(self.answer(task.queries.text()))
        right = outcomes(found, task, -np.inf)[f"hit@{SHOWN}"].fillna(0).to_numpy() > 0
        intents = np.array([read(question, self.vocabulary).intent for question in task.queries.text()])
        sure = found.scores.astype(float)
        for intent in INTENTS:
            own = np.flatnonzero((intents == intent) & np.isfinite(sure[:, 0]))
            self._odds[intent] = fit_odds(sure[own, 0], right[own])
            sure[own] = self._probability(intent, sure[own])
        self.threshold = choose_threshold(Ranking(found.name, found.positions, sure), task)
        return self

    def retrieve(self, questions: Sequence[str]) -> Ranking:
        """The listings nearest to each question's words, whatever it asks."""
        asked = concat([embed(retriever, as_texts(questions)) for retriever in self._retrievers])
        return search(asked, self._listings, min(self.depth, len(self.catalogue)))

    def answer(self, questions: Sequence[str]) -> list[Answer]:
        """One answer a question."""
        if not len(as_texts(questions)):
            return []
        requests = [read(question, self.vocabulary) for question in questions]
        likeness = self.evidence.likeness([self._wish(request) for request in requests])
        found = zip(requests, self.retrieve(questions).positions, likeness, strict=True)
        return [self._answer(request, near[near >= 0], wish) for request, near, wish in found]

    def _wish(self, request: Request) -> str:
        special = [word for word in request.wish.split() if word not in self.vocabulary.common]
        return " ".join(special) or request.wish

    def _answer(self, request: Request, near: np.ndarray, wish: np.ndarray) -> Answer:
        if request.intent == "elsewhere":
            return Answer(request, reason="no catalogue says this")
        coverage = self.vocabulary.coverage(request.names)[near]
        sure = float(coverage.max(initial=0))
        if not sure:
            return Answer(request, reason="it names no product that is here")
        named = near[coverage >= sure - 1e-9]
        rows, fits = self._candidates(request, named, wish)
        order = np.argsort(-fits, kind="stable")[:SHOWN]
        best, scores = rows[order], self._probability(request.intent, sure * fits[order])
        given = len(best) > 0 and scores[0] >= self.threshold
        if given:
            best, scores = best[scores >= self.threshold], scores[scores >= self.threshold]
        return Answer(
            request,
            tuple(int(row) for row in best),
            tuple(float(score) for score in scores),
            tuple(self.evidence.passage(request, int(row), wish) for row in best),
            abstained=not given,
            reason="" if given else self._reason(request, sure),
        )

    def _probability(self, intent: str, scores: np.ndarray) -> np.ndarray:
        start, slope = self._odds.get(intent, (0.0, 0.0))
        return 1 / (1 + np.exp(-start - slope * scores)) if intent in self._odds else scores

    def _candidates(self, request: Request, named: np.ndarray, wish: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The listings that may answer and how well each meets every condition, (m,), (m,)."""
        rows, fits = (named, np.ones(len(named))) if request.intent != "cheaper" else self._cheaper(named)
        if request.colour:
            fits = fits * self.evidence.colour(rows, request.colour)
        if request.size:
            fits = fits * self.evidence.size(rows, request.size)
        if request.limit is not None:
            fits = fits * self.evidence.price(rows, request.limit)
        if request.intent == "feature":
            fits = fits * self.evidence.wish(rows, wish)
        return rows, fits

    def _cheaper(self, named: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What is of the same kind and costs less than the cheapest of those named, the most alike first."""
        items, prices = self.catalogue.items, self.catalogue.items["price"]
        kind = items["category"].iloc[named].dropna().mode()
        same = items["category"].isin(kind) if len(kind) else prices.notna()  # without categories all are of one kind
        rows = np.flatnonzero(same & (prices < prices.iloc[named].min()))
        vectors = self._listings.vectors
        likeness = pairwise(vectors[named[:1]], vectors[rows], measure="dot")[0]  # (1, d), (m, d) -> (m,)
        near = np.argsort(-likeness, kind="stable")
        return rows[near], self.evidence.alike(rows[near], named)

    def _reason(self, request: Request, sure: float) -> str:
        if sure < KNOWN:
            return "it names a product that is not here"
        if request.intent == "cheaper":
            return "nothing costs less and is like it"
        asked = [f"says {self._wish(request)!r}"] if request.intent == "feature" else []
        asked += [f"is {value}" for value in (request.colour, request.size) if value]
        asked += [f"costs at most {request.limit:g}"] if request.limit is not None else []
        return f"nothing of that name {' and '.join(asked)}"


def fit_odds(scores: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Intercept and slope, at least 0, of the log odds that an answer of a score is right, (n,), (n,) (Platt 1999).

    A right answer at score 1 and a wrong one at 0 are added, so that few answers, or none, or answers that are all right or
    all wrong, make nothing certain; where the score says nothing, what is left is the smoothed share (k + 1) / (n + 2).
    """
    from sklearn.linear_model import LogisticRegression

    scores, right = np.r_[scores, 0.0, 1.0], np.r_[right, False, True]
    model = LogisticRegression(C=100).fit(scores[:, None], right)
    if model.coef_[0, 0] > 0:
        return float(model.intercept_[0]), float(model.coef_[0, 0])
    return float(np.log(right.mean() / (1 - right.mean()))), 0.0


def ranking(answers: Sequence[Answer], *, k: int = SHOWN) -> Ranking:
    """What was found for each question, given or withheld: positions and how sure they are, (q, k)."""
    positions, scores = np.full((len(answers), k), -1), np.full((len(answers), k), -np.inf, np.float32)
    for row, answer in enumerate(answers):
        found = min(k, len(answer.positions))
        positions[row, :found], scores[row, :found] = answer.positions[:found], answer.scores[:found]
    return Ranking("support", positions, scores)


def outcomes(found: Ranking, task: Task, threshold: float) -> pd.DataFrame:
    """What becomes of each question where a first score below the threshold means no answer, one row a question.

    `hit@3` of those that have an answer: a right product among the first three, 0 where declined. `declined` of those
    that have none. Each is NaN for the others.
    """
    withheld = ~(found.scores[:, 0] >= threshold)
    given = Ranking(found.name, np.where(withheld[:, None], -1, found.positions), found.scores)
    table = evaluate(given, task, [f"hit@{SHOWN}"])
    return table.assign(declined=np.where(np.diff(task.relevance.indptr) > 0, np.nan, withheld.astype(float)))


def trade_off(scores: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """For every threshold that changes something: the share of questions `answered` and of those the share `right`.

    `scores` (q,) are each question's first, -inf where nothing was found; `right` (q,) tells whether one of its first three
    products is. A question without answer can only be answered wrongly.
    """
    order = np.argsort(-scores, kind="stable")
    order = order[np.isfinite(scores[order])]
    first, count = scores[order], np.arange(1, len(order) + 1)
    last = np.r_[first[1:] != first[:-1], True][: len(order)]  # equal scores are answered together
    table = pd.DataFrame({"answered": count / max(1, len(scores)), "right": right[order].cumsum() / count})
    return table[last].set_index(pd.Index(first[last], name="threshold"))


def choose_threshold(found: Ranking, task: Task) -> float:
    """The threshold at which the worse of both `outcomes`, hits and questions rightly declined, is best; then their mean.

    Half way between two scores that it parts. Choose on validation, report on test.
    """
    scores = np.unique(found.scores[:, 0])
    scores = scores[np.isfinite(scores)].astype(float)
    if not len(scores):
        raise ValueError("no question found anything: a threshold cannot be chosen")
    between = [*(scores[:-1] + scores[1:]) / 2, np.nextafter(scores[-1], np.inf)]
    tried = [float(scores[0]), *between]
    shares = [outcomes(found, task, threshold).mean() for threshold in tried]
    return tried[max(range(len(tried)), key=lambda i: (shares[i].min(), shares[i].mean()))]
