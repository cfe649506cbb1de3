"""Encoders are found by name and keep one protocol; the lexical one counts as scikit-learn and Lucene do."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer

from lib.catalogue import Catalogue
from lib.encoders import REGISTRY, Encoder, cost, encoder
from lib.encoders.base import digest_files, require
from lib.encoders.lexical import normalise, words

ENGLISH = ["Blue canvas backpack", "Red CANVAS shoes, size 42", "Leather wallet", "Blue blue suede shoes"]


def catalogue(*titles: str | None, **columns: list) -> Catalogue:
    return Catalogue("shop", pd.DataFrame({"title": list(titles), **columns}, index=[f"i{n}" for n in range(len(titles))]))


@pytest.mark.parametrize(
    ("spec", "near"), [("minlm", "minilm"), ("tf-idf", "tfidf"), ("color", "colour"), ("torchvison:", "torchvision:")]
)
def test_an_unknown_name_is_an_error_with_a_suggestion(spec: str, near: str) -> None:
    with pytest.raises(ValueError, match=f"no encoder '{spec}'.*did you mean '{near}'"):
        encoder(spec)


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(ValueError) as caught:
        encoder("qqq")
    assert all(name in str(caught.value) for name in REGISTRY)
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("spec", ["hf:", "torchvision:", "hf", "torchvision", "minilm:L12", "", ":"])
def test_a_model_goes_with_a_colon(spec: str) -> None:
    with pytest.raises(ValueError, match="no encoder"):
        encoder(spec)


@pytest.mark.parametrize("spec", ["tfidf", "colour", "hog", "minilm", "hf:folder", "torchvision:resnet18"])
def test_an_unknown_option_is_an_error(spec: str) -> None:
    with pytest.raises(TypeError):
        encoder(spec, colour_of_the_sky="blue")


def first_steps(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Encoder:
    """The encoder of each registered name, with what it cannot do without."""
    if name in ("glove:", "word2vec"):
        pytest.importorskip("gensim", reason='needs the extra: pip install -e ".[words]"')
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "6B.txt").write_text("blue 1 0\nmug 0 1\n")
    models = {"torchvision:": "squeezenet1_1", "glove:": "6B.txt"}
    options = {"torchvision:": {"weights": None}, "lstm": {"epochs": 1}, "autoencoder": {"epochs": 1}}
    return encoder(name + models.get(name, "folder") if name.endswith(":") else name, **options.get(name, {}))


FOLDERS = ("hf:", "hf-image:", "clip:", "siglip:")  # with checkpoints in test_text_encoder, test_hf_image, test_joint
TRAIN = catalogue("Blue mug", "Red mug", category=["Home > Mugs"] * 2, brand=["Acme", None], price=[9.5, 12])


@pytest.mark.parametrize("name", REGISTRY)
def test_every_registered_encoder_keeps_the_protocol(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = first_steps(name, tmp_path, monkeypatch)
    assert isinstance(made, Encoder)
    assert made.name.startswith(name) and made.modality in ("text", "image", "attributes")
    assert made.state is None or isinstance(made.state, str)
    assert made.fit(TRAIN) is made
    assert len(made.contents(catalogue("a", None))) == 2
    assert made.contents(catalogue(None)) == [None]
    module, member, says = REGISTRY[name]
    assert hasattr(importlib.import_module(f"lib.encoders.{module}"), member) and says


@pytest.mark.parametrize("name", [n for n in REGISTRY if n not in FOLDERS])
def test_vectors_of_missing_products_are_zero(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = first_steps(name, tmp_path, monkeypatch).fit(TRAIN)
    vectors = made.encode(catalogue(None, "", "  "))
    assert vectors.shape[0] == 3 and vectors.shape[1] >= 2 and vectors.dtype == np.float32
    assert np.abs(vectors).sum() == 0
    assert made.encode(catalogue()).shape == (0, vectors.shape[1])  # nor is an empty catalogue an error
    weighs = cost(made)
    assert weighs["dimensions"] == vectors.shape[1]
    assert (weighs["parameters"] == 0) == (name in ("colour", "hog", "phash", "onehot", "category", "price"))


@pytest.mark.parametrize("sublinear", [False, True])
@pytest.mark.parametrize("ngrams", [None, (1, 2)])
def test_words_of_plain_english_count_as_in_scikit_learn(sublinear: bool, ngrams: tuple[int, int] | None) -> None:
    ours = encoder("tfidf", sublinear=sublinear, ngrams=ngrams).fit(catalogue(*ENGLISH))
    theirs = TfidfVectorizer(ngram_range=ngrams or (1, 1), sublinear_tf=sublinear).fit(ENGLISH)
    texts = ["blue shoes, blue laces", "Canvas wallet", "nothing known"]
    vectors = ours.encode(catalogue(*texts))
    assert isinstance(vectors, csr_array) and vectors.dtype == np.float32
    np.testing.assert_allclose(vectors.toarray(), theirs.transform(texts).toarray(), atol=1e-6)


@pytest.mark.parametrize("analyzer", ["char", "char_wb"])
def test_character_runs_count_as_in_scikit_learn(analyzer: str) -> None:
    ours = encoder("tfidf", analyzer=analyzer, ngrams=(2, 3)).fit(catalogue(*ENGLISH)).encode(catalogue(*ENGLISH))
    theirs = TfidfVectorizer(analyzer=analyzer, ngram_range=(2, 3)).fit_transform(ENGLISH)
    np.testing.assert_allclose(ours.toarray(), theirs.toarray(), atol=1e-6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我是中国人", ["我是", "是中", "中国", "国人"]),  # the example of Lucene's CJKAnalyzer
        ("水", ["水"]),
        ("水乳", ["水乳"]),
        ("AHC水乳24K", ["ahc", "水乳", "24k"]),
        ("口红 女", ["口红", "女"]),  # no pair across a blank
        ("口红,套装", ["口红", "套装"]),
        ("ＡＨＣ２４Ｋ", ["ahc24k"]),  # full-width
        ("ﾊﾞｯｸﾞ", ["バッ", "ッグ"]),  # half-width katakana
        ("ﬁne Größe", ["fine", "größe"]),
        ("가방", ["가방"]),
        ("T-shirt's x2", ["t", "shirt", "s", "x2"]),
        ("", []),
        ("!? …", []),
    ],
)
def test_words_by_hand(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_full_width_and_plain_letters_are_one() -> None:
    assert normalise("ＡＨＣ　２４Ｋ") == "ahc 24k"
    fitted = encoder("tfidf").fit(catalogue("AHC 24K", "other"))
    plain, wide = fitted.encode(catalogue("ahc 24k", "ＡＨＣ　２４Ｋ")).toarray()
    np.testing.assert_array_equal(plain, wide)
    assert plain.any()


def test_a_rare_pair_of_characters_outweighs_a_common_one() -> None:
    fitted = encoder("tfidf").fit(catalogue("水乳套装", "水乳", "水乳", "口红"))
    row = fitted.encode(catalogue("水乳套装")).toarray()[0]
    common, rare = sorted(set(row[row > 0].round(6).tolist()))
    assert np.count_nonzero(row) == 3 and rare > common  # 乳套 and 套装 stand in one title, 水乳 in three


def test_fields_are_read_together_and_named() -> None:
    shop = catalogue("mug", "cup", brand=["Acme", None])
    made = encoder("tfidf", fields=("title", "brand")).fit(shop)
    assert made.encode(shop).shape == (2, 3)
    assert made.contents(shop) == [b"mug Acme", b"cup"]
    names = [made.name, encoder("tfidf").name, encoder("tfidf", sublinear=True).name, encoder("tfidf", analyzer="char").name]
    assert len(set(names)) == 4


def test_lexical_errors() -> None:
    with pytest.raises(RuntimeError, match=r"no vocabulary yet; call fit\(catalogue\) first"):
        encoder("tfidf").encode(catalogue("mug"))
    with pytest.raises(ValueError, match="catalogue 'shop' has no text"):
        encoder("tfidf").fit(catalogue(None, " "))
    with pytest.raises(ValueError, match="analyzer is"):
        encoder("tfidf", analyzer="words")
    with pytest.raises(KeyError, match="no column 'colour'"):
        encoder("tfidf", fields=("colour",)).fit(catalogue("mug"))


def test_an_empty_catalogue_gives_no_rows() -> None:
    assert encoder("tfidf").fit(catalogue("mug")).encode(catalogue()).shape == (0, 1)


def test_require_says_what_to_install() -> None:
    assert require("json").dumps([]) == "[]"
    with pytest.raises(ModuleNotFoundError, match="no_such_module is not installed; run: pip install no-such-package"):
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
