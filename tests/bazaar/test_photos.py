"""Photos of generated products: every kind can be told from its backdrop, and look and shot do what
they say.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from bazaar import shop, write_photos
from bazaar.looks import PATTERNS, Look, Photo, Shot
from bazaar.photos import draw, jpeg
from bazaar.shapes import SHAPES
from filelock import FileLock
from PIL import Image
from scipy.ndimage import label

SHOT = Shot()
SMALL = 64  # pixels are enough where neither the frame nor a hole is in question
FORMS = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def look(kind: str, **changes: object) -> Look:
    """A plain red product with blue trim."""
    return replace(Look(kind, (200, 50, 45), (40, 70, 150), "plain", (0.5, 0.5, 0.5)), **changes)


@cache
def coverage(product: Look, shot: Shot = SHOT, size: int = SMALL) -> np.ndarray:
    """How much of each pixel the product covers, (size, size): what a white and a black backdrop
    leave the same.
    """
    white, black = (pixels(product, replace(shot, background=(b, b, b)), size) for b in (255, 0))
    return 1 - (white - black).mean(2) / 255


@cache
def pixels(product: Look, shot: Shot = SHOT, size: int = SMALL) -> np.ndarray:
    return np.asarray(draw(product, shot, size=size), np.float32)  # (size, size, 3)


def colours(product: Look, shot: Shot = SHOT) -> np.ndarray:
    """The pixels of the product alone, (n, 3)."""
    solid = coverage(look(product.kind, form=product.form), shot) > 0.8  # whatever its colours
    return pixels(product, shot)[solid]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", SHAPES)
def test_every_kind_is_whole_and_inside_the_frame(
    kind: str, form: tuple[float, float, float]
) -> None:
    solid = coverage(look(kind, form=form), size=160) > 0.6
    assert 0.07 < solid.mean() < 0.6
    assert not np.concatenate(
        [solid[:3].ravel(), solid[-3:].ravel(), solid[:, :3].ravel(), solid[:, -3:].ravel()]
    ).any()
    size = np.ptp(np.argwhere(solid), axis=0).max()
    assert 105 < size < 125  # the longer side fills about 0.73 of the frame


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", SHAPES)
def test_the_backdrop_does_not_shine_through(kind: str, form: tuple[float, float, float]) -> None:
    gaps, n = label(coverage(look(kind, form=form), size=160) < 0.8, structure=np.ones((3, 3)))
    areas = np.bincount(gaps.ravel())[1:]
    assert n and (areas > 3).all(), f"pinholes of {areas[areas <= 3]} pixels"


@pytest.mark.parametrize("size", (64, 95, 160))
def test_the_picture_is_rgb_and_of_the_size_asked_for(size: int) -> None:
    picture = draw(look("mug"), SHOT, size=size)
    assert (picture.mode, picture.size) == ("RGB", (size, size))
    file = Image.open(BytesIO(jpeg(look("mug"), SHOT, size=size)))
    assert (file.format, file.size) == ("JPEG", (size, size))


def test_quality_and_noise_are_the_shots() -> None:
    assert len(jpeg(look("shoe"), replace(SHOT, quality=45))) < len(
        jpeg(look("shoe"), replace(SHOT, quality=90))
    )
    clean, noisy, other = (
        pixels(look("shoe"), replace(SHOT, noise=n, seed=s)) for n, s in ((0, 0), (5, 0), (5, 1))
    )
    assert 4 < (noisy - clean).std() < 6
    assert (noisy != other).any()


def test_the_same_arguments_give_the_same_bytes_in_another_process() -> None:
    script = (
        "import hashlib\nimport numpy as np\n"
        "from bazaar.looks import Look, Shot\nfrom bazaar.photos import jpeg\n"
        "look = Look('camera', (200, 50, 45), (40, 70, 150), 'dots', (0.2, 0.4, 0.9))\n"
        "digest = hashlib.sha256(jpeg(look, Shot.sample(np.random.default_rng(7)))).hexdigest()"
    )
    here: dict[str, str] = {}
    exec(script, here)
    root = Path(__file__).parents[2]
    other = subprocess.run(
        [sys.executable, "-c", script + "\nprint(digest)"], cwd=root, capture_output=True, text=True
    )
    assert other.stdout.strip() == here["digest"], other.stderr
    assert (
        hashlib.sha256(jpeg(look("mug"), SHOT)).digest()
        == hashlib.sha256(jpeg(look("mug"), SHOT)).digest()
    )


@pytest.mark.parametrize("kind", SHAPES)
def test_the_colour_decides_the_hue(kind: str) -> None:
    red = colours(look(kind, accent=(128, 128, 128))).mean(0)
    blue = colours(look(kind, accent=(128, 128, 128), colour=(45, 60, 200))).mean(0)
    assert red[0] > red[2] + 10 and blue[2] > blue[0] + 10


@pytest.mark.parametrize("kind", SHAPES)
def test_accent_pattern_and_each_form_can_be_seen(kind: str) -> None:
    plain = pixels(look(kind))
    assert np.abs(pixels(look(kind, accent=(240, 200, 60))) - plain).mean() > 0.4
    for pattern in PATTERNS[1:]:
        assert np.abs(pixels(look(kind, pattern=pattern)) - plain).mean() > 0.4
    for axis in range(3):
        low, high = (
            look(kind, form=tuple(v if i == axis else 0.5 for i in range(3))) for v in (0.0, 1.0)
        )
        assert np.abs(pixels(low) - pixels(high)).mean() > 1.0


@pytest.mark.parametrize("kind", SHAPES)
def test_two_viewpoints_differ_but_share_the_dominant_colour(kind: str) -> None:
    left, right = SHOT, replace(SHOT, azimuth=-35.0, elevation=25.0)
    assert np.abs(pixels(look(kind), left) - pixels(look(kind), right)).mean() > 2.5
    dominant = [
        np.median(colours(look(kind, accent=(200, 50, 45)), shot), axis=0) for shot in (left, right)
    ]
    shares = [
        colour / colour.sum() for colour in dominant
    ]  # chromaticity: the light is not the product
    assert np.abs(shares[0] - shares[1]).max() < 0.08


@pytest.mark.parametrize("kind", ("mug", "bottle", "vase", "teapot"))
def test_the_side_of_the_light_is_the_bright_side(kind: str) -> None:
    def lean(azimuth: float) -> float:
        shot = replace(SHOT, azimuth=0.0, light=(azimuth, 35.0))
        solid, grey = (
            coverage(look(kind, accent=(200, 50, 45)), shot) > 0.8,
            pixels(look(kind, accent=(200, 50, 45)), shot).mean(2),
        )
        middle = np.flatnonzero(solid.any(0)).mean()
        side = np.arange(SMALL)[None] < middle
        return float(grey[solid & side].mean() - grey[solid & ~side].mean())

    assert lean(-60.0) > 3
    assert lean(60.0) < -3


def test_light_from_the_left_throws_the_shadow_to_the_right() -> None:
    left, right = (
        pixels(look("bottle"), replace(SHOT, azimuth=0.0, light=(a, 35.0))).mean(2)
        for a in (-60.0, 60.0)
    )
    assert left[40:, 40:60].mean() < right[40:, 40:60].mean() - 12  # the backdrop alone makes 5


def test_warm_light_is_redder_than_cold_light() -> None:
    cold, warm = (
        pixels(look("vase", colour=(200, 200, 200)), replace(SHOT, warmth=w)).mean((0, 1))
        for w in (-1.0, 1.0)
    )
    assert warm[0] / warm[2] > 1.1 * cold[0] / cold[2]


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown kind 'sofa'.*teapot"):
        draw(look("sofa"), SHOT)
    with pytest.raises(ValueError, match=r"unknown pattern 'paisley'.*checks"):
        draw(look("mug", pattern="paisley"), SHOT)


def test_sampled_sellers_are_plausible_and_come_from_the_generator_alone() -> None:
    shots = [Shot.sample(np.random.default_rng(seed)) for seed in range(200)]
    assert shots[3] == Shot.sample(np.random.default_rng(3))
    assert all(
        abs(s.azimuth) <= 42 and 5 <= s.elevation <= 35 and 45 <= s.quality <= 95 for s in shots
    )
    assert all(0.8 <= s.zoom <= 1.15 and -1 <= s.warmth <= 1 for s in shots)
    assert (
        0.6 < np.mean([min(s.background) > 170 for s in shots]) < 0.95
    )  # mostly light, some coloured


# mean red, green and blue of one photo of each kind in the shop of 300 listings and seed 0
MEANS = {
    "062d4bde09": (178.28, 179.90, 181.54),  # backpack
    "0720525864": (214.81, 209.88, 208.41),  # bottle
    "0390c6eb27": (171.05, 160.02, 149.72),  # camera
    "001e03a984": (223.51, 211.78, 205.18),  # chair
    "407dcbe6d3": (206.99, 200.76, 206.01),  # handbag
    "14b57f348f": (212.64, 207.75, 195.78),  # headphones
    "17c8a2e73c": (190.10, 169.99, 149.05),  # lamp
    "0edaee6d4f": (167.86, 170.97, 154.64),  # mug
    "03aec98669": (174.99, 173.29, 174.04),  # pan
    "09b6362859": (197.43, 179.03, 183.31),  # shirt
    "087730a733": (212.65, 212.93, 196.43),  # shoe
    "1e47662d1d": (197.30, 193.87, 200.77),  # teapot
    "02f42b6c70": (165.85, 172.90, 179.99),  # vase
    "34113876f9": (192.50, 181.49, 154.93),  # watch
}


def test_the_shops_photos_stay_as_they_are() -> None:
    photos = shop(rows=300).photos
    assert {photos[product].look.kind for product in MEANS} == set(SHAPES)
    for product, means in MEANS.items():
        found = pixels(photos[product].look, photos[product].shot).mean((0, 1))
        np.testing.assert_allclose(found, means, atol=0.02)


# files


def without_lock(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix != ".lock"]


@pytest.fixture(scope="module")
def photos() -> dict[str, Photo]:
    return shop(rows=40, photo_size=48).photos


def test_photos_are_written_whole_and_only_once(
    photos: dict[str, Photo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write_photos(photos, tmp_path)
    assert list(files) == list(photos)
    for product, path in files.items():
        assert path.read_bytes() == jpeg(photos[product].look, photos[product].shot, size=48)
    [folder] = without_lock(tmp_path)  # no draft is left
    assert sorted(folder.iterdir()) == sorted(files.values())
    monkeypatch.setattr("bazaar.photos.jpeg", None)  # drawing would need it
    assert write_photos(photos, tmp_path) == files


def test_other_photos_are_written_apart(photos: dict[str, Photo], tmp_path: Path) -> None:
    files = write_photos(photos, tmp_path)
    others = {product: replace(photo, size=32) for product, photo in photos.items()}
    assert not set(files.values()) & set(write_photos(others, tmp_path).values())


def test_drawing_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown kind 'sofa'"):
        write_photos({"1": Photo(look("sofa"), SHOT, 32)}, tmp_path)
    assert not without_lock(tmp_path)


def test_of_two_notebooks_that_start_together_one_draws(
    photos: dict[str, Photo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write_photos(photos, tmp_path)
    [folder], [lock] = without_lock(tmp_path), list(tmp_path.glob(".*.lock"))
    drawn = folder.rename(tmp_path / "drawing")
    monkeypatch.setattr("bazaar.photos.jpeg", None)  # the second must not draw
    with ThreadPoolExecutor() as pool:
        with FileLock(lock):
            second = pool.submit(write_photos, photos, tmp_path)
            time.sleep(0.2)
            assert not second.done()
            drawn.rename(folder)
        assert second.result(timeout=30) == files
