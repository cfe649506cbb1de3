"""Rerankers: the order is that of their scores, scores are those that transformers and plain loops
give.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import transformers as hf

from lib import Catalogue, Ranking, Task
from lib.encoders.text import TextEncoder
from lib.search.rerank import CrossEncoder, MaxSim, judged_pairs, reorder, rerank, reranker
from tests.checkpoints import SMALL, WORDS, as_pickle, write_tokenizer

PAIRS = [
    ("red mug", "blue cup large"),
    ("shoe", "red"),
    ("red mug", "red mug"),
    ("canvas shoe", "cup " * 20),
    ("", "mug"),
]
TEXTS = ["red mug", "blue shoe", "large canvas", "cup"]


def ranking(positions: list) -> Ranking:
    positions = np.array(positions)
    return Ranking(
        "first",
        positions,
        np.where(positions >= 0, -np.arange(positions.shape[1]), -np.inf).astype(np.float32),
    )


def write_classifier(folder: Path, labels: int) -> Path:
    config = hf.BertConfig(
        **SMALL, vocab_size=3 + len(WORDS), max_position_embeddings=16, num_labels=labels
    )
    torch.manual_seed(0)
    model = hf.BertForSequenceClassification(config)
    for weights in model.parameters():
        weights.data += 0.1 * torch.randn(weights.shape)
    write_tokenizer(folder)
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("labels", [1, 2])
def test_a_checkpoint_scores_each_pair_as_transformers_does(tmp_path: Path, labels: int) -> None:
    folder = write_classifier(tmp_path, labels)
    scorer = CrossEncoder(folder)
    scorer.batch = 2
    scores = scorer(PAIRS)
    model = hf.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    for (query, text), score in zip(PAIRS, scores, strict=True):
        with torch.no_grad():
            tokens = tokenizer(query, text, return_tensors="pt", truncation=True, max_length=16)
            logits = model(**tokens).logits[0]
        assert score == pytest.approx(
            float(logits[0] if labels == 1 else logits[1] - logits[0]), abs=1e-4
        )
    assert len(np.unique(scores.round(4))) == len(PAIRS)
    assert CrossEncoder(folder)([]).shape == (0,)


def test_a_folder_without_a_trained_head_is_refused(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    config = hf.BertConfig(**SMALL, vocab_size=3 + len(WORDS), max_position_embeddings=16)
    hf.BertModel(config).save_pretrained(tmp_path)
    with pytest.raises(
        RuntimeError, match="no trained sequence classifier: its files lack classifier"
    ):
        CrossEncoder(tmp_path)(PAIRS)


def test_three_classes_are_no_score(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="3 classes"):
        CrossEncoder(write_classifier(tmp_path, 3))(PAIRS)


def test_pickles_are_not_read(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no sequence classifier that loads"):
        CrossEncoder(as_pickle(write_classifier(tmp_path / "safe", 1), tmp_path / "pickle"))(PAIRS)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> TextEncoder:
    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(1)
    write_tokenizer(folder)
    hf.BertModel(
        hf.BertConfig(**SMALL, vocab_size=3 + len(WORDS), max_position_embeddings=16)
    ).save_pretrained(folder)
    return TextEncoder(folder, precision="float32")


def test_token_vectors_are_the_models_last_layer_without_marks(encoder: TextEncoder) -> None:
    model, tokenizer = (
        hf.BertModel.from_pretrained(encoder.folder).eval(),
        hf.AutoTokenizer.from_pretrained(encoder.folder),
    )
    found = encoder.token_vectors(["red mug", "", "large blue canvas shoe"])
    assert [len(f) for f in found] == [2, 0, 4]
    for text, vectors in zip(
        ["red mug", "large blue canvas shoe"], (found[0], found[2]), strict=True
    ):
        with torch.no_grad():
            whole = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        np.testing.assert_allclose(vectors, whole[1:-1], atol=1e-5)


def test_maxsim_is_the_mean_best_cosine(
    encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("lib.search.rerank"), "TEXTS", 2)
    scores = MaxSim(encoder)(PAIRS)
    for (query, text), score in zip(PAIRS, scores, strict=True):
        q, t = encoder.token_vectors([query, text])
        best = [max(a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in t) for a in q]
        assert score == pytest.approx(np.mean(best) if best else 0, abs=1e-5)
    assert scores[2] == pytest.approx(1)  # a text is itself
    assert MaxSim(encoder)([]).shape == (0,)


def test_rerank_orders_the_first_and_leaves_out_the_deeper() -> None:
    asked: list = []

    def score(pairs: list) -> np.ndarray:
        asked.extend(pairs)
        return np.array([len(text) for _, text in pairs])

    found = rerank(ranking([[3, 0, 2, 1], [1, -1, -1, -1]]), score, ["a", "b"], TEXTS, depth=3)
    assert found.positions.tolist() == [[2, 0, 3], [1, -1, -1]]
    assert found.scores[0].tolist() == [12, 7, 3]
    assert np.isneginf(found.scores[1, 1:]).all()
    assert asked == [("a", "cup"), ("a", "red mug"), ("a", "large canvas"), ("b", "blue shoe")]
    with pytest.raises(ValueError, match="1 queries for 2 rankings"):
        rerank(ranking([[0], [1]]), score, ["a"], TEXTS)


def test_equal_scores_keep_the_order_and_pads_stay_last() -> None:
    found = reorder(ranking([[5, 3, 9, -1]]), np.array([[1.0, 2, 1, 7]]), name="other")
    assert found.positions.tolist() == [[3, 5, 9, -1]]
    assert found.name == "other"


def test_judged_pairs_are_the_ranked_candidates_with_their_label() -> None:
    queries = Catalogue("q", pd.DataFrame({"title": ["a", "b"]}, index=["q0", "q1"]))
    corpus = Catalogue("c", pd.DataFrame({"title": TEXTS}, index=list("wxyz")))
    task = Task.from_matches("t", queries, corpus, [("q0", "w", 3), ("q0", "x", 1), ("q1", "z", 3)])
    pairs, labels = judged_pairs(task, ranking([[1, 0], [2, -1]]), ["a", "b"], TEXTS, least=3)
    assert pairs == [("a", "blue shoe"), ("a", "red mug"), ("b", "large canvas")]
    assert labels.tolist() == [0, 1, 0]


def test_rerankers_by_name() -> None:
    assert isinstance(reranker("maxsim"), MaxSim)
    assert reranker("hf:some/model").name == "hf:model(reranker,256)"
    for spec in ("bm25", "hf:", ""):
        with pytest.raises(ValueError, match="maxsim"):
            reranker(spec)
