"""Without labels and with few: each way of learning gains what it should, and leaves the rest
alone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import transformers as hf

from lib import Catalogue, Embeddings, encoder
from lib.training import Recipe
from lib.training.augment import PhotoNoise, TextNoise
from lib.training.selfsupervised import confident_floor, masked_language, pseudo_labels, two_views
from lib.training.tower_encoder import vectors
from lib.training.towers import Towers
from tests.checkpoints import SMALL, WORDS, write_tokenizer
from tests.training.test_towers import goods, quick

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return goods(tmp_path_factory.mktemp("photos"), listings=12)


def test_two_views_of_an_unseen_photo_find_each_other(shop: Catalogue, tmp_path: Path) -> None:
    noise = PhotoNoise(crop=0.3, flip=0.5, jitter=0.3)
    unseen = goods(tmp_path, seed=1)

    def found(towers: Towers) -> float:
        generator, inputs = torch.Generator().manual_seed(0), towers.read(unseen)
        rows, tower = torch.arange(len(unseen)), towers.network["image"].eval()
        with torch.inference_mode():
            one, other = (
                vectors(tower, inputs, rows, noise=noise, generator=generator) for _ in range(2)
            )
        return ((one @ other.T).argmax(1) == rows).float().mean().item()

    towers = quick(noise={"image": noise})
    text, before = towers.encoder("text").state, found(towers)
    recipe = Recipe(epochs=15, batch=48, learning_rate=5e-3)
    two_views(towers, "image", shop, recipe)
    assert found(towers) > before + 0.1
    assert towers.encoder("text").state == text
    again = quick(noise={"image": noise})
    two_views(again, "image", shop, recipe)
    assert again.encoder("image").state == towers.encoder("image").state


def test_two_views_of_a_text_take_equal_texts_for_one() -> None:
    titles = ["red mug large", "red mug large", "blue canvas shoe", "green cup", None]
    few = Catalogue("few", pd.DataFrame({"title": titles}, index=list("abcde")))
    towers = quick(image=None, noise={"text": TextNoise(drop=0.4)})
    two_views(towers, "text", few, Recipe(epochs=20, batch=8, learning_rate=5e-3))
    vectors = towers.encoder("text").encode(few)
    assert (towers.network["text"].rarity != 1).any() and not vectors[4].any()
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)
    parts = towers.encoder("text").encode(
        Catalogue("p", pd.DataFrame({"title": ["red large", "canvas blue"]}, index=["x", "y"]))
    )
    assert (parts @ vectors[[0, 2]].T).argmax(1).tolist() == [0, 1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    write_tokenizer(folder)
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"mask_token": "[MASK]"})
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    hf.BertModel(
        hf.BertConfig(**SMALL, vocab_size=len(tokenizer)), add_pooling_layer=False
    ).save_pretrained(folder)
    return folder


def test_masked_words_are_learned_and_the_model_stays_an_encoder(
    folder: Path, tmp_path: Path
) -> None:
    texts = ["red mug", "blue cup", "green shoe", "large canvas", "", " "] * 8
    recipe = Recipe(epochs=1, batch=16, learning_rate=5e-3)
    first = masked_language(f"hf:{folder}", texts, tmp_path / "once", recipe, share=0.3)
    last = masked_language(
        f"hf:{folder}",
        texts,
        tmp_path / "often",
        Recipe(epochs=30, batch=16, learning_rate=5e-3),
        share=0.3,
    )
    assert last < first - 0.5
    few = Catalogue("few", pd.DataFrame({"title": ["red mug", "shoe"]}, index=["a", "b"]))
    made = [
        encoder(f"hf:{f}", precision="float32").encode(few)
        for f in (folder, tmp_path / "once", tmp_path / "often")
    ]
    assert all(m.shape == (2, 32) for m in made) and np.abs(made[0] - made[2]).max() > 0.1
    masked_language(f"hf:{folder}", texts, tmp_path / "again", recipe, share=0.3)
    again = encoder(f"hf:{tmp_path / 'again'}", precision="float32").encode(few)
    np.testing.assert_allclose(again, made[1], atol=1e-5)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again", "often", "once"]


def test_what_masking_refuses(folder: Path, tmp_path: Path) -> None:
    write_tokenizer(tmp_path / "plain")
    hf.BertConfig(**SMALL, vocab_size=3 + len(WORDS)).save_pretrained(tmp_path / "plain")
    with pytest.raises(ValueError, match="has no mask token"):
        masked_language(f"hf:{tmp_path / 'plain'}", ["red"], tmp_path / "out", Recipe(epochs=1))
    with pytest.raises(ValueError, match="no text to learn from"):
        masked_language(f"hf:{folder}", ["", " "], tmp_path / "out", Recipe(epochs=1))
    assert not (tmp_path / "out").exists()


def angles(*degrees: float | None) -> Embeddings:
    turned = [
        [0.0, 0.0] if d is None else [np.cos(np.radians(d)), np.sin(np.radians(d))] for d in degrees
    ]
    return Embeddings("angles", np.arange(len(degrees)).astype(str), np.array(turned))


def test_pseudo_labels_by_hand() -> None:
    found = angles(0, 2, 40, 44, 90, 91, None, 93, 140)
    labels = [None, None, None, None, "a", None, None, None, None]
    close = pseudo_labels(found, labels, floor=np.cos(np.radians(3)))
    assert close[0] == close[1] == ("pseudo", 0) and close[4] == "a"
    assert all(
        label is None for label in close[[2, 3, 5, 6, 7, 8]]
    )  # too far; 91's nearest is labelled; nothing is there
    wide = pseudo_labels(found, labels, floor=np.cos(np.radians(5)))
    assert wide[2] == wide[3] == ("pseudo", 2) != wide[0]
    assert pseudo_labels(angles(3), ["a"], floor=0.5).tolist() == ["a"]


def test_the_floor_is_the_lowest_that_is_precise_enough() -> None:
    found = angles(0, 1, 40, 42, 80, 83, 120, 124, 170, 175)
    labels = [
        "a",
        "a",
        "b",
        "b",
        "c",
        "d",
        "e",
        "e",
        None,
        "f",
    ]  # right, right, wrong, right, not known
    assert confident_floor(found, labels, precision=0.75) == pytest.approx(np.cos(np.radians(4)))
    assert confident_floor(found, labels, precision=0.9) == pytest.approx(np.cos(np.radians(2)))
    with pytest.raises(ValueError, match="no cosine gives mutual nearest neighbours"):
        confident_floor(angles(0, 1), ["a", "b"], precision=0.5)


def test_what_they_refuse(shop: Catalogue) -> None:
    with pytest.raises(ValueError, match="two views of one image must differ"):
        two_views(quick(), "image", shop, Recipe(epochs=1))


def test_a_batch_of_few_words_masks_one_at_least(folder: Path, tmp_path: Path) -> None:
    texts = [f"{word} {other}" for word in WORDS[:3] for other in WORDS[:3]]
    for seed in range(3):
        loss = masked_language(
            f"hf:{folder}", texts, tmp_path / str(seed), Recipe(epochs=3, batch=2, seed=seed)
        )
        assert np.isfinite(loss)
