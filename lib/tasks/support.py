"""A customer's question leads to products and the passages that the answer rests on, or to none.

Retrieval brings listings near. The words that name a product pick those that are meant. Each
condition of the question is then held against what the listings say (`listing_facts.py`). How a
question is parsed is in `question_parsing.py`, how sure an answer is in `answer_confidence.py`, how
it is worded in `answer_text.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from lib.data.catalogue import Catalogue
from lib.data.task import Task
from lib.encoders.base import Encoder
from lib.encoders.embeddings import Embeddings, embed
from lib.fusion.concatenation import concat
from lib.search.exact import Ranking, search
from lib.search.similarity import pairwise
from lib.tasks.answer_confidence import SHOWN, answered_rightly, choose_threshold, fit_odds
from lib.tasks.listing_facts import ListingFacts, Passage, as_texts
from lib.tasks.question_parsing import INTENTS, ParsedQuestion, Vocabulary, parse_question

# with a smaller share of the named words found, the reason given is that the product is not here
NAMED = 0.5


@dataclass(frozen=True)
class Answer:
    """What is found for a question, best first, and why it is withheld: no `reason`, and it is
    given.

    `positions` are rows of the catalogue, `scores` how sure each is, in [0, 1]. Where `abstained`,
    they are the nearest misses.
    """

    request: ParsedQuestion
    positions: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()
    passages: tuple[Passage, ...] = ()  # one a position
    reason: str = ""

    @property
    def abstained(self) -> bool:
        """Whether no answer is given."""
        return bool(self.reason)


class SupportAssistant:
    """Answers questions about a catalogue.

    `retrievers` bring the `depth` listings nearest to a question, `readers` tell which clause
    states a wish; both are fitted here, so every catalogue needs encoders of its own. `photos` and
    `wish_floor`: see `ListingFacts`; `ordinary`: see `Vocabulary`. An answer that is less sure than
    `threshold` is withheld; `tune` chooses the threshold.

    >>> assistant = SupportAssistant(catalogue, retrievers=[encoder("tfidf")], readers=[minilm])
    >>> assistant.answer(["Is the Brook Mihazo shoe waterproof?"])[0].passages[0]
    Passage(product='p4', field='description', text='waterproof')
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
        wish_floor: float = 0.3,
    ) -> None:
        self.catalogue, self.threshold, self.depth = catalogue, threshold, depth
        self.vocabulary = Vocabulary(catalogue, ordinary=ordinary)
        self.facts = ListingFacts(catalogue, readers, photos, wish_floor=wish_floor)
        self._retrievers = [retriever.fit(catalogue) for retriever in retrievers]
        self._listings = concat([embed(retriever, catalogue) for retriever in self._retrievers])
        self._odds: dict[str, tuple[float, float]] = {}

    def tune(self, task: Task) -> Self:
        """Learn on validation questions how sure a score makes of each intent, and the threshold.

        A condition that is met in full and one that a photo makes likely are not on one scale, so
        each intent has its own `fit_odds`.
        """
        self._odds, self.threshold = {}, 0.0
        answers = self.answer(task.queries.text())
        found = ranking(answers)
        right = answered_rightly(found, task).to_numpy()
        sure = found.scores[:, 0].astype(float)
        intents = np.array([answer.request.intent for answer in answers])
        for intent in INTENTS:
            own = (intents == intent) & np.isfinite(sure)
            self._odds[intent] = fit_odds(sure[own], right[own] > 0)
            sure[own] = self._probability(intent, sure[own])
        self.threshold = choose_threshold(sure, right)
        return self

    def answer(self, questions: Sequence[str]) -> list[Answer]:
        """One answer a question."""
        texts = as_texts(questions)
        if not len(texts):
            return []
        requests = [parse_question(question, self.vocabulary) for question in questions]
        likeness = self.facts.likeness([self._wish(request) for request in requests])
        asked = concat([embed(retriever, texts) for retriever in self._retrievers])
        near = search(asked, self._listings, min(self.depth, len(self.catalogue))).positions
        found = zip(requests, near, likeness, strict=True)
        return [self._answer(request, rows[rows >= 0], wish) for request, rows, wish in found]

    def _wish(self, request: ParsedQuestion) -> str:
        special = [word for word in request.wish.split() if word not in self.vocabulary.common]
        return " ".join(special) or request.wish

    def _answer(self, request: ParsedQuestion, near: np.ndarray, wish: np.ndarray) -> Answer:
        if request.intent == "elsewhere":
            return Answer(request, reason="no catalogue says this")
        coverage = self.vocabulary.coverage(request.names)[near]
        sure = float(coverage.max(initial=0))
        if not sure:
            return Answer(request, reason="it names no product that is here")
        named = near[coverage >= sure - 1e-9]
        rows = self._cheaper(named) if request.intent == "cheaper" else named
        fits = self.facts.fits(request, rows, wish)
        if request.intent == "cheaper":
            fits = fits * self.facts.alike(rows, named)
        order = np.argsort(-fits, kind="stable")[:SHOWN]
        best, scores = rows[order], self._probability(request.intent, sure * fits[order])
        given = scores >= self.threshold
        if given.any():
            best, scores = best[given], scores[given]
        passages = tuple(self.facts.passage(request, int(row), wish) for row in best)
        reason = "" if given.any() else self._reason(request, sure)
        return Answer(request, tuple(best.tolist()), tuple(scores.tolist()), passages, reason)

    def _probability(self, intent: str, scores: np.ndarray) -> np.ndarray:
        if intent not in self._odds:
            return scores
        start, slope = self._odds[intent]
        return 1 / (1 + np.exp(-start - slope * scores))

    def _cheaper(self, named: np.ndarray) -> np.ndarray:
        """What is of the same kind and costs less than the cheapest of those named, the most alike
        first.
        """
        items, prices = self.catalogue.items, self.catalogue.items["price"]
        kind = items["category"].iloc[named].dropna().mode()
        same = items["category"].isin(kind) | kind.empty  # without categories all are of one kind
        rows = np.flatnonzero(same & (prices < prices.iloc[named].min()))
        vectors = self._listings.vectors
        likeness = pairwise(vectors[named[:1]], vectors[rows], measure="dot")[0]  # (m,)
        return rows[np.argsort(-likeness, kind="stable")]

    def _reason(self, request: ParsedQuestion, sure: float) -> str:
        if sure < NAMED:
            return "it names a product that is not here"
        if request.intent == "cheaper":
            return "nothing costs less and is like it"
        asked = [f"says {self._wish(request)!r}"] if request.intent == "feature" else []
        asked += [f"is {value}" for value in (request.colour, request.size) if value]
        asked += [f"costs at most {request.limit:g}"] if request.limit is not None else []
        return f"nothing of that name {' and '.join(asked)}"


def ranking(answers: Sequence[Answer]) -> Ranking:
    """What was found for each question, given or withheld, and how sure each is, (q, 3)."""
    positions = np.full((len(answers), SHOWN), -1)
    scores = np.full((len(answers), SHOWN), -np.inf, np.float32)
    for row, answer in enumerate(answers):
        found = slice(len(answer.positions))
        positions[row, found], scores[row, found] = answer.positions, answer.scores
    return Ranking("support", positions, scores)
