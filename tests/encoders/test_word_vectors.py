"""word2vec and GloVe: means by hand, files with good and bad lines, gensim's reading, use."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from lib import embed, evaluate, load, search
from lib.encoders import encoder
from lib.encoders.word_vectors import read_word_vectors
from lib.files import find_weights, weights_paths
from tests.encoders import titles

gensim_is_here = pytest.mark.skipif(
    find_spec("gensim") is None, reason='needs the extra: pip install -e ".[words]"'
)
VECTORS = {
    "red": (1, 0, 0),
    "mug": (0, 2, 0),
    "cup": (0, 1, 1),
    "水乳": (0, 0, 4),
    "乳套": (2, 0, 0),
}
LINES = [" ".join([word, *map(str, vector)]) for word, vector in VECTORS.items()]


def write(folder: Path, *lines: str) -> Path:
    path = folder / "tiny.3d.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("header", [(), ("5 3",)])
def test_glove_is_the_mean_of_known_words(header: tuple[str, ...], tmp_path: Path) -> None:
    made = encoder(f"glove:{write(tmp_path, *header, *LINES)}")
    shop = titles("Red mug!", "red red cup unheard", "水乳套", "unheard of", None)
    expected = [(0.5, 1, 0), (2 / 3, 1 / 3, 1 / 3), (1, 0, 2), (0, 0, 0), (0, 0, 0)]
    np.testing.assert_allclose(made.encode(shop), expected, atol=1e-6)
    assert made.encode(shop).dtype == np.float32 and made.encode(shop.take([])).shape == (0, 3)
    assert made.fit(shop) is made and made.name == "glove:tiny.3d(title)"
    assert made.parameters == 15


def test_words_may_hold_blanks_and_of_two_the_first_counts(tmp_path: Path) -> None:
    rows, vectors = read_word_vectors(write(tmp_path, *LINES, ". . . 7 8 9", "red 5 5 5"))
    assert rows["red"] == 0 and vectors[0].tolist() == [1, 0, 0]
    assert vectors[rows[". . ."]].tolist() == [7, 8, 9] and len(rows) == len(vectors) == 6


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([*LINES, "shoe 1 2"], r"tiny\.3d\.txt: line 6 must be a word and 3 numbers .*take it out"),
        ([*LINES, "shoe 1 x 3"], r"line 6 must be .*could not convert string to float: 'x'"),
        (["6 3", *LINES[:1], "", *LINES], r"line 3 must be a word and 3 numbers"),
    ],
)
def test_a_bad_line_is_named(lines: list[str], says: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=says):
        encoder(f"glove:{write(tmp_path, *lines)}").encode(titles("mug"))


@gensim_is_here
def test_gensim_reads_the_same_from_a_published_file(tmp_path: Path) -> None:
    from gensim.models import KeyedVectors

    try:
        path = find_weights("glove/glove.6B.50d.top60k.txt")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    few = tmp_path / "few.txt"
    with path.open(encoding="utf-8") as file:
        few.write_text("".join(line for line, _ in zip(file, range(3000), strict=False)), "utf-8")
    theirs = KeyedVectors.load_word2vec_format(few, binary=False, no_header=True)
    rows, vectors = read_word_vectors(few)
    assert rows == theirs.key_to_index
    np.testing.assert_array_equal(vectors, theirs.vectors)


def test_a_file_that_is_not_there_says_where_it_was_sought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AKIN_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"no weights file 'glove\.txt'.*weights"):
        encoder("glove:glove.txt")
    (tmp_path / "weights").mkdir()
    write(tmp_path / "weights", *LINES)
    assert encoder("glove:tiny.3d.txt").encode(titles("cup")).tolist() == [[0, 1, 1]]


def test_the_cache_knows_the_file(tmp_path: Path) -> None:
    spec, shop = f"glove:{write(tmp_path, *LINES)}", titles("red mug", None)
    first = embed(encoder(spec), shop, cache=tmp_path / "cache")
    again = encoder(spec)
    found = embed(again, shop, cache=tmp_path / "cache")
    np.testing.assert_array_equal(found.vectors, first.vectors)
    assert "table" not in vars(again)  # the file was hashed and not read
    write(tmp_path, *LINES[1:], "red 0 0 1")
    assert embed(encoder(spec), shop, cache=tmp_path / "cache").vectors[0, 2] > 0


def test_without_gensim_the_install_line_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gensim", None)
    says = r'gensim is not installed; run: pip install -e "\.\[words\]"'
    with pytest.raises(ModuleNotFoundError, match=says):
        encoder("word2vec")


def write_static(folder: Path, *, normalize: bool = False) -> Path:
    """A model of model2vec as that library writes it: a row of `VECTORS` each, unknown words 9s."""
    vocabulary = {word: n for n, word in enumerate(["[UNK]", *VECTORS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    vectors = np.array([(9, 9, 9), *VECTORS.values()], np.float32)
    save_file({"embeddings": vectors}, folder / "model.safetensors")
    config = {"model_type": "model2vec", "normalize": normalize}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_a_static_model_is_the_mean_of_known_pieces(tmp_path: Path) -> None:
    made = encoder(f"model2vec:{write_static(tmp_path / 'tiny')}")
    shop = titles("red mug", "red red cup unheard", "unheard of", " ", None)
    expected = [(0.5, 1, 0), (2 / 3, 1 / 3, 1 / 3), (0, 0, 0), (0, 0, 0), (0, 0, 0)]
    np.testing.assert_allclose(made.encode(shop), expected, atol=1e-6)
    assert made.encode(shop).dtype == np.float32 and made.encode(shop.take([])).shape == (0, 3)
    assert made.name == "model2vec:tiny(title)" and made.parameters == 18


def test_a_static_model_is_found_by_name_and_one_that_is_none_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AKIN_DATA", str(tmp_path))
    write_static(tmp_path / "weights" / "tiny", normalize=True)
    assert encoder("model2vec:tiny").encode(titles("mug")).tolist() == [[0, 1, 0]]
    (tmp_path / "empty").mkdir()
    (write_static(tmp_path / "cut") / "model.safetensors").write_bytes(b"not weights")
    for name in ("empty", "cut"):
        with pytest.raises(RuntimeError, match=f"{name} holds no static model that loads"):
            encoder(f"model2vec:{tmp_path / name}").encode(titles("mug"))


def test_potion_finds_the_same_product_in_the_other_shop() -> None:
    if not any(path.is_dir() for path in weights_paths("potion-base-2M")):
        pytest.skip("needs potion-base-2M in a folder weights beside the data sets")
    try:
        task = load("abt-buy").tasks["blocking"]
    except FileNotFoundError as error:
        pytest.skip(str(error))
    made = encoder("model2vec:potion-base-2M", fields=["all_fields"])
    queries, corpus = embed(made, task.queries), embed(made, task.corpus)
    found = evaluate(search(queries, corpus, 10), task, ["recall@1", "recall@10"]).mean()
    # one match in 1,076 is 0.001
    assert found.tolist() == pytest.approx([0.601, 0.912], abs=0.0015)


def test_without_model2vec_the_install_line_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "model2vec", None)
    with pytest.raises(ModuleNotFoundError, match="run: pip install model2vec"):
        encoder("model2vec:folder")


@gensim_is_here
def test_word2vec_finds_the_same_product_and_follows_its_seed() -> None:
    shop = load("bazaar", rows=240)
    catalogue, task = shop.catalogue, shop.tasks["same product"]
    first, again, other = (encoder("word2vec", seed=s).fit(catalogue) for s in (0, 0, 1))
    vectors = first.encode(catalogue)
    np.testing.assert_array_equal(vectors, again.encode(catalogue))
    assert np.abs(vectors - other.encode(catalogue)).max() > 1e-3
    found = embed(first, catalogue, cache=None)
    ranking = search(found, found, 10, exclude=task.exclude)
    # ten random products hold the right one for 7 % of the queries
    assert evaluate(ranking, task, ["hit@10"])["hit@10"].mean() > 0.85
    assert vectors.shape[1] == 100 and first.parameters % 100 == 0


@gensim_is_here
def test_word2vec_puts_words_of_like_contexts_together() -> None:
    contexts = ["水乳套装 正品 补水", "canvas shoe lace", "canvas shoe sole"]
    shop = titles(*[text for text in contexts for _ in range(30)])
    made = encoder("word2vec", dimensions=16, epochs=300).fit(shop)  # few words: many rounds
    lace, sole, chinese = embed(made, titles("lace", "sole", "正品"), cache=None).vectors
    assert lace @ sole > lace @ chinese + 0.1


@gensim_is_here
def test_word2vec_errors() -> None:
    says = r"word2vec\(.*\) has learned nothing yet; call fit\(catalogue\) first"
    with pytest.raises(RuntimeError, match=says):
        encoder("word2vec").encode(titles("mug"))
    with pytest.raises(ValueError, match="catalogue 'shop' has no words in"):
        encoder("word2vec").fit(titles(None, "!!"))
