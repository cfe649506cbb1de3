"""Augmentation: what each option does by hand, that the seed fixes it, and neighbours that are
near.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from lib.training.augment import PhotoNoise, TextNoise, lsa_words, model_words, nearest_words


def several(noise, text, n=300):
    rng = np.random.default_rng(0)
    return [noise(text, rng) for _ in range(n)]


def test_words_are_dropped_swapped_and_replaced():
    text = "red mug 350 ml"
    assert set(several(TextNoise(), text)) == {text}
    dropped = several(TextNoise(drop=0.25), text)
    counts = [len(t.split()) for t in dropped]
    assert np.mean(counts) == pytest.approx(3, abs=0.15) and min(counts) >= 1
    assert all(
        t in ("red", "mug", "350", "ml") for t in several(TextNoise(drop=1.0), text)
    )  # one stays
    assert set(several(TextNoise(swap=1.0), text)) == {
        "mug 350 ml red"
    }  # each in turn trades places with its next
    once = several(TextNoise(swap=0.2), text)
    assert {"mug red 350 ml", text} < set(once) and all(
        sorted(t.split()) == sorted(text.split()) for t in once
    )
    replaced = several(
        TextNoise(replace=1.0, neighbours={"red": ["crimson", "scarlet"]}), "Red, mug"
    )
    assert set(replaced) == {"crimson mug", "scarlet mug"}


def test_chinese_is_cut_by_character_and_joined_without_blanks():
    found = several(TextNoise(drop=0.3), "不锈钢 mug")
    assert "不钢 mug" in found and not any("不 " in t and t != "不 mug" for t in found)
    assert several(TextNoise(drop=0.5), "  ", 3) == ["  "] * 3


def test_the_generator_fixes_the_wording():
    noise = TextNoise(drop=0.3, swap=0.3)
    first, again = (noise("a b c d e f g h", np.random.default_rng(3)) for _ in range(2))
    assert first == again != noise("a b c d e f g h", np.random.default_rng(4))


def test_neighbours_are_the_nearest_words_above_the_floor():
    near = nearest_words(
        ["red", "crimson", "scarlet", "mug"],
        np.array([[1, 0.0], [1, 0.1], [1, 0.3], [0, 1.0]]),
        k=2,
    )
    assert near == {
        "red": ["crimson", "scarlet"],
        "crimson": ["red", "scarlet"],
        "scarlet": ["crimson", "red"],
    }
    assert nearest_words(["red", "crimson"], np.array([[1, 0.0], [1, 0.1]]), k=9, floor=1.1) == {}


def test_words_of_the_same_texts_are_neighbours():
    texts = (
        ["red mug"] * 4
        + ["crimson mug"] * 4
        + ["steel kettle"] * 4
        + ["iron kettle"] * 4
        + ["once only"]
    )
    known, vectors = lsa_words(texts, dimensions=2)
    assert sorted(known) == ["crimson", "iron", "kettle", "mug", "red", "steel"]
    near = nearest_words(known, vectors, k=2, floor=0.9)
    assert set(near["red"]) == {"crimson", "mug"} and set(near["steel"]) == {"iron", "kettle"}


def test_a_text_models_input_vectors(tmp_path: Path):
    import transformers as hf

    from lib.encoders import encoder
    from tests.checkpoints import SMALL, WORDS, write_tokenizer

    write_tokenizer(tmp_path)
    hf.BertModel(hf.BertConfig(**SMALL, vocab_size=3 + len(WORDS))).save_pretrained(tmp_path)
    made = encoder(f"hf:{tmp_path}", precision="float32")
    known, vectors = model_words(made)
    assert known == sorted(WORDS) and vectors.shape == (8, 32)  # no special tokens
    mug = made.tokenizer.get_vocab()["mug"]
    expected = made.model.embeddings.word_embeddings.weight[mug].detach().numpy()
    np.testing.assert_allclose(vectors[known.index("mug")], expected)


def photos(n=24, size=16):
    return torch.randint(
        0, 256, (n, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_default_leaves_photos_as_they_are():
    assert torch.equal(PhotoNoise()(photos(), seeded()), photos())


def test_flips_mirror():
    assert torch.equal(PhotoNoise(flip=1.0)(photos(), seeded()), photos().flip(3))


def test_jitter_changes_light_and_crops_change_the_frame():
    plain = torch.full((24, 3, 16, 16), 100, dtype=torch.uint8)
    light = PhotoNoise(jitter=0.3)(plain, seeded()).float().mean((1, 2, 3))
    assert 70 <= light.min() < 95 and 105 < light.max() <= 130
    assert 1 < len(light.unique()) <= 3  # one draw by eights
    ramp = torch.arange(16, dtype=torch.uint8).mul(10).expand(24, 3, 16, 16)
    cropped = PhotoNoise(crop=0.3)(ramp, seeded())
    assert cropped.shape == ramp.shape and not torch.equal(cropped, ramp)
    assert torch.equal(PhotoNoise(crop=0.3)(plain, seeded()), plain)


def test_the_generator_fixes_the_photos_and_torchs_own_is_left_alone():
    noise = PhotoNoise(crop=0.5, flip=0.5, jitter=0.2)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, again = noise(photos(), seeded(3)), noise(photos(), seeded(3))
    assert torch.equal(first, again) and not torch.equal(first, noise(photos(), seeded(4)))
    assert torch.equal(before, torch.get_rng_state())
    assert noise(photos(0), seeded()).shape == (0, 3, 16, 16)


def test_what_they_refuse():
    with pytest.raises(ValueError, match="drop is a share from 0 to 1, got 1"):
        TextNoise(drop=1.5)
    with pytest.raises(ValueError, match="replace needs neighbours"):
        TextNoise(replace=0.1)
    with pytest.raises(ValueError, match="crop is a share above 0"):
        PhotoNoise(crop=0)
    with pytest.raises(ValueError, match="flip is a share"):
        PhotoNoise(flip=-0.1)
