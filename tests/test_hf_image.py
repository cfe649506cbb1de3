"""Vision models of Hugging Face on tiny checkpoints; the perceptual hash; photos without their colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import transformers as hf
from PIL import Image, ImageEnhance, ImageOps

from lib.catalogue import Catalogue
from lib.embeddings import embed
from lib.encoders import cost, encoder
from lib.encoders.image import open_photo
from tests.checkpoints import as_pickle, write_vision

pytestmark = pytest.mark.usefixtures("one_thread")
KINDS = ["vit", "vit-classifier", "dinov2", "resnet", "clip-vision", "siglip-vision", "mae"]


def catalogue(*paths: Path | None) -> Catalogue:
    return Catalogue("c", pd.DataFrame({"image": [p and str(p) for p in paths]}, index=[f"i{n}" for n in range(len(paths))]))


def noise(seed: int, *size: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    paths = [folder / f"{n}.png" for n in range(18)]  # more than a batch
    for n, path in enumerate(paths):
        noise(n, 60 + n, 50).save(path)
    return paths


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("vision")
    return {kind: write_vision(root / kind, kind) for kind in KINDS}


def reference(folder: Path, kind: str, photos: list[Path]) -> np.ndarray:
    """What the makers' classes give, photo by photo: the pooler's output, or the token that stands for it."""
    processor, images = hf.AutoImageProcessor.from_pretrained(folder), [Image.open(p).convert("RGB") for p in photos]
    model = (hf.ViTForImageClassification.from_pretrained(folder).vit if kind == "vit-classifier" else None) or (
        hf.AutoModel.from_pretrained(folder)
    )
    rows = []
    with torch.inference_mode():
        for image in images:
            output = model.eval()(**processor(image, return_tensors="pt"))
            token = kind in ("vit-classifier", "mae")
            rows.append(output.last_hidden_state[0, 0] if token else output.pooler_output.flatten())
    return torch.stack(rows).numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_the_makers_pooled_output_in_batches_or_alone(kind: str, folders: dict, photos: list[Path]) -> None:
    made = encoder(f"hf-image:{folders[kind]}")
    vectors = made.encode(catalogue(*photos[:17], None))
    assert vectors.shape == (18, 32) and vectors.dtype == np.float32 and not vectors[17].any()
    np.testing.assert_allclose(vectors[:17], reference(folders[kind], kind, photos[:17]), atol=1e-4)
    assert np.ptp(vectors[:17], axis=0).max() > 0.05  # the photo matters
    assert cost(made) == {"parameters": sum(p.numel() for p in made.model.parameters()), "dimensions": 32}


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_of_a_joint_model_the_image_tower_is_taken(family: str, tmp_path: Path, photos: list[Path]) -> None:
    from tests.checkpoints import write_joint

    folder = write_joint(tmp_path / family, family)
    model = hf.AutoModel.from_pretrained(folder).vision_model.eval()
    pixels = hf.AutoImageProcessor.from_pretrained(folder)([Image.open(p) for p in photos[:3]], return_tensors="pt")
    with torch.inference_mode():
        expected = model(**pixels).pooler_output.numpy()
    np.testing.assert_allclose(encoder(f"hf-image:{folder}").encode(catalogue(*photos[:3])), expected, atol=1e-4)


def test_a_classifier_without_a_pooler_gives_the_same_twice(folders: dict, photos: list[Path]) -> None:
    first, second = (encoder(f"hf-image:{folders['vit-classifier']}").encode(catalogue(photos[0])) for _ in range(2))
    np.testing.assert_array_equal(first, second)  # a pooler drawn at random would differ


def test_pickled_weights_are_refused(folders: dict, photos: list[Path], tmp_path: Path) -> None:
    made = encoder(f"hf-image:{as_pickle(folders['vit'], tmp_path / 'pickled')}")
    with pytest.raises(RuntimeError, match=r"pickled holds no vision model that loads: .*safetensors"):
        made.encode(catalogue(photos[0]))


def test_weights_that_are_not_there_are_named(folders: dict, photos: list[Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    write_vision(tmp_path / "vit", "vit")
    weights = load_file(tmp_path / "vit" / "model.safetensors")
    gone = next(name for name in weights if "layernorm.weight" in name)
    save_file({k: v for k, v in weights.items() if k != gone}, tmp_path / "vit" / "model.safetensors", {"format": "pt"})
    with pytest.raises(RuntimeError, match=rf"its files lack {gone}"):
        encoder(f"hf-image:{tmp_path / 'vit'}").encode(catalogue(photos[0]))


def test_a_folder_without_image_processor_says_so(folders: dict, photos: list[Path], tmp_path: Path) -> None:
    write_vision(tmp_path / "vit", "vit")
    (tmp_path / "vit" / "preprocessor_config.json").unlink()
    with pytest.raises(RuntimeError, match="vit holds no image processor that loads"):
        encoder(f"hf-image:{tmp_path / 'vit'}").encode(catalogue(photos[0]))


def test_the_cache_knows_the_weights(folders: dict, photos: list[Path], tmp_path: Path) -> None:
    made, again = (encoder(f"hf-image:{folders['resnet']}") for _ in range(2))
    first = embed(made, catalogue(*photos[:3]), cache=tmp_path)
    np.testing.assert_array_equal(embed(again, catalogue(*photos[:3]), cache=tmp_path).vectors, first.vectors)
    assert "_loaded" not in vars(again)  # the cache had all
    assert encoder(f"hf-image:{folders['vit']}").state != made.state == again.state


@pytest.mark.parametrize("spec", ["hf-image", "torchvision"])
def test_grey_takes_the_colours_out(spec: str, folders: dict, photos: list[Path], tmp_path: Path) -> None:
    def make(grey: bool) -> object:
        if spec == "hf-image":
            return encoder(f"hf-image:{folders['dinov2']}", grey=grey)
        return encoder("torchvision:squeezenet1_1", weights=None, grey=grey)

    Image.open(photos[0]).convert("L").save(tmp_path / "grey.png")
    both = catalogue(photos[0], tmp_path / "grey.png")
    grey, colour = make(True).encode(both), make(False).encode(both)
    np.testing.assert_array_equal(grey[0], grey[1])
    np.testing.assert_array_equal(grey[1], colour[1])
    assert np.abs(colour[0] - colour[1]).max() > 1e-3
    assert make(True).name != make(False).name and "grey" in make(True).name
    assert len(set(open_photo(photos[0], grey=True).getpixel((5, 5)))) == 1


def test_the_perceptual_hash_by_hand_and_under_small_changes(photos: list[Path], tmp_path: Path) -> None:
    import imagehash

    photo = noise(3, 128, 96)
    altered = {
        "itself.png": photo, "half.png": photo.resize((64, 48)), "brighter.png": ImageEnhance.Brightness(photo).enhance(1.1),
        "mirrored.png": ImageOps.mirror(photo), "other.png": noise(4, 128, 96),
    }  # fmt: skip
    for name, changed in altered.items():
        changed.save(tmp_path / name)
    photo.save(tmp_path / "low.jpg", quality=30)
    paths = [tmp_path / name for name in [*altered, "low.jpg"]]
    made = encoder("phash")
    vectors = made.encode(catalogue(*paths, None))
    assert vectors.shape == (7, 64) and set(np.unique(vectors[:6])) == {-1, 1} and not vectors[6].any()
    cosine = vectors[:6] @ vectors[0] / 64
    hashes = [imagehash.phash(Image.open(p)) for p in paths]
    np.testing.assert_allclose(cosine, [1 - 2 * (h - hashes[0]) / 64 for h in hashes], atol=1e-6)  # Hamming distance
    near, far = cosine[[1, 2, 5]], cosine[[3, 4]]
    assert near.min() > 0.8 and far.max() < 0.4
    assert cost(made) == {"parameters": 0, "dimensions": 64}
