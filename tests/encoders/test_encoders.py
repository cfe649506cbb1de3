"""Encoders are found by name, one's own by its module, and all keep one protocol."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lib.encoders import REGISTRY, Encoder, cost, embed, encoder
from lib.encoders.base import digest_files, require
from tests.encoders import titles


@pytest.mark.parametrize(
    ("spec", "near"),
    [
        ("minlm", "minilm"),
        ("tf-idf", "tfidf"),
        ("color", "colour"),
        ("torchvison:", "torchvision:"),
    ],
)
def test_an_unknown_name_is_an_error_with_a_suggestion(spec: str, near: str) -> None:
    with pytest.raises(ValueError, match=f"no encoder '{spec}'.*did you mean '{near}'"):
        encoder(spec)


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(ValueError) as caught:
        encoder("qqq")
    assert all(name in str(caught.value) for name in REGISTRY)
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    "spec", ["hf:", "torchvision:", "hf", "torchvision", "minilm:L12", "", ":"]
)
def test_a_model_goes_with_a_colon(spec: str) -> None:
    with pytest.raises(ValueError, match="no encoder"):
        encoder(spec)


@pytest.mark.parametrize(
    "spec", ["tfidf", "colour", "hog", "minilm", "hf:folder", "torchvision:resnet18"]
)
def test_an_unknown_option_is_an_error(spec: str) -> None:
    with pytest.raises(TypeError):
        encoder(spec, colour_of_the_sky="blue")


def test_an_encoder_of_ones_own_is_named_by_its_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        "import numpy as np",
        "class Lengths:",
        "    modality, state = 'text', None",
        "    def __init__(self, *, most=9):",
        "        self.name, self.most = f'lengths({most})', most",
        "    def fit(self, train):",
        "        return self",
        "    def contents(self, catalogue):",
        "        return [text.encode() or None for text in catalogue.text()]",
        "    def encode(self, catalogue):",
        "        lengths = [[min(len(text), self.most)] for text in catalogue.text()]",
        "        return np.array(lengths, np.float32)",
    ]
    (tmp_path / "akin_test_lengths.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    made = encoder("akin_test_lengths:Lengths", most=4)
    assert isinstance(made, Encoder) and made.name == "lengths(4)"
    assert made.encode(titles("mug", "teapot")).tolist() == [[3], [4]]
    assert embed(made, titles("mug", None)).present.tolist() == [True, False]
    with pytest.raises(AttributeError, match="Widths"):
        encoder("akin_test_lengths:Widths")
    with pytest.raises(ValueError, match="no encoder 'akin_no_such_module:Lengths'"):
        encoder("akin_no_such_module:Lengths")


def first_steps(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Encoder:
    """The encoder of each registered name, with what it cannot do without."""
    if name == "word2vec":
        pytest.importorskip("gensim", reason='needs the extra: pip install -e ".[words]"')
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "6B.txt").write_text("blue 1 0\nmug 0 1\n")
    models = {"torchvision:": "squeezenet1_1", "glove:": "6B.txt"}
    options = {
        "torchvision:": {"weights": None},
        "lstm": {"epochs": 1},
        "autoencoder": {"epochs": 1},
    }
    return encoder(
        name + models.get(name, "folder") if name.endswith(":") else name, **options.get(name, {})
    )


FOLDERS = (
    "hf:",
    "hf-image:",
    "clip:",
    "model2vec:",
)  # with checkpoints in test_text, test_image_networks, test_joint, test_word_vectors
TRAIN = titles(
    "Blue mug", "Red mug", category=["Home > Mugs"] * 2, brand=["Acme", None], price=[9.5, 12]
)


@pytest.mark.parametrize("name", REGISTRY)
def test_every_registered_encoder_keeps_the_protocol(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = first_steps(name, tmp_path, monkeypatch)
    assert isinstance(made, Encoder)
    assert made.name.startswith(name) and made.modality in ("text", "image", "attributes")
    assert made.state is None or isinstance(made.state, str)
    assert made.fit(TRAIN) is made
    assert len(made.contents(titles("a", None))) == 2
    assert made.contents(titles(None)) == [None]
    assert REGISTRY[name][1]  # says what it is


@pytest.mark.parametrize("name", [n for n in REGISTRY if n not in FOLDERS])
def test_vectors_of_missing_products_are_zero(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = first_steps(name, tmp_path, monkeypatch).fit(TRAIN)
    vectors = made.encode(titles(None, "", "  "))
    assert vectors.shape[0] == 3 and vectors.shape[1] >= 2 and vectors.dtype == np.float32
    assert np.abs(vectors).sum() == 0
    assert made.encode(titles()).shape == (
        0,
        vectors.shape[1],
    )  # nor is an empty catalogue an error
    weightless = ("colour", "hog", "phash", "onehot", "category", "price")
    embedded = embed(made, TRAIN, cache=None)
    weighs = cost(made, embedded)
    assert weighs["dimensions"] == vectors.shape[1] and weighs["seconds"] == embedded.seconds > 0
    assert (weighs["parameters"] == 0) == (name in weightless)


def test_require_says_what_to_install() -> None:
    assert require("json").dumps([]) == "[]"
    with pytest.raises(
        ModuleNotFoundError,
        match="no_such_module is not installed; run: pip install no-such-package",
    ):
        require("no_such_module", "no-such-package")


def test_digest_of_files_follows_names_and_bytes_but_not_folders(tmp_path: Path) -> None:
    for folder, content in (("one", b"x"), ("two", b"x"), ("three", b"y")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a").write_bytes(content)
        (tmp_path / folder / "b").write_bytes(b"z")
    one, two, three = ([tmp_path / f / n for n in "ab"] for f in ("one", "two", "three"))
    assert digest_files(one) == digest_files(two[::-1]) != digest_files(three)
    (tmp_path / "two" / "b").rename(tmp_path / "two" / "c")
    assert digest_files([tmp_path / "two" / n for n in "ac"]) != digest_files(one)
