"""Learned fusion: it uses both modalities, survives missing ones, repeats by seed, and refuses what
it cannot take.
"""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array

from lib import Catalogue, Embeddings, Task, concat, evaluate, search
from lib.training import Recipe
from lib.training.fusers import NETWORKS, Fuser, Linear, _drop


def shop(seed, n=240, labels=30):
    """Two modalities that each show half of a label, under noise.

    Neither alone tells labels apart.
    """
    rng = np.random.default_rng(seed)
    label = rng.integers(0, labels, n)
    codes = np.random.default_rng(99).normal(size=(2, labels, 6))
    codes[0] = codes[0][np.arange(labels) // 5]  # text knows the family of five
    codes[1] = codes[1][np.arange(labels) % 5]  # the photo knows which of the five
    ids = np.array([f"{seed}-{i}" for i in range(n)], object)
    vectors = [np.hstack([codes[m][label], rng.normal(size=(n, 12)) * 1.2]) for m in (0, 1)]
    parts = [Embeddings(name, ids, v) for name, v in zip(("text", "photo"), vectors, strict=True)]

    task = Task.same_label("t", Catalogue("c", pd.DataFrame(index=ids)), label)
    return parts, label, task


def score(embeddings, task):
    return evaluate(search(embeddings, embeddings, 10, exclude=task.exclude), task, ["ndcg@10"])[
        "ndcg@10"
    ].mean()


RECIPE = Recipe(epochs=15, learning_rate=3e-3)


@pytest.mark.parametrize("method", NETWORKS)
def test_every_network_learns_more_than_concatenation_and_works_with_one_modality(method):
    parts, label, _ = shop(0, n=600)
    test, _, task = shop(1)
    fuser = Fuser(method, dimensions=32, recipe=RECIPE).fit(parts, label)
    assert score(fuser(test), task) > score(concat(test), task) + 0.1
    blank = Embeddings("photo", test[1].ids, np.zeros_like(test[1].vectors))
    alone = fuser([test[0], blank])
    assert alone.present.all()
    assert score(alone, task) > score(test[0], task) - 0.02
    half = np.arange(len(test[0])) % 2 == 0
    nothing = [Embeddings(p.name, p.ids, p.vectors * half[:, None]) for p in test]
    assert np.array_equal(fuser(nothing).present, half)


def test_the_linear_map_starts_as_concatenation():
    parts, _, _ = shop(0, n=20)
    present = torch.ones(20, 2, dtype=torch.bool)
    fused = Linear([18, 18], 8)([torch.as_tensor(p.vectors) for p in parts], present)
    np.testing.assert_allclose(
        Embeddings("x", parts[0].ids, fused.detach().numpy()).vectors,
        concat(parts).vectors,
        atol=1e-6,
    )


def test_the_seed_fixes_the_fusion_and_leaves_the_global_one():
    parts, label, _ = shop(0)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again = (
        Fuser("gated", dimensions=16, recipe=Recipe(epochs=2)).fit(parts, label)(parts).vectors
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)
    assert torch.equal(before, torch.get_rng_state())


def test_a_missing_modality_is_not_read():
    parts, label, _ = shop(0)
    fuser = Fuser("attention", dimensions=16, recipe=Recipe(epochs=1)).fit(parts, label)
    vectors, present = (
        [torch.as_tensor(p.vectors) for p in parts],
        torch.tensor([[True, False]]).expand(len(parts[0]), 2),
    )
    with torch.inference_mode():
        told = [
            fuser.network([vectors[0], v], present)
            for v in (vectors[1], torch.randn_like(vectors[1]))
        ]
    torch.testing.assert_close(told[0], told[1])


def test_validation_keeps_the_best_epoch():
    parts, label, _ = shop(0)
    other, _, task = shop(1)
    fuser = Fuser("linear", recipe=Recipe(epochs=6, learning_rate=0.05)).fit(
        parts, label, validation=(other, task, "ndcg@10")
    )
    last = Fuser("linear", recipe=Recipe(epochs=6, learning_rate=0.05)).fit(parts, label)
    assert score(fuser(other), task) >= score(last(other), task)


def test_drop_never_takes_the_last_modality():
    present = torch.tensor([[True, True], [True, False], [False, False]])
    generator = torch.Generator().manual_seed(0)
    kept = [_drop(present, 0.9, generator) for _ in range(50)]
    assert all(k[0].any() and k[1, 0] and not k[1, 1] and not k[2].any() for k in kept)
    assert any(not k[0].all() for k in kept)


def test_what_it_refuses():
    parts, label, _ = shop(0)
    with pytest.raises(ValueError, match="there are linear, gated, recurrent, attention"):
        Fuser("bilinear")
    with pytest.raises(RuntimeError, match="call fit"):
        Fuser("gated")(parts)
    with pytest.raises(ValueError, match="training part is empty"):
        Fuser("gated").fit(parts, np.arange(len(label)))  # no two alike
    sparse = Embeddings("words", parts[0].ids, csr_array(parts[0].vectors))
    with pytest.raises(ValueError, match="is sparse: encode it with lsa"):
        Fuser("gated").fit([sparse, parts[1]], label)
    fuser = Fuser("gated", dimensions=8, recipe=Recipe(epochs=1)).fit(parts, label)
    with pytest.raises(ValueError, match=r"fitted on parts \[18, 18\] wide, got \[18\]"):
        fuser(parts[:1])


def test_products_without_a_label_teach_nothing():
    parts, label, _ = shop(0)
    with pytest.raises(ValueError, match="training part is empty"):
        Fuser("gated").fit(parts, [None] * len(label))
