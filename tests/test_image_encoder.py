"""Image encoders: networks without their last layer, weights from a file, frames, and photos of every odd kind."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from PIL import Image, ImageDraw
from safetensors.torch import load_file, save_file

from lib.bazaar.photos import Look, Shot, draw
from lib.catalogue import Catalogue
from lib.encoders import encoder
from lib.encoders.image import open_photo, without_head
from lib.files import find_weights

SMALL = "squeezenet1_1"  # 1.2 million weights
HEADS = [
    *[("resnet18", "fc", 512), ("mobilenet_v2", "classifier.1", 1280), ("densenet121", "classifier", 1024)],
    *[("vit_b_16", "heads.head", 768), (SMALL, None, 512)],  # a convolution, averaged after it: compared by shape alone
]


def catalogue(*paths: Path | None) -> Catalogue:
    images = [p and str(p) for p in paths]
    return Catalogue("c", pd.DataFrame({"image": images}, index=[f"i{n}" for n in range(len(paths))]))


def save(folder: Path, name: str, photo: Image.Image, **options: object) -> Path:
    photo.save(folder / name, **options)
    return folder / name


def noise(*size: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8))


def square(colour: str, backdrop: str) -> Image.Image:
    photo = Image.new("RGB", (80, 80), backdrop)
    ImageDraw.Draw(photo).rectangle((20, 20, 59, 59), fill=colour)
    return photo


def cosines(vectors: np.ndarray) -> np.ndarray:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_file(torchvision.models.get_model(SMALL, weights=None).state_dict(), file)
    return file


@pytest.mark.parametrize(("model", "head", "features"), HEADS)
def test_without_head_gives_what_the_last_layer_read(model: str, head: str | None, features: int) -> None:
    network = torchvision.models.get_model(model, weights=None).eval()
    batch = torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        last, logits = head and network.get_submodule(head), network(batch)
        vectors = without_head(network)(batch)
        assert vectors.shape == (1, features)
        if last:
            torch.testing.assert_close(last(vectors), logits)


def test_weights_from_a_file_and_the_preset_of_torchvision(weights: Path, tmp_path: Path) -> None:
    made = encoder(f"torchvision:{SMALL}", weights=weights, frame="crop")
    photos = [noise(300, 260), noise(90, 200)]
    paths = [save(tmp_path, f"{n}.png", photo) for n, photo in enumerate(photos)]
    preset = torchvision.models.get_model_weights(SMALL)["IMAGENET1K_V1"].transforms()
    network = torchvision.models.get_model(SMALL, weights=None)
    network.load_state_dict(load_file(weights))
    with torch.inference_mode():
        expected = without_head(network).eval()(torch.stack([preset(p) for p in photos])).numpy()
    vectors = made.encode(catalogue(paths[0], None, paths[1]))
    np.testing.assert_allclose(vectors[[0, 2]], expected, rtol=1e-4, atol=1e-5)
    assert not vectors[1].any() and expected.any(axis=1).all()
    assert made.name == f"torchvision:{SMALL}(small,crop)"


def test_padding_shows_the_whole_photo_and_cropping_its_middle(weights: Path, tmp_path: Path) -> None:
    plain = Image.new("RGB", (400, 100), "grey")
    marked = plain.copy()
    marked.paste("red", (0, 0, 60, 100))  # the left end of a wide photo
    shop = catalogue(save(tmp_path, "plain.png", plain), save(tmp_path, "marked.png", marked))
    for frame, same in (("crop", True), ("pad", False)):
        one, other = encoder(f"torchvision:{SMALL}", weights=weights, frame=frame).encode(shop)
        assert np.array_equal(one, other) == same


def test_weights_are_found_by_name_beside_the_data(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "mine.safetensors").write_bytes(weights.read_bytes())
    monkeypatch.setenv("AKIN_DATA", str(tmp_path))
    assert encoder(f"torchvision:{SMALL}", weights="mine.safetensors").name == f"torchvision:{SMALL}(mine,pad)"
    changed = load_file(weights)
    changed["features.0.bias"][0] += 1
    save_file(changed, tmp_path / "mine.safetensors")
    files = ("mine.safetensors", tmp_path / "mine.safetensors")
    assert len({encoder(f"torchvision:{SMALL}", weights=file).state for file in files}) == 2  # of one name, yet two states
    with pytest.raises(FileNotFoundError, match=r"no weights file 'other.safetensors'"):
        encoder(f"torchvision:{SMALL}", weights="other.safetensors")


def test_a_file_of_another_model_is_refused(tmp_path: Path) -> None:
    save_file({"fc.weight": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    made = encoder(f"torchvision:{SMALL}", weights=tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=rf"other.safetensors does not hold the weights of {SMALL}: Missing key"):
        made.encode(catalogue(save(tmp_path, "a.png", noise(8, 8))))


def test_a_file_that_is_no_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cut.safetensors").write_bytes(b"not weights at all")
    with pytest.raises(ValueError, match=r"cut\.safetensors"):
        _ = encoder(f"torchvision:{SMALL}", weights=tmp_path / "cut.safetensors").model


def test_wrong_names_and_options() -> None:
    with pytest.raises(ValueError, match="ReLU has neither"):
        without_head(torch.nn.ReLU())
    with pytest.raises(ValueError, match=r"no classifier 'resnet81'; close: .*resnet18"):
        encoder("torchvision:resnet81")
    with pytest.raises(ValueError, match=r"resnet18 has the weights \['IMAGENET1K_V1', 'DEFAULT'\], not 'V9'"):
        encoder("torchvision:resnet18", weights="V9")
    with pytest.raises(ValueError, match="frame is"):
        encoder("torchvision:resnet18", weights=None, frame="stretch")


def test_a_model_that_is_no_classifier_is_refused() -> None:
    with pytest.raises(ValueError, match="raft_small"):
        encoder("torchvision:raft_small", weights=None)


def test_a_failed_download_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torchvision.models._api, "load_state_dict_from_url", fail)
    made = encoder(f"torchvision:{SMALL}")
    assert made.name == f"torchvision:{SMALL}(IMAGENET1K_V1,pad)"  # DEFAULT is spelled out
    with pytest.raises(RuntimeError, match=r"no route to host.*fetch https://.*weights=None"):
        _ = made.model


def test_random_weights_follow_their_seed_and_disturb_no_other(tmp_path: Path) -> None:
    shop = catalogue(save(tmp_path, "a.png", noise(64, 64)))
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    vectors = [encoder(f"torchvision:{SMALL}", weights=None, seed=s).encode(shop) for s in (0, 0, 1)]
    assert torch.rand(1) == expected
    np.testing.assert_array_equal(vectors[0], vectors[1])
    assert np.abs(vectors[0] - vectors[2]).max() > 1e-3


def test_imagenet_features_tell_mugs_from_shoes(tmp_path: Path) -> None:
    try:
        find_weights("mobilenet_v2-imagenet.safetensors")
    except FileNotFoundError as error:
        pytest.skip(f"needs MobileNetV2's weights: {error}")
    made = encoder("torchvision:mobilenet_v2", weights="mobilenet_v2-imagenet.safetensors")
    red, blue = (200, 50, 45), (40, 70, 150)
    looks = [Look(kind, first, red, "plain", (0.5, 0.5, 0.5)) for kind in ("mug", "shoe") for first in (red, blue)]
    paths = [save(tmp_path, f"{n}.png", draw(look, Shot(), size=160)) for n, look in enumerate(looks)]
    alike = cosines(made.encode(catalogue(*paths)))
    assert min(alike[0, 1], alike[2, 3]) > alike[:2, 2:].max()  # one kind in two colours beats two kinds in one


@pytest.mark.parametrize("spec", ["colour", "hog"])
def test_a_missing_photo_gives_a_zero_row(spec: str, tmp_path: Path) -> None:
    made, tiny = encoder(spec), save(tmp_path, "tiny.png", Image.new("RGB", (1, 1), "red"))
    vectors = made.encode(catalogue(None, tiny, None))
    assert vectors.shape == (3, made.dimensions) and vectors.dtype == np.float32
    assert not vectors[[0, 2]].any()
    assert spec == "hog" or vectors[1].any()  # one colour has no outline


def test_more_photos_than_a_batch_keep_their_order(tmp_path: Path) -> None:
    shop = catalogue(*[save(tmp_path, f"{n}.png", square(f"#{n * 6:02x}00ff", "white")) for n in range(40)])
    alone = [encoder("colour").encode(shop.take([n])) for n in range(40)]
    np.testing.assert_array_equal(encoder("colour").encode(shop), np.vstack(alone))


def test_colour_sees_the_product_and_not_the_backdrop(tmp_path: Path) -> None:
    pairs = [("red", "white"), ("red", "lightgrey"), ("blue", "white"), ("blue", "lightgrey")]
    alike = cosines(encoder("colour").encode(catalogue(*[save(tmp_path, f"{p}-{b}.png", square(p, b)) for p, b in pairs])))
    assert alike[0, 1] > 0.9 and alike[2, 3] > 0.9  # one colour on two backdrops
    assert alike[:2, 2:].max() < 0.1  # two colours on one
    plain = [save(tmp_path, f"{c}.png", Image.new("RGB", (20, 20), c)) for c in ("white", "red")]  # nothing stands out
    np.testing.assert_allclose(cosines(encoder("colour").encode(catalogue(*plain))), np.eye(2), atol=1e-6)


def test_hog_sees_outlines_and_no_colour(tmp_path: Path) -> None:
    photo = noise(90, 70)
    shop = catalogue(save(tmp_path, "colour.png", photo), save(tmp_path, "grey.png", photo.convert("L")))
    vectors = encoder("hog").encode(shop)
    assert vectors.shape == (2, 1764)
    np.testing.assert_array_equal(vectors[0], vectors[1])
    other = encoder("hog").encode(catalogue(save(tmp_path, "turned.png", photo.rotate(90))))
    assert np.abs(other[0] - vectors[0]).max() > 0.1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_becomes_white(mode: str, tmp_path: Path) -> None:
    photo = Image.new("RGBA", (4, 4), (0, 0, 0, 0))  # black under full transparency
    photo.putpixel((1, 1), (10, 10, 10, 255))
    opened = open_photo(save(tmp_path, "a.png", photo.convert(mode)))
    assert opened.mode == "RGB"
    assert opened.getpixel((0, 0)) == (255, 255, 255) and max(opened.getpixel((1, 1))) < 20


@pytest.mark.parametrize("mode", ["L", "1", "CMYK", "RGB"])
def test_photos_of_any_mode_become_rgb(mode: str, tmp_path: Path) -> None:
    opened = open_photo(save(tmp_path, "a.tiff", Image.new("RGB", (4, 3), "white").convert(mode)))
    assert (opened.mode, opened.size, opened.getpixel((0, 0))) == ("RGB", (4, 3), (255, 255, 255))


def test_sixteen_bits_of_grey_keep_their_shades(tmp_path: Path) -> None:
    grey = Image.fromarray(np.array([[0, 32768, 65535]], np.uint16))
    assert open_photo(save(tmp_path, "a.png", grey)).getpixel((1, 0))[0] in (127, 128)


def test_the_camera_was_held_upright(tmp_path: Path) -> None:
    photo, exif = noise(6, 4), Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    turned = open_photo(save(tmp_path, "a.png", photo.rotate(90, expand=True), exif=exif))
    np.testing.assert_array_equal(np.asarray(turned), np.asarray(photo))


def png() -> bytes:
    stream = io.BytesIO()
    noise(300, 300).save(stream, "PNG")  # several IDAT chunks
    return stream.getvalue()


@pytest.mark.parametrize("content", [None, b"", b"<html>not found</html>", png()[:500]])
def test_a_photo_that_cannot_be_read_is_named(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"photo .*bad\.png cannot be read .*replace it or leave it out"):
        encoder("colour").encode(catalogue(tmp_path / "bad.png"))


def test_a_photo_with_a_broken_chunk_is_named(tmp_path: Path) -> None:
    first, second, *rest = png().split(b"IDAT")
    (tmp_path / "bad.png").write_bytes(b"IDAT".join([first, b"\xd7\xfd\x00\x00".join([second, rest[0]]), *rest[1:]]))
    with pytest.raises(ValueError, match=r"bad\.png cannot be read"):
        open_photo(tmp_path / "bad.png")


def test_a_photo_too_large_to_open_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path, "vast.png", noise(30, 30))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match=r"vast\.png cannot be read"):
        open_photo(path)
