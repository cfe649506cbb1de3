"""A tuned text encoder on a tiny BERT written here: groups come together, and it embeds as any
encoder does.
"""

import numpy as np
import pandas as pd
import pytest
import torch

from lib import Catalogue, Task, embed, encoder, evaluate, search
from lib.training import Recipe
from lib.training.augment import TextNoise
from lib.training.batches import mined
from lib.training.tuned_text_encoder import TunedTextEncoder
from tests.encoders.test_text import write_checkpoint

FAST = Recipe(epochs=12, batch=16, learning_rate=5e-3, patience=99)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return encoder(f"hf:{write_checkpoint(tmp_path_factory.mktemp('bert'), 'bert')}")


def shop(nouns=("mug", "cup", "shoe", "canvas")):
    """A noun makes the product; its colour, which frozen vectors see as much of, does not."""
    rows = [
        (f"{colour} {noun}", noun)
        for noun in nouns
        for colour in ("red", "blue", "green", "large red")
    ]
    frame = pd.DataFrame(
        rows, columns=["title", "group"], index=[f"p{i}" for i in range(len(rows))]
    )
    return Catalogue("shop", frame)


def hits(encoder_, catalogue):
    task = Task.same_label("same", catalogue, catalogue.items["group"])
    vectors = embed(encoder_, catalogue, cache=None)
    return evaluate(search(vectors, vectors, 3, exclude=task.exclude), task, ["recall@3"])[
        "recall@3"
    ].mean()


@pytest.mark.parametrize(
    "options",
    [{}, {"mine": 3}, {"method": "lora", "rank": 4}, {"loss": "multi-similarity"}],
    ids=str,
)
def test_tuning_brings_groups_together(bert, options, one_thread):
    catalogue = shop()
    tuned = TunedTextEncoder(bert, FAST, dropout=0.0, **options)
    before = tuned.state
    tuned.fit(
        catalogue,
        validation=Task.same_label("same", catalogue, catalogue.items["group"]),
        metric="recall@3",
    )
    assert hits(tuned, catalogue) > hits(bert, catalogue) + 0.2
    assert tuned.state != before


def test_it_starts_as_the_frozen_encoder_and_repeats_by_its_seed(bert, tmp_path, one_thread):
    catalogue, once = shop(), Recipe(epochs=1, batch=8)
    frozen = embed(bert, catalogue, cache=None).vectors
    np.testing.assert_allclose(
        (embed(TunedTextEncoder(bert, once), catalogue, cache=None).vectors * frozen).sum(1),
        1,
        atol=2e-3,
    )
    first, again = (TunedTextEncoder(bert, once).fit(catalogue) for _ in range(2))
    assert first.state == again.state
    assert len(embed(first, catalogue, cache=tmp_path)) == len(catalogue)  # by way of the cache


def test_a_folder_keeps_what_was_trained_and_tells_trainings_apart(bert, tmp_path, one_thread):
    once, task = Recipe(epochs=1, batch=8), Task.same_label("same", shop(), shop().items["group"])
    ways = [{}, {"mine": 2}, {"loss": "triplet"}, {"dropout": 0.5}, {"method": "ia3"}]
    ways += [{"augment": TextNoise(drop=0.5)}, {"augment": TextNoise(swap=0.5)}]
    states = [
        TunedTextEncoder(bert, once, **way).fit(shop(), folder=tmp_path).state for way in ways
    ]
    states.append(TunedTextEncoder(bert, once).fit(shop(), validation=task, folder=tmp_path).state)
    assert len(list(tmp_path.iterdir())) == len(ways) + 1
    path = next(tmp_path.glob("*/*.safetensors"))
    before = path.stat().st_mtime_ns
    assert [
        TunedTextEncoder(bert, once, **way).fit(shop(), folder=tmp_path).state for way in ways
    ] == states[:-1]
    assert path.stat().st_mtime_ns == before, "it was trained again"
    with pytest.raises(ValueError, match="cannot tell one augment from another"):
        TunedTextEncoder(bert, once, augment=lambda text, rng: text).fit(shop(), folder=tmp_path)


def test_listings_without_a_match_are_negatives(bert, one_thread):
    frame = shop().items.assign(
        group=[g if i < 8 else None for i, g in enumerate(shop().items["group"])]
    )
    seen = set()

    def watched(text, rng):
        seen.add(text)
        return text

    TunedTextEncoder(bert, Recipe(epochs=3, batch=32), mine=15, augment=watched).fit(
        Catalogue("shop", frame)
    )
    assert set(frame["title"][:8]) < seen  # and some of the others


def test_nothing_to_learn_from_is_an_error(bert):
    with pytest.raises(ValueError, match="training part is empty"):
        TunedTextEncoder(bert, FAST).fit(
            Catalogue("lonely", pd.DataFrame({"title": ["mug", "cup"], "group": ["a", "b"]}))
        )


def test_mined_batches_hold_near_groups_and_every_group_once():
    labels = np.repeat(np.arange(8), 2).astype(object)
    near = np.array([[row, (row + 8) % 16, -1] for row in range(16)])  # group g is next to g + 4
    batches = list(
        mined(labels, np.arange(16), near, groups=2, members=2)(np.random.default_rng(0))
    )
    assert sorted(np.concatenate(batches)) == list(range(16))
    assert all(len({labels[row] % 4 for row in batch}) == 1 for batch in batches)


def test_it_embeds_in_the_precision_of_its_start(bert, monkeypatch):
    tuned, rounded = TunedTextEncoder(bert, FAST), []
    hidden = tuned._hidden

    def watched(*given):
        rounded.append(torch.is_autocast_enabled("cpu"))
        return hidden(*given)

    monkeypatch.setattr(tuned, "_hidden", watched)
    for precision in ("float32", "bfloat16"):
        tuned.precision = precision
        tuned.encode(shop())
    assert rounded == [False, True]
