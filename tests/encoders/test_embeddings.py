"""Embeddings are unit rows or zero; the cache encodes nothing twice and survives damage,
interruption and company.
"""

from __future__ import annotations

import io
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.sparse import csr_array, issparse

import lib.encoders.embeddings
from lib.data.catalogue import Catalogue
from lib.encoders import encoder
from lib.encoders.clean import TextReader
from lib.encoders.embeddings import Embeddings, embed
from tests.encoders import titles


@dataclass
class Letters:
    """Counts a, b and c in titles and remembers which titles it was asked for."""

    name: str = "letters"
    state: str | None = "1"
    fail_at: str = "never"
    seen: list[str] = field(default_factory=list)
    modality = "text"

    def fit(self, train: Catalogue) -> Letters:
        return self

    def contents(self, catalogue: Catalogue) -> list[bytes | None]:
        return TextReader().contents(catalogue)

    def encode(self, catalogue: Catalogue) -> np.ndarray:
        titles = catalogue.text()
        if self.fail_at in titles:
            raise KeyboardInterrupt
        self.seen += titles
        return np.array([[t.count(c) for c in "abc"] for t in titles], np.float32).reshape(-1, 3)


def photos(folder: Path, *colours: str) -> Catalogue:
    for colour in colours:
        Image.new("RGB", (8, 8), colour).save(folder / f"{colour}.png")
    return Catalogue(
        "p",
        pd.DataFrame({"image": [str(folder / f"{c}.png") for c in colours]}, index=list(colours)),
    )


def test_rows_become_unit_and_zero_rows_stay() -> None:
    for kind in (np.array, csr_array):
        made = Embeddings("e", np.array(["a", "b"]), kind(np.array([[3.0, 4.0], [0.0, 0.0]])))
        assert issparse(made.vectors) == (kind is csr_array) and made.vectors.dtype == np.float32
        dense = made.vectors.toarray() if issparse(made.vectors) else made.vectors
        np.testing.assert_allclose(dense, [[0.6, 0.8], [0, 0]], atol=1e-7)
        assert made.present.tolist() == [True, False] and len(made) == 2


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", [np.array, csr_array])
def test_vectors_that_are_not_finite_are_refused(bad: float, kind: type) -> None:
    with pytest.raises(ValueError, match="'e': row 1 is not finite"):
        Embeddings("e", np.array(["a", "b"]), kind(np.array([[1.0, 0.0], [bad, 1.0]])))


@pytest.mark.parametrize("shape", [(3, 2), (2,), (2, 2, 2)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="2 ids do not fit vectors of shape"):
        Embeddings("e", np.array(["a", "b"]), np.ones(shape))


def test_take_by_position_and_by_mask() -> None:
    made = Embeddings("e", np.array(["a", "b", "c"]), np.eye(3))
    assert made.take([2, 0]).ids.tolist() == ["c", "a"]
    assert made.take(np.array([False, True, False])).vectors.tolist() == [[0, 1, 0]]


def test_a_very_short_vector_is_not_a_missing_one() -> None:
    assert Embeddings("e", np.array(["a"]), np.array([[1e-25, 0]])).present.tolist() == [True]


def test_the_second_call_encodes_nothing(tmp_path: Path) -> None:
    letters = Letters()
    first = embed(letters, titles("a", "abb", None), cache=tmp_path)
    assert sorted(letters.seen) == ["a", "abb"]
    np.testing.assert_allclose(
        first.vectors, [[1, 0, 0], [1 / 5**0.5, 2 / 5**0.5, 0], [0, 0, 0]], atol=1e-6
    )
    again = embed(letters, titles("a", "abb", None), cache=str(tmp_path))
    assert len(letters.seen) == 2
    np.testing.assert_array_equal(first.vectors, again.vectors)
    assert again.ids.tolist() == ["i0", "i1", "i2"] and again.name == "letters"


def test_a_reordered_catalogue_hits_and_a_changed_title_misses(tmp_path: Path) -> None:
    letters, catalogue = Letters(), titles("a", "b", "c")
    embed(letters, catalogue, cache=tmp_path)
    backwards = embed(letters, catalogue.take([2, 1, 0]), cache=tmp_path)
    assert len(letters.seen) == 3
    np.testing.assert_array_equal(backwards.vectors, np.eye(3)[::-1])
    letters.seen.clear()
    changed = embed(letters, titles("a", "cab", "c"), cache=tmp_path)
    assert letters.seen == ["cab"]
    np.testing.assert_allclose(changed.vectors[1], np.full(3, 3**-0.5), atol=1e-6)


def test_another_name_or_state_misses(tmp_path: Path) -> None:
    embed(Letters(), titles("a"), cache=tmp_path)
    for other in (Letters(name="letters(2)"), Letters(state="2")):
        embed(other, titles("a"), cache=tmp_path)
        assert other.seen == ["a"]


def test_equal_items_are_encoded_once_and_the_longest_first(tmp_path: Path) -> None:
    letters = Letters()
    made = embed(letters, titles("a", "bbb", "a", "", "cc", "bbb"), cache=tmp_path)
    assert letters.seen == ["bbb", "cc", "a"]
    assert made.vectors.tolist() == [
        [1, 0, 0],
        [0, 1, 0],
        [1, 0, 0],
        [0, 0, 0],
        [0, 0, 1],
        [0, 1, 0],
    ]


def test_a_renamed_photo_hits_and_a_changed_one_misses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    colour, catalogue = encoder("colour"), photos(tmp_path, "red", "blue")
    first = embed(colour, catalogue, cache=tmp_path / "cache")
    (tmp_path / "red.png").rename(tmp_path / "new name.png")
    renamed = Catalogue(
        "p",
        catalogue.items.assign(image=[str(tmp_path / "new name.png"), str(tmp_path / "blue.png")]),
    )
    counted = []
    prepare = type(colour)._prepare
    monkeypatch.setattr(
        type(colour), "_prepare", lambda self, path: counted.append(path) or prepare(self, path)
    )
    np.testing.assert_array_equal(
        embed(colour, renamed, cache=tmp_path / "cache").vectors, first.vectors
    )
    assert counted == []
    Image.new("RGB", (8, 8), "green").save(tmp_path / "blue.png")
    changed = embed(colour, renamed, cache=tmp_path / "cache")
    assert counted == [str(tmp_path / "blue.png")]
    assert changed.vectors[1] @ first.vectors[1] == 0


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1] + bytes([b[-1] ^ 1]), lambda b: b[: len(b) // 2], lambda b: b""]
)
def test_a_damaged_file_is_warned_about_and_made_again(tmp_path: Path, damage) -> None:
    letters = Letters()
    first = embed(letters, titles("ab", "c"), cache=tmp_path)
    (file,) = tmp_path.rglob("*.safetensors")
    file.write_bytes(damage(file.read_bytes()))
    with pytest.warns(UserWarning, match=f"{file.name} is damaged; its items are encoded again"):
        again = embed(letters, titles("ab", "c"), cache=tmp_path)
    np.testing.assert_array_equal(again.vectors, first.vectors)
    assert letters.seen == ["ab", "c"] * 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        embed(letters, titles("ab", "c"), cache=tmp_path)
    assert len(letters.seen) == 4


def test_interrupted_work_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lib.encoders.embeddings, "CHUNK", 2)
    catalogue = titles("a", "bb", "ccc", "aaaa", "bbbbb")
    with pytest.raises(KeyboardInterrupt):
        embed(Letters(fail_at="bb"), catalogue, cache=tmp_path)  # in the second chunk: ccc, bb
    resumed = Letters()
    made = embed(resumed, catalogue, cache=tmp_path)
    assert resumed.seen == ["ccc", "bb", "a"]
    np.testing.assert_array_equal(made.vectors, np.eye(3)[[0, 1, 2, 0, 1]])


PROCESS = """
import sys, time, pathlib
import pandas as pd
import lib.encoders.embeddings
from lib.data.catalogue import Catalogue
from lib.encoders import encoder

cache, me, *paths = sys.argv[1:]
lib.encoders.embeddings.CHUNK = 1
ids = [str(i) for i in range(len(paths))]
catalogue = Catalogue("p", pd.DataFrame({"image": paths}, index=ids))
ready = pathlib.Path(cache).parent
(ready / f"ready-{me}").touch()
while not (ready / "go").exists():
    time.sleep(0.001)
made = lib.encoders.embeddings.embed(encoder("colour"), catalogue, cache=cache)
made.vectors.tofile(ready / f"vectors-{me}")
"""


def test_two_processes_share_one_cache(tmp_path: Path) -> None:
    shades = [f"#{n * 4:02x}{255 - n * 4:02x}80" for n in range(40)]
    catalogue, cache = photos(tmp_path, *shades), tmp_path / "cache"
    command = [sys.executable, "-W", "error", "-c", PROCESS, str(cache)]
    processes = [
        subprocess.Popen([*command, str(me), *catalogue.items["image"]], stderr=subprocess.PIPE)
        for me in (0, 1)
    ]
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("ready-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    (tmp_path / "go").touch()
    assert [p.communicate(timeout=60)[1] for p in processes] == [b"", b""]
    expected = embed(encoder("colour"), catalogue, cache=None).vectors
    for me in (0, 1):
        np.testing.assert_array_equal(
            np.fromfile(tmp_path / f"vectors-{me}", np.float32).reshape(40, 256), expected
        )
    files = [path for path in cache.rglob("*") if path.is_file()]
    assert files and all(
        path.suffix == ".safetensors" and not path.name.startswith(".") for path in files
    )


def test_without_a_cache_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        lib.encoders.embeddings, "write_atomically", lambda *_: pytest.fail("wrote a file")
    )
    letters = Letters()
    for _ in range(2):
        assert embed(letters, titles("a", None), cache=None).vectors.tolist() == [
            [1, 0, 0],
            [0, 0, 0],
        ]
    assert letters.seen == ["a", "", "a", ""]
    embed(Letters(state=None), titles("a"), cache=tmp_path / "cache")  # too cheap for a cache
    assert not (tmp_path / "cache").exists()


def test_where_every_item_is_missing_rows_are_zero(tmp_path: Path) -> None:
    letters = Letters()
    assert not embed(letters, titles(None, "", "  "), cache=tmp_path).present.any()
    assert not any(letters.seen) and not list(tmp_path.rglob("*.safetensors"))


def test_missing_items_have_the_dimensions_of_the_encoder(tmp_path: Path) -> None:
    assert embed(Letters(), titles(None), cache=tmp_path).vectors.shape == (1, 3)


def test_an_empty_catalogue_with_a_warm_cache(tmp_path: Path) -> None:
    embed(Letters(), titles("a"), cache=tmp_path)
    assert embed(Letters(), titles(), cache=tmp_path).vectors.shape[0] == 0


def test_the_bar_shows_in_a_terminal_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal in (False, True):
        stream = io.StringIO()
        stream.isatty = lambda terminal=terminal: terminal
        monkeypatch.setattr(sys, "stderr", stream)
        for _ in range(2):
            embed(Letters(), titles("a", "b"), cache=tmp_path / str(terminal))
        assert ("letters" in stream.getvalue()) == terminal
        assert stream.getvalue().count("2/2") == terminal  # the second call has nothing to show


def test_seconds_are_counted(tmp_path: Path) -> None:
    assert embed(Letters(), titles("a"), cache=tmp_path).seconds > 0
