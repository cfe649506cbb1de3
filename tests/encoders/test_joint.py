"""CLIP and SigLIP on tiny checkpoints: both towers give one space, the scores are the makers' own,
texts find photos.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import transformers as hf
from PIL import Image

from lib.data.catalogue import Catalogue
from lib.encoders import encoder
from lib.encoders.embeddings import embed
from lib.search.exact import search
from tests.checkpoints import POSITIONS, TEXTS, as_pickle, write_joint, write_vision

pytestmark = pytest.mark.usefixtures("one_thread")
FAMILIES = ["clip", "siglip"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("joint")
    return {family: write_joint(root / f"tiny-{family}", family) for family in FAMILIES}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    paths: list[str | None] = []
    for n in range(len(TEXTS)):
        Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)).resize((48, 40)).save(
            folder / f"{n}.png"
        )
        paths.append(str(folder / f"{n}.png"))
    items = {"title": [*TEXTS, None, "red cup"], "image": [*paths, paths[0], None]}
    return Catalogue("shop", pd.DataFrame(items, index=[f"i{n}" for n in range(len(TEXTS) + 2)]))


def makers_scores(folder: Path, family: str, shop: Catalogue) -> np.ndarray:
    """The cosines (texts, photos) by the makers' whole model, each text alone, padded as the makers
    say.
    """
    model, tokenizer = (
        hf.AutoModel.from_pretrained(folder).eval(),
        hf.AutoTokenizer.from_pretrained(folder),
    )
    processor = hf.AutoImageProcessor.from_pretrained(folder)
    pixels = processor(
        [Image.open(p).convert("RGB") for p in shop.items["image"][:-1]], return_tensors="pt"
    )
    rows = []
    for text in TEXTS:
        full = {"padding": "max_length"} if family == "siglip" else {}
        tokens = tokenizer(text, truncation=True, max_length=POSITIONS, return_tensors="pt", **full)
        ids = {"input_ids": tokens["input_ids"]}
        with torch.inference_mode():
            output = model(**ids, **pixels)
        rows.append(output.text_embeds @ output.image_embeds.T)
    return torch.cat(rows).numpy()


@pytest.mark.parametrize("family", FAMILIES)
def test_text_finds_photos_as_the_makers_score_them(
    family: str, folders: dict, shop: Catalogue
) -> None:
    texts = embed(encoder(f"clip:{folders[family]}", tower="text"), shop, cache=None)
    photos = embed(encoder(f"clip:{folders[family]}", tower="image"), shop, cache=None)
    assert texts.vectors.shape[1] == photos.vectors.shape[1] == (16 if family == "clip" else 32)
    assert texts.present.tolist() == [True] * 6 + [False, True] and photos.present.tolist() == [
        True
    ] * 7 + [False]
    expected = makers_scores(folders[family], family, shop)
    np.testing.assert_allclose((texts.vectors @ photos.vectors.T)[:6, :7], expected, atol=1e-4)
    assert np.ptp(expected, axis=0).min() > 1e-3  # each text has a score of its own
    found = search(texts, photos, 8)
    best = found.scores[:6, :7]
    np.testing.assert_allclose(best, -np.sort(-expected, axis=1), atol=1e-4)
    assert (found.positions[:6, 7] == -1).all() and (
        found.positions[6] == -1
    ).all()  # no photo, no text
    back = search(photos, texts, 3)
    np.testing.assert_allclose(
        back.scores[0],
        np.sort((texts.vectors @ photos.vectors[0])[[0, 1, 2, 3, 4, 5, 7]])[:-4:-1],
        atol=1e-4,
    )


@pytest.mark.parametrize("tower", ["text", "image"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_equals_one_by_one(family: str, tower: str, folders: dict, shop: Catalogue) -> None:
    made = encoder(f"clip:{folders[family]}", tower=tower)
    alone = np.vstack([made.encode(shop.take([n])) for n in range(len(shop))])
    np.testing.assert_allclose(made.encode(shop), alone, atol=1e-5)
    assert made.modality == tower and made.fit(shop) is made
    assert [c is None for c in made.contents(shop)] == [
        n == (6 if tower == "text" else 7) for n in range(8)
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_long_texts_are_cut_where_the_tower_ends(family: str, folders: dict) -> None:
    made = encoder(f"clip:{folders[family]}", tower="text")
    fits = POSITIONS - 2  # besides start and end
    long, cut, short = made.encode_texts(["mug " * 50, "mug " * fits, "mug " * (fits - 3)])
    np.testing.assert_allclose(long, cut, atol=1e-6)
    assert np.abs(cut - short).max() > 1e-3


def test_towers_can_learn_to_find_each_other(tmp_path: Path) -> None:
    """Colour words find photos of that colour once the towers are tuned to it: the whole path from
    file to ranking.
    """
    colours = ["red", "blue", "green"]
    folder = write_joint(tmp_path / "tuned", "clip")
    for colour in colours:
        Image.new("RGB", (32, 32), colour).save(tmp_path / f"{colour}.png")
    model = hf.AutoModel.from_pretrained(folder)
    pixels = hf.AutoImageProcessor.from_pretrained(folder)(
        [Image.open(tmp_path / f"{c}.png") for c in colours], return_tensors="pt"
    )
    ids = hf.AutoTokenizer.from_pretrained(folder)(colours, return_tensors="pt")["input_ids"]
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(15):
        loss = model(input_ids=ids, **pixels, return_loss=True).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.save_pretrained(folder)
    items = {"title": colours, "image": [str(tmp_path / f"{c}.png") for c in colours]}
    shop = Catalogue("shop", pd.DataFrame(items, index=colours))
    texts, photos = (
        embed(encoder(f"clip:{folder}", tower=t), shop, cache=None) for t in ("text", "image")
    )
    assert search(texts, photos, 1).positions.ravel().tolist() == [0, 1, 2]
    assert search(photos, texts, 1).positions.ravel().tolist() == [0, 1, 2]


def test_names_options_and_states(folders: dict) -> None:
    spec = f"clip:{folders['clip']}"
    text, image = (
        encoder(spec, tower="text", fields=("brand", "title")),
        encoder(spec, tower="image"),
    )
    assert text.name == "clip:tiny-clip(text,brand+title)" and image.name == "clip:tiny-clip(image)"
    assert text.state == image.state != encoder(f"clip:{folders['siglip']}").state
    assert text.parameters == image.parameters > 10_000
    with pytest.raises(ValueError, match=r"tower is \"text\" or \"image\", got 'both'"):
        encoder(spec, tower="both")
    with pytest.raises(TypeError):
        encoder(spec, tower="image", clean=True)


def test_wrong_checkpoints_are_refused(folders: dict, shop: Catalogue, tmp_path: Path) -> None:
    pickled = as_pickle(folders["clip"], tmp_path / "pickled")
    for tower in ("text", "image"):
        with pytest.raises(
            RuntimeError,
            match=r"pickled holds no model of texts and images that loads: .*safetensors",
        ):
            encoder(f"clip:{pickled}", tower=tower).encode(shop)
    seeing = write_vision(tmp_path / "vit", "vit")
    with pytest.raises(RuntimeError, match="vit holds a 'vit' model, which lacks one of the two"):
        encoder(f"clip:{seeing}").encode(shop)
