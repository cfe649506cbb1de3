"""Thumbnails are square, say so where there is no photo, and follow a photo that changes."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from lib.show.thumbnails import data_uri, thumbnail


def opened(uri: str) -> Image.Image:
    head, _, data = uri.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_photo_lies_on_a_white_square(tmp_path):
    Image.new("RGB", (40, 20), "red").save(tmp_path / "a.png")
    small = np.asarray(thumbnail(str(tmp_path / "a.png")))
    assert small.shape == (128, 128, 3)
    assert small[64, 64].tolist() == [255, 0, 0] and small[4, 64].tolist() == [255, 255, 255]
    assert opened(data_uri(str(tmp_path / "a.png"))).size == (128, 128)


@pytest.mark.parametrize("content", [None, b"", b"no picture"])
def test_without_a_photo_a_card_says_so(tmp_path, content):
    path = str(tmp_path / "gone.png") if content is None else str(tmp_path / "bad.png")
    if content is not None:
        (tmp_path / "bad.png").write_bytes(content)
    card, none = thumbnail(path), thumbnail(None)
    assert card.size == none.size == (128, 128)
    assert card.tobytes() != none.tobytes()  # unreadable is not missing


def test_a_photo_that_changes_is_read_again(tmp_path):
    import os

    path = tmp_path / "a.png"
    Image.new("RGB", (8, 8), "red").save(path)
    before = data_uri(str(path))
    assert data_uri(str(path)) is before  # kept
    Image.new("RGB", (8, 8), "blue").save(path)
    os.utime(path, (1, 1))
    assert data_uri(str(path)) != before
