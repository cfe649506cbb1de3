"""The LSTM over titles: batches as one by one, determinism, what training adds, and its cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from lib import Embeddings, embed, evaluate, load, search
from lib.data.catalogue import Catalogue
from lib.encoders import encoder
from lib.training.lstm import build


def titles(*texts: str | None) -> Catalogue:
    return Catalogue(
        "c", pd.DataFrame({"title": list(texts)}, index=[f"i{n}" for n in range(len(texts))])
    )


TOYS = titles(
    "red mug", "blue mug", "red cup", "blue cup large", "水乳套装", "水乳", None, "red mug", "!"
)


pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_batch_equals_one_by_one_and_order_matters() -> None:
    made = encoder("lstm", dimensions=16, epochs=2).fit(TOYS)
    vectors = made.encode(TOYS)
    alone = np.vstack([made.encode(TOYS.take([n])) for n in range(len(TOYS))])
    np.testing.assert_allclose(vectors, alone, atol=1e-6)
    assert vectors.shape == (9, 16) and vectors.dtype == np.float32
    assert not vectors[[6, 8]].any() and vectors[:6].any(axis=1).all()
    there, back = made.encode(titles("red mug", "mug red"))
    assert np.abs(there - back).max() > 1e-3  # unlike a bag of words
    assert made.encode(titles()).shape == (0, 16)


def test_long_texts_are_cut_and_unknown_words_are_one() -> None:
    made = encoder("lstm", dimensions=16, epochs=1).fit(TOYS)
    cut, long, unheard, unseen = made.encode(
        titles("red " * 64, "red " * 99, "red unheard", "red unseen")
    )
    np.testing.assert_array_equal(cut, long)
    np.testing.assert_array_equal(unheard, unseen)


def test_the_seed_fixes_the_result_and_disturbs_no_other(tmp_path: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    made = [encoder("lstm", dimensions=16, epochs=3, seed=s).fit(TOYS) for s in (0, 0, 1)]
    assert torch.rand(1) == expected
    first, again, other = (m.encode(TOYS) for m in made)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    assert made[0].state == made[1].state != made[2].state
    stored = embed(made[0], TOYS, cache=tmp_path)
    np.testing.assert_array_equal(embed(made[1], TOYS, cache=tmp_path).vectors, stored.vectors)
    assert len(list(tmp_path.iterdir())) == 1
    embed(made[2], TOYS, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_it_finds_the_same_product_and_training_is_why() -> None:
    shop = load("bazaar", rows=240)
    same, category = shop.tasks["same product"], shop.tasks["category"]

    def scores(vectors: np.ndarray) -> tuple[float, float]:
        found = Embeddings("lstm", shop.catalogue.ids, vectors)
        ranking = search(found, found, 10, exclude=same.exclude)
        hit, kind = (
            evaluate(ranking, same, ["hit@10"]),
            evaluate(ranking, category, ["precision@10"]),
        )
        return hit["hit@10"].mean(), kind["precision@10"].mean()

    made = encoder("lstm").fit(shop.catalogue)
    hit, kind = scores(made.encode(shop.catalogue))
    assert hit > 0.9 and kind > 0.8  # at random .07 and .10
    made._network = build(len(made._vocabulary) + 2, 128, seed=0).eval()
    hit_untrained, kind_untrained = scores(made.encode(shop.catalogue))
    assert hit > hit_untrained + 0.01 and kind > kind_untrained + 0.03


def test_errors_and_size() -> None:
    with pytest.raises(
        RuntimeError, match=r"lstm\(.*\) has learned nothing yet; call fit\(catalogue\) first"
    ):
        encoder("lstm").encode(TOYS)
    with pytest.raises(ValueError, match="catalogue 'c' has no words"):
        encoder("lstm").fit(titles(None, "?"))
    with pytest.raises(ValueError, match="give an even number, got 7"):
        encoder("lstm", dimensions=7)
    with pytest.raises(ValueError, match="drop is a share between 0 and 1, got 0"):
        encoder("lstm", drop=0)
    made = encoder("lstm", dimensions=16, epochs=1)
    assert made.state is None and made.parameters == 0
    # red, blue, mug, cup, 水乳 occur twice; padding and unknown; two directions of 4 gates
    learned = 7 * 16 + 2 * 4 * (8 * 16 + 8 * 8 + 2 * 8)
    assert made.fit(TOYS).parameters == learned and made.encode(TOYS).shape[1] == 16
