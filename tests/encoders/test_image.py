"""Photos of every odd kind, and what the encoders without weights see in them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from lib.encoders import encoder
from lib.encoders.image import open_photo
from tests.encoders import cosines, noise, photos


def save(folder: Path, name: str, photo: Image.Image, **options: object) -> Path:
    photo.save(folder / name, **options)
    return folder / name


def square(colour: str, backdrop: str) -> Image.Image:
    photo = Image.new("RGB", (80, 80), backdrop)
    ImageDraw.Draw(photo).rectangle((20, 20, 59, 59), fill=colour)
    return photo


@pytest.mark.parametrize("spec", ["colour", "hog"])
def test_a_missing_photo_gives_a_zero_row(spec: str, tmp_path: Path) -> None:
    made, tiny = encoder(spec), save(tmp_path, "tiny.png", Image.new("RGB", (1, 1), "red"))
    vectors = made.encode(photos(None, tiny, None))
    assert vectors.shape == (3, made.dimensions) and vectors.dtype == np.float32
    assert not vectors[[0, 2]].any()
    assert spec == "hog" or vectors[1].any()  # one colour has no outline


def test_more_photos_than_a_batch_keep_their_order(tmp_path: Path) -> None:
    shop = photos(
        *[save(tmp_path, f"{n}.png", square(f"#{n * 6:02x}00ff", "white")) for n in range(40)]
    )
    alone = [encoder("colour").encode(shop.take([n])) for n in range(40)]
    np.testing.assert_array_equal(encoder("colour").encode(shop), np.vstack(alone))


def test_colour_sees_the_product_and_not_the_backdrop(tmp_path: Path) -> None:
    pairs = [("red", "white"), ("red", "lightgrey"), ("blue", "white"), ("blue", "lightgrey")]
    alike = cosines(
        encoder("colour").encode(
            photos(*[save(tmp_path, f"{p}-{b}.png", square(p, b)) for p, b in pairs])
        )
    )
    assert alike[0, 1] > 0.9 and alike[2, 3] > 0.9  # one colour on two backdrops
    assert alike[:2, 2:].max() < 0.1  # two colours on one
    plain = [
        save(tmp_path, f"{c}.png", Image.new("RGB", (20, 20), c)) for c in ("white", "red")
    ]  # nothing stands out
    np.testing.assert_allclose(
        cosines(encoder("colour").encode(photos(*plain))), np.eye(2), atol=1e-6
    )


def test_hog_sees_outlines_and_no_colour(tmp_path: Path) -> None:
    photo = noise(0, 90, 70)
    shop = photos(
        save(tmp_path, "colour.png", photo), save(tmp_path, "grey.png", photo.convert("L"))
    )
    vectors = encoder("hog").encode(shop)
    assert vectors.shape == (2, 1764)
    np.testing.assert_array_equal(vectors[0], vectors[1])
    other = encoder("hog").encode(photos(save(tmp_path, "turned.png", photo.rotate(90))))
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
    photo, exif = noise(0, 6, 4), Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    turned = open_photo(save(tmp_path, "a.png", photo.rotate(90, expand=True), exif=exif))
    np.testing.assert_array_equal(np.asarray(turned), np.asarray(photo))


def png() -> bytes:
    stream = io.BytesIO()
    noise(0, 300, 300).save(stream, "PNG")  # several IDAT chunks
    return stream.getvalue()


@pytest.mark.parametrize("content", [None, b"", b"<html>not found</html>", png()[:500]])
def test_a_photo_that_cannot_be_read_is_named(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(
        ValueError, match=r"photo .*bad\.png cannot be read .*replace it or leave it out"
    ):
        encoder("colour").encode(photos(tmp_path / "bad.png"))


def test_a_photo_with_a_broken_chunk_is_named(tmp_path: Path) -> None:
    content = bytearray(png())
    chunk = content.index(b"IDAT")
    content[chunk + 40] ^= 0xFF  # its checksum no longer fits
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"bad\.png cannot be read"):
        open_photo(tmp_path / "bad.png")


def test_a_photo_too_large_to_open_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path, "vast.png", noise(0, 30, 30))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match=r"vast\.png cannot be read"):
        open_photo(path)


def test_the_perceptual_hash_by_hand_and_under_small_changes(tmp_path: Path) -> None:
    import imagehash

    photo = noise(3, 128, 96)
    altered = {
        "itself.png": photo,
        "half.png": photo.resize((64, 48)),
        "brighter.png": ImageEnhance.Brightness(photo).enhance(1.1),
        "mirrored.png": ImageOps.mirror(photo),
        "other.png": noise(4, 128, 96),
    }
    for name, changed in altered.items():
        changed.save(tmp_path / name)
    photo.save(tmp_path / "low.jpg", quality=30)
    paths = [tmp_path / name for name in [*altered, "low.jpg"]]
    made = encoder("phash")
    vectors = made.encode(photos(*paths, None))
    assert (
        vectors.shape == (7, 64) and set(np.unique(vectors[:6])) == {-1, 1} and not vectors[6].any()
    )
    cosine = vectors[:6] @ vectors[0] / 64
    hashes = [imagehash.phash(Image.open(p)) for p in paths]
    np.testing.assert_allclose(
        cosine, [1 - 2 * (h - hashes[0]) / 64 for h in hashes], atol=1e-6
    )  # Hamming distance
    near, far = cosine[[1, 2, 5]], cosine[[3, 4]]
    assert near.min() > 0.8 and far.max() < 0.4
