"""Rerankers: the first candidates of a ranking in a better order, by a model that reads query and
text word by word.

A reranker is any function of pairs (query, text) that gives each a score, (n,): a checkpoint's,
that of token vectors, or the scores of a `PairClassifier` from `lib/training`. Candidates come from
`exact.py`, `bm25.py` or `lib.fusion`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lib.data.task import Task
from lib.encoders.base import Pretrained
from lib.search.exact import Ranking, gain_matrix, reorder

if TYPE_CHECKING:
    import torch

    from lib.encoders.text import TextEncoder

Pairs = Sequence[tuple[str, str]]
Reranker = Callable[[Pairs], np.ndarray]
TEXTS = 256  # whose token vectors are held at once: about 40 MiB


def reranker(spec: str) -> Reranker:
    """A reranker by name: "maxsim" compares MiniLM's token vectors, "hf:<name or folder>" is a
    cross-encoder's checkpoint.
    """
    kind, _, model = spec.partition(":")
    if spec == "maxsim":
        from lib.encoders.text import minilm

        return MaxSim(minilm())
    if kind != "hf" or not model:
        raise ValueError(f'no reranker {spec!r}; there are "maxsim" and "hf:<name or folder>"')
    return CrossEncoder(model)


def rerank(
    ranking: Ranking,
    score: Reranker,
    queries: Sequence[str],
    texts: Sequence[str],
    *,
    depth: int = 20,
) -> Ranking:
    """Every query's first `depth` candidates, reordered by the reranker's scores; deeper ones are
    left out.

    `queries` (q,) and `texts` (n,) are what the reranker reads of both sides.
    """
    if len(queries) != len(ranking.positions):
        raise ValueError(f"{len(queries)} queries for {len(ranking.positions)} rankings")
    first = ranking.first(depth)
    scores = np.zeros(first.positions.shape, np.float32)  # (q, depth)
    scores[first.positions >= 0] = score(_ranked_pairs(first, queries, texts))
    return reorder(first, scores, name=f"reranked({ranking.name})")


def judged_pairs(
    task: Task, ranking: Ranking, queries: Sequence[str], texts: Sequence[str], *, least: float
) -> tuple[Pairs, np.ndarray]:
    """Training pairs for a cross-encoder: (query, text) of every ranked candidate, and whether its
    gain is at least `least`.

    Ranked candidates are harder than random ones, and the reranker will see the same kind.
    """
    gains = gain_matrix(ranking, task.relevance)[ranking.positions >= 0]
    return _ranked_pairs(ranking, queries, texts), (gains >= least).astype(int)


def _ranked_pairs(ranking: Ranking, queries: Sequence[str], texts: Sequence[str]) -> Pairs:
    """(query, text) of every ranked candidate, query by query."""
    found = np.argwhere(ranking.positions >= 0)
    return [(queries[q], texts[ranking.positions[q, place]]) for q, place in found]


class MaxSim:
    """Late interaction (Khattab and Zaharia 2020): each query token's best cosine with a token of
    the text, averaged.

    ColBERT trains token vectors for this score. Here they come from an encoder that was trained for
    the mean of its tokens; nothing is trained.
    """

    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder

    def __call__(self, pairs: Pairs) -> np.ndarray:
        """Scores (n,) float32, at most 1; 0 where either side has no token."""
        scores = np.zeros(len(pairs), np.float32)
        queries = self._units([query for query, _ in pairs])
        texts = sorted(dict.fromkeys(text for _, text in pairs), key=len)
        for first in range(0, len(texts), TEXTS):
            tokens = self._units(texts[first : first + TEXTS])
            for row, (query, text) in enumerate(pairs):
                if text in tokens:
                    scores[row] = _max_sim(queries[query], tokens[text])
        return scores

    def _units(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """Each text's token vectors, made unit length; a text is encoded once."""
        texts = list(dict.fromkeys(texts))
        found = self._encoder.token_vectors(texts)
        units = [t / np.maximum(np.linalg.norm(t, axis=1, keepdims=True), 1e-12) for t in found]
        return dict(zip(texts, units, strict=True))


class CrossEncoder(Pretrained):
    """A Hugging Face sequence classifier that reads query and text as one sequence, by hub name or
    local folder.

    A checkpoint with one output gives a score, one with two the log odds of the second class. Texts
    are cut so that both together have `max_tokens`.
    """

    kind = "sequence classifier"
    auto = "AutoModelForSequenceClassification"
    batch = 32  # pairs

    def __init__(self, model: str | Path, *, max_tokens: int = 256) -> None:
        super().__init__(model)
        self.name = f"hf:{Path(model).name}(reranker,{max_tokens})"
        self._max_tokens = max_tokens

    @functools.cached_property
    def model(self) -> torch.nn.Module:
        """The classifier in evaluation mode.

        Raises RuntimeError where the files lack its head or it has three classes.
        """
        model = self.load_model()
        if model.config.num_labels > 2:
            raise RuntimeError(
                f"{self.folder} tells {model.config.num_labels} classes apart; "
                "a reranker has 1 or 2"
            )
        return model

    def __call__(self, pairs: Pairs) -> np.ndarray:
        """Scores (n,) float32: logits or log odds."""
        import torch

        scores = np.zeros(len(pairs), np.float32)
        most = self.token_limit(self._max_tokens)
        order = np.argsort([-len(query) - len(text) for query, text in pairs], kind="stable")
        for first in range(0, len(order), self.batch):
            rows = order[first : first + self.batch]
            sides = ([pairs[row][side] for row in rows] for side in (0, 1))
            tokens = self.tokenizer(
                *sides, truncation=True, max_length=most, padding=True, return_tensors="pt"
            )
            with torch.inference_mode():
                tokens = tokens.to(self.model.device)
                logits = self.model(**tokens).logits.float().cpu().numpy()  # (b, 1) or (b, 2)
            scores[rows] = logits[:, -1] - (logits[:, 0] if logits.shape[1] == 2 else 0)
        return scores


def _max_sim(query: np.ndarray, text: np.ndarray) -> float:
    """Token vectors (a, d), (b, d) -> their score."""
    return float((query @ text.T).max(axis=1).mean()) if len(query) and len(text) else 0.0
