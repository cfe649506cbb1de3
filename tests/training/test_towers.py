"""Towers: they learn what they are told to, behave as encoders, survive a disk, and start from
checkpoints.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import transformers as hf
from PIL import Image
from safetensors.torch import load_model, save_model

from lib import Catalogue, Task, embed, encoder, evaluate, search
from lib.encoders.base import Encoder
from lib.encoders.lexical import Tfidf
from lib.training import Recipe
from lib.training.augment import PhotoNoise, TextNoise
from lib.training.tower_networks import BagTower, PhotoTower
from lib.training.towers import Towers
from tests.checkpoints import SMALL, WORDS, write_joint, write_tokenizer

pytestmark = pytest.mark.usefixtures("one_thread")

SHADES = [(r, g, b) for r in (30, 220) for g in (30, 220) for b in (30, 220)]
QUICK = Recipe(epochs=12, batch=24, learning_rate=5e-3)
SMALLER = {"text": {"buckets": 512}, "image": {"width": 8, "size": 32}}


def goods(folder: Path, *, products: int = 8, listings: int = 4, seed: int = 0) -> Catalogue:
    """Products of one colour and one word each, which every listing shows among other words and
    before another backdrop.
    """
    rng = np.random.default_rng(seed)
    rows = {}
    for product in range(products):
        for listing in range(listings):
            name = f"{product}-{listing}"
            photo = np.empty((20, 20, 3), np.uint8)
            photo[:] = rng.integers(
                0, 255, 3
            )  # the backdrop fills more of the photo than the product does
            photo[6:14, 6:14] = np.clip(
                np.array(SHADES[product % 8]) + rng.integers(-25, 25, 3), 0, 255
            )
            path = folder / f"{seed}-{name}.png"
            Image.fromarray(photo).save(path)
            own = WORDS[product % 8]
            title = " ".join(
                rng.permutation([own, *rng.choice(["offer", "new", "sale", "best", "shop"], 2)])
            )
            rows[name] = {"title": title, "image": str(path), "group": str(product)}
    return Catalogue("goods", pd.DataFrame.from_dict(rows, orient="index"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return goods(tmp_path_factory.mktemp("photos"), listings=12)


def quick(**options: object) -> Towers:
    return Towers(**({"dimensions": 16, "options": SMALLER, "recipe": QUICK} | options))


def recall(made: Encoder, catalogue: Catalogue) -> float:
    task = Task.same_label("same", catalogue, catalogue.items["group"])
    found = embed(made, catalogue, cache=None)
    return evaluate(search(found, found, 3, exclude=task.exclude), task, ["recall@3"])[
        "recall@3"
    ].mean()


def test_both_towers_learn_products_and_find_each_other(shop: Catalogue, tmp_path: Path) -> None:
    unseen = goods(tmp_path, seed=1)
    before, towers = quick(), quick()
    before.network["text"].learn(shop.text())
    towers.fit(shop, shop.items["group"])
    for modality in ("text", "image", "product"):
        untrained, trained = (recall(t.encoder(modality), unseen) for t in (before, towers))
        assert trained > 0.9 > untrained, modality
    texts, photos = (embed(towers.encoder(side), unseen, cache=None) for side in ("text", "image"))
    groups = unseen.items["group"].to_numpy()
    assert (groups[search(texts, photos, 1).positions.ravel()] == groups).mean() > 0.9


def test_clip_alone_needs_no_labels(shop: Catalogue, tmp_path: Path) -> None:
    unseen = goods(tmp_path, seed=1)
    towers = quick(losses={"clip": 1.0}).fit(shop)
    texts, photos = (embed(towers.encoder(side), unseen, cache=None) for side in ("text", "image"))
    groups = unseen.items["group"].to_numpy()
    assert (
        groups[search(texts, photos, 1).positions.ravel()] == groups
    ).mean() > 0.8  # 1 / 8 at random


@pytest.mark.parametrize("loss", ["triplet", "multi-similarity", "arcface"])
def test_other_objectives_teach_a_photo_tower(loss: str, shop: Catalogue, tmp_path: Path) -> None:
    unseen = goods(tmp_path, seed=1)
    towers = quick(text=None, loss=loss)
    assert recall(towers.encoder("image"), unseen) < 0.3
    assert recall(towers.fit(shop, shop.items["group"]).encoder("image"), unseen) > 0.8


def test_a_rare_product_is_learned_better_when_it_comes_as_often(
    shop: Catalogue, tmp_path: Path
) -> None:
    rare = shop.items["group"] == "3"
    skewed = shop.take(np.flatnonzero(~rare | (rare.cumsum() <= 2)))
    options = {
        "text": None,
        "loss": "arcface",
        "recipe": Recipe(epochs=10, batch=24, learning_rate=5e-3),
    }
    unseen = goods(tmp_path, seed=1, listings=8)
    task = Task.same_label("same", unseen, unseen.items["group"])
    scores = []
    for imbalance in (None, "resample"):
        towers = quick(**options, imbalance=imbalance).fit(skewed, skewed.items["group"])
        scores.append(
            towers.score(task, ["recall@7"])["recall@7"][
                (unseen.items["group"] == "3").to_numpy()
            ].mean()
        )
    assert scores[1] > scores[0]


def test_class_weights_reach_the_loss(shop: Catalogue) -> None:
    towers = quick(text=None, loss="arcface", imbalance="weights")
    codes = np.array([0] * 60 + [1] * 20 + [-1] * 16)
    criteria = towers.criteria(codes)
    np.testing.assert_allclose(criteria["image"].cross_entropy.weight, [80 / 120, 80 / 40])
    module = torch.nn.ModuleDict({"towers": towers.network, "losses": criteria})
    loss = towers.multitask_loss(towers.read(shop), codes)
    value = loss(module, torch.arange(50, 96), torch.Generator())
    assert value.requires_grad and value > 0


def test_some_may_lack_a_photo_a_text_or_a_label(shop: Catalogue) -> None:
    items = shop.items.copy()
    items.iloc[::3, items.columns.get_loc("image")] = None
    items.iloc[1::3, items.columns.get_loc("title")] = None
    items.iloc[40:, items.columns.get_loc("group")] = None
    some = Catalogue("some", items)
    made = (
        quick(recipe=Recipe(epochs=2, batch=6))
        .fit(some, some.items["group"])
        .encoder("product")
        .encode(some)
    )
    assert np.isfinite(made).all() and made.any(axis=1).all()


def test_they_are_encoders(shop: Catalogue, tmp_path: Path) -> None:
    towers = quick(recipe=Recipe(epochs=1, batch=48)).fit(shop, shop.items["group"])
    some = Catalogue("some", shop.items.iloc[:5].assign(title=["red", None, None, "mug", "cup"]))
    some = Catalogue(
        "some",
        some.items.assign(
            image=[some.items["image"].iloc[0], None, some.items["image"].iloc[2], None, None]
        ),
    )
    there = {"text": [1, 0, 0, 1, 1], "image": [1, 0, 1, 0, 0], "product": [1, 0, 1, 1, 1]}
    for modality, present in there.items():
        made = towers.encoder(modality)
        assert isinstance(made, Encoder) and made.fit(some) is made and made.modality == modality
        vectors = made.encode(some)
        assert vectors.any(axis=1).astype(int).tolist() == present
        assert [c is not None for c in made.contents(some)] == [bool(p) for p in present]
        alone = np.vstack([made.encode(some.take([n])) for n in range(5)])
        np.testing.assert_allclose(vectors, alone, atol=2e-2)  # photos pass through bfloat16
        np.testing.assert_array_equal(
            embed(made, some, cache=tmp_path).vectors, embed(made, some, cache=tmp_path).vectors
        )
        assert made.parameters > 0
        assert made.encode(some.take([])).shape == (0, 32 if modality == "product" else 16)
    names = {towers.encoder(m).name for m in there} | {
        quick(fields=("title", "brand")).encoder("text").name
    }
    assert len(names) == 4 and "towers:bag+cnn(product,title)" in names


def test_a_products_cosine_is_the_mean_of_its_towers(shop: Catalogue) -> None:
    towers = quick()
    text, image, both = (
        embed(towers.encoder(m), shop, cache=None).vectors for m in ("text", "image", "product")
    )
    np.testing.assert_allclose(both @ both.T, (text @ text.T + image @ image.T) / 2, atol=1e-5)


def test_a_score_is_that_of_its_vectors(shop: Catalogue, tmp_path: Path) -> None:
    towers, corpus = quick(), goods(tmp_path, seed=1)
    task = Task.from_matches(
        "t", shop, corpus, [(q, i) for q in shop.ids for i in corpus.ids if q[0] == i[0]]
    )
    queries, found = (embed(towers.encoder("product"), some, cache=None) for some in (shop, corpus))
    expected = evaluate(search(queries, found, 10), task, ["ndcg@10", "hit@1"])
    pd.testing.assert_frame_equal(towers.score(task, ["ndcg@10", "hit@1"]), expected)


def test_the_seed_fixes_the_result_and_leaves_torchs_own(shop: Catalogue) -> None:
    noise = {"image": PhotoNoise(crop=0.7, jitter=0.1), "text": TextNoise(drop=0.2)}
    torch.manual_seed(1)
    before = torch.get_rng_state()
    made = [
        quick(noise=noise, recipe=Recipe(epochs=2, batch=48, seed=s))
        .fit(shop, shop.items["group"])
        .encoder("product")
        for s in (0, 0, 1)
    ]
    assert torch.equal(before, torch.get_rng_state())
    first, again, other = (m.encode(shop) for m in made)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-2 and made[0].state == made[1].state != made[2].state


def test_fitting_on_goes_on_and_validation_keeps_the_best(shop: Catalogue, tmp_path: Path) -> None:
    unseen = goods(tmp_path, seed=1)
    task = Task.same_label("same", unseen, unseen.items["group"])
    towers = quick(text=None, recipe=Recipe(epochs=6, batch=48, learning_rate=0.05))
    towers.fit(shop, shop.items["group"], validation=(task, "ndcg@10"))
    last = quick(text=None, recipe=Recipe(epochs=6, batch=48, learning_rate=0.05)).fit(
        shop, shop.items["group"]
    )
    assert towers.score(task).mean().item() >= last.score(task).mean().item()
    state = towers.encoder("image").state
    assert towers.fit(shop, shop.items["group"]).encoder("image").state != state


def test_their_weights_are_saved_as_any_modules(shop: Catalogue, tmp_path: Path) -> None:
    options = {"fields": ("title", "group"), "recipe": Recipe(epochs=1, batch=48)}
    towers, again = quick(**options), quick(**options)
    towers.fit(shop, shop.items["group"])
    save_model(towers.network, tmp_path / "towers.safetensors")
    load_model(again.network, tmp_path / "towers.safetensors")
    assert again.encoder("product").state == towers.encoder("product").state
    np.testing.assert_array_equal(
        again.encoder("product").encode(shop), towers.encoder("product").encode(shop)
    )


def test_the_bag_starts_as_tfidf_and_knows_its_weights() -> None:
    rng = np.random.default_rng(0)
    vocabulary = ["".join(rng.choice(list("abcdefgh"), 5)) for _ in range(60)]
    titles = [" ".join(rng.choice(vocabulary, 6, replace=False)) for _ in range(50)]
    tower = BagTower(dimensions=512)
    tower.learn(titles)
    with torch.inference_mode():
        vectors = torch.nn.functional.normalize(tower(titles), dim=1).numpy()
    words = (
        Tfidf()
        .fit(Catalogue("t", pd.DataFrame({"title": titles})))
        .encode(Catalogue("t", pd.DataFrame({"title": titles})))
    )
    expected = (words @ words.T).toarray()
    off = ~np.eye(50, dtype=bool)
    assert np.corrcoef((vectors @ vectors.T)[off], expected[off])[0, 1] > 0.8
    with torch.inference_mode():
        torch.testing.assert_close(tower(["mug mug"]), tower(["mug"]))
    rarity = tower.rarity.clone()
    tower.learn(titles[:3])
    assert torch.equal(tower.rarity, rarity)  # once


def test_photos_are_padded_whole(tmp_path: Path) -> None:
    Image.new("RGB", (40, 20), "black").save(tmp_path / "wide.png")
    (pixels,) = PhotoTower(size=32).photos([str(tmp_path / "wide.png")])
    assert pixels.shape == (3, 32, 32) and pixels[:, 16].max() == 0 and pixels[:, :8].min() == 255
    assert PhotoTower(size=32).photos([]).shape == (0, 3, 32, 32)
    with pytest.raises(ValueError, match="32 pixels or more, got 16"):
        PhotoTower(size=16)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("checkpoints")
    text = base / "bert"
    write_tokenizer(text)
    torch.manual_seed(0)
    hf.BertModel(
        hf.BertConfig(**SMALL, vocab_size=3 + len(WORDS)), add_pooling_layer=False
    ).save_pretrained(text)
    return {"text": text, "clip": write_joint(base / "clip", "clip")}


def test_from_a_clip(shop: Catalogue, folders: dict) -> None:
    spec = f"clip:{folders['clip']}"
    towers = Towers(
        text=spec,
        image=spec,
        losses={"clip": 1.0},
        recipe=Recipe(epochs=4, batch=48, learning_rate=2e-3),
    )
    for side in ("text", "image"):  # before training they are the checkpoint's own encoders
        own = embed(encoder(spec, tower=side), shop, cache=None).vectors
        assert (embed(towers.encoder(side), shop, cache=None).vectors * own).sum(1).min() > 0.995
    untrained = towers.encoder("text").state
    towers.fit(shop, shop.items["group"])
    assert towers.encoder("text").state != untrained


def test_from_a_text_model_and_torchvision(shop: Catalogue, folders: dict, tmp_path: Path) -> None:
    torch.manual_seed(3)
    from safetensors.torch import save_file
    from torchvision.models import get_model

    save_file(get_model("squeezenet1_1").state_dict(), tmp_path / "squeeze.safetensors")
    options = {
        "image": {"weights": str(tmp_path / "squeeze.safetensors"), "size": 64},
        "text": {"pooling": "cls"},
    }
    few = shop.take(np.arange(9, 15))  # of two products
    towers = Towers(
        text=f"hf:{folders['text']}",
        image="torchvision:squeezenet1_1",
        dimensions=8,
        options=options,
        recipe=Recipe(epochs=1, batch=6, learning_rate=1e-4),
    )
    assert towers.read(few).pixels.shape == (6, 3, 64, 64)
    before = towers.encoder("product").encode(few)
    towers.fit(few, few.items["group"])
    assert np.abs(towers.encoder("product").encode(few) - before).max() > 1e-4


def test_the_bundled_text_model_as_a_tower(shop: Catalogue) -> None:
    few = shop.take(np.arange(3))
    towers = Towers(text="minilm", image=None, dimensions=8)
    tower = towers.network["text"]
    with torch.inference_mode():
        pooled = tower.source.pooled(tower.model, tower.source.tokens(few.text()))
    pooled = torch.nn.functional.normalize(pooled, dim=1)
    own = embed(encoder("minilm", precision="float32"), few, cache=None).vectors
    np.testing.assert_allclose(pooled.numpy(), own, atol=1e-4)
    assert towers.encoder("text").encode(few).shape == (3, 8)


def test_what_they_refuse(shop: Catalogue, folders: dict) -> None:
    with pytest.raises(ValueError, match="'colour' is no TorchvisionEncoder, so it cannot be a"):
        Towers(image="colour")
    with pytest.raises(ValueError, match="neither a text nor a photo tower"):
        Towers(text=None, image=None)
    with pytest.raises(ValueError, match="give text and image the same folder"):
        Towers(text=f"clip:{folders['clip']}", image="cnn")
    with pytest.raises(ValueError, match=r"can learn by \['text'\], got losses \['clip'\]"):
        Towers(image=None, losses={"clip": 1.0})
    with pytest.raises(
        ValueError, match="or, for arcface, \"weights\"; got 'weights' for 'infonce'"
    ):
        Towers(imbalance="weights")
    for labels, got in (
        (None, "got 0 products"),
        ([0] * 96, "got 1 products"),
        (range(96), "got 96 products, at most 1 listings"),
    ):
        with pytest.raises(
            ValueError, match=f"loss 'image' needs labels of two products or more, .*; {got}"
        ):
            quick(text=None).fit(shop, labels)
    bare = Catalogue("bare", shop.items.assign(image=None))
    with pytest.raises(ValueError, match="loss 'clip' needs products with a text and a photo"):
        quick(losses={"clip": 1.0}).fit(bare)
    with pytest.raises(ValueError, match=r"these towers encode \['text'\], not 'product'"):
        Towers(image=None).encoder("product")
    with pytest.raises(ValueError, match=r"loss 'text' needs labels .* got 0 products"):
        quick(image=None).fit(shop.take([]), [])


def test_few_photos_are_enough_for_a_photo_loss(shop: Catalogue) -> None:
    photos = [path if row < 24 else None for row, path in enumerate(shop.items["image"])]
    some = Catalogue("some", shop.items.assign(image=photos))
    made = quick(losses={"image": 1.0}, recipe=Recipe(epochs=2, batch=12)).fit(
        some, some.items["group"]
    )
    assert np.isfinite(embed(made.encoder("image"), shop, cache=None).vectors).all()


def test_a_stopped_training_of_towers_goes_on(shop: Catalogue, tmp_path: Path) -> None:
    def stop(entry: dict) -> None:
        if entry["epoch"] == 3:
            raise KeyboardInterrupt

    def made() -> Towers:
        return quick(
            noise={"image": PhotoNoise(flip=0.5)},
            recipe=Recipe(epochs=5, batch=24, learning_rate=5e-3),
        )

    whole = made().fit(shop, shop.items["group"])
    with pytest.raises(KeyboardInterrupt):
        made().fit(shop, shop.items["group"], folder=tmp_path, watch=stop)
    history: list[dict] = []
    resumed = made().fit(shop, shop.items["group"], folder=tmp_path, watch=history.append)
    assert [entry["epoch"] for entry in history] == [1, 2, 3, 4, 5]
    for name, weights in whole.network.state_dict().items():
        assert torch.allclose(resumed.network.state_dict()[name], weights), name
    other = quick(
        noise={"image": PhotoNoise(flip=0.1)}, recipe=Recipe(epochs=5, batch=24, learning_rate=5e-3)
    )
    other.fit(shop, shop.items["group"], folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
