"""word2vec and GloVe: means by hand, weights by rarity, files with good and bad lines, use and determinism."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lib import embed, evaluate, load, search
from lib.catalogue import Catalogue
from lib.encoders import cost, encoder

gensim_is_here = pytest.mark.skipif(
    __import__("importlib.util").util.find_spec("gensim") is None, reason='needs the extra: pip install -e ".[words]"'
)
VECTORS = {"red": (1, 0, 0), "mug": (0, 2, 0), "cup": (0, 1, 1), "水乳": (0, 0, 4), "乳套": (2, 0, 0)}
LINES = [" ".join([word, *map(str, vector)]) for word, vector in VECTORS.items()]


def titles(*texts: str | None) -> Catalogue:
    return Catalogue("c", pd.DataFrame({"title": list(texts)}, index=[f"i{n}" for n in range(len(texts))]))


def write(folder: Path, *lines: str) -> Path:
    path = folder / "tiny.3d.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@gensim_is_here
@pytest.mark.parametrize("header", [(), ("5 3",)])
def test_glove_is_the_mean_of_known_words(header: tuple[str, ...], tmp_path: Path) -> None:
    made = encoder(f"glove:{write(tmp_path, *header, *LINES)}")
    shop = titles("Red mug!", "red red cup unheard", "水乳套", "unheard of", None)
    expected = [(0.5, 1, 0), (2 / 3, 1 / 3, 1 / 3), (1, 0, 2), (0, 0, 0), (0, 0, 0)]
    np.testing.assert_allclose(made.encode(shop), expected, atol=1e-6)
    assert made.encode(shop).dtype == np.float32 and made.encode(shop.take([])).shape == (0, 3)
    assert made.fit(shop) is made and made.name == "glove:tiny.3d(title)"
    assert cost(made) == {"parameters": 15, "dimensions": 3}


@gensim_is_here
def test_glove_weighs_rare_words_more_on_request(tmp_path: Path) -> None:
    made = encoder(f"glove:{write(tmp_path, *LINES)}", idf=True)
    with pytest.raises(RuntimeError, match=r"glove:tiny\.3d\(title,idf\) has learned nothing yet; call fit"):
        made.encode(titles("mug"))
    before = made.state
    made.fit(titles("red mug", "red cup", "red"))
    red, mug = math.log(4 / 4) + 1, math.log(4 / 2) + 1  # scikit-learn's smoothed idf
    expected = np.array([red * 1, mug * 2, 0]) / (red + mug)
    np.testing.assert_allclose(made.encode(titles("red mug"))[0], expected, atol=1e-6)
    assert made.state != before  # the cache must not mix two catalogues' weights
    assert made.fit(titles("red")).state != before


@gensim_is_here
@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([*LINES, "shoe 1 2"], r"tiny\.3d\.txt: line 6 has 2 numbers, the first has 3; take it out"),
        ([*LINES[:2], "at name@domain.com 1 2 3", *LINES[2:]], r"line 3 has 4 numbers, the first has 3"),
        ([*LINES, "shoe 1 x 3"], r"line 6 must be a word and 3 numbers \(could not convert string to float: 'x'\)"),
        (["9 3", *LINES], r"tiny\.3d\.txt: .*count incorrect"),
    ],
)
def test_a_bad_line_is_named(lines: list[str], says: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=says):
        encoder(f"glove:{write(tmp_path, *lines)}").encode(titles("mug"))


@gensim_is_here
def test_a_file_that_is_not_there_says_where_it_was_sought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AKIN_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"no weights file 'glove\.txt'.*weights"):
        encoder("glove:glove.txt")
    (tmp_path / "weights").mkdir()
    write(tmp_path / "weights", *LINES)
    assert encoder("glove:tiny.3d.txt").encode(titles("cup")).tolist() == [[0, 1, 1]]


@pytest.mark.parametrize("spec", ["word2vec", "glove:tiny.txt"])
def test_without_gensim_the_install_line_is_given(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gensim", None)
    with pytest.raises(ModuleNotFoundError, match=r'gensim is not installed; run: pip install -e "\.\[words\]"'):
        encoder(spec)


@gensim_is_here
def test_the_cache_knows_the_file(tmp_path: Path) -> None:
    spec, shop = f"glove:{write(tmp_path, *LINES)}", titles("red mug", None)
    first = embed(encoder(spec), shop, cache=tmp_path / "cache")
    again = encoder(spec)
    np.testing.assert_array_equal(embed(again, shop, cache=tmp_path / "cache").vectors, first.vectors)
    assert "vectors" not in vars(again)  # the file was hashed and not read
    write(tmp_path, *LINES[1:], "red 0 0 1")
    assert embed(encoder(spec), shop, cache=tmp_path / "cache").vectors[0, 2] > 0


@gensim_is_here
@pytest.mark.parametrize("idf", [False, True])
def test_word2vec_finds_the_same_product_and_follows_its_seed(idf: bool) -> None:
    shop = load("bazaar", rows=240)
    task = shop.tasks["same product"]
    first, again, other = (encoder("word2vec", idf=idf, seed=s).fit(shop.catalogue) for s in (0, 0, 1))
    vectors = first.encode(shop.catalogue)
    np.testing.assert_array_equal(vectors, again.encode(shop.catalogue))
    assert np.abs(vectors - other.encode(shop.catalogue)).max() > 1e-3
    found = embed(first, shop.catalogue, cache=None)
    hit = evaluate(search(found, found, 10, exclude=task.exclude), task, ["hit@10"])["hit@10"].mean()
    assert hit > 0.85  # ten random products hold the right one for 7 % of the queries
    assert cost(first)["dimensions"] == 100 and cost(first)["parameters"] % 100 == 0


@gensim_is_here
def test_word2vec_puts_words_of_like_contexts_together() -> None:
    shop = titles(*["水乳套装 正品 补水"] * 30, *["canvas shoe lace"] * 30, *["canvas shoe sole"] * 30)
    made = encoder("word2vec", dimensions=16, epochs=300).fit(shop)  # few words: many rounds
    lace, sole, chinese = made.encode(titles("lace", "sole", "正品"))
    cosine = lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b)  # noqa: E731
    assert cosine(lace, sole) > cosine(lace, chinese) + 0.1


@gensim_is_here
def test_word2vec_errors() -> None:
    with pytest.raises(RuntimeError, match=r"word2vec\(.*\) has learned nothing yet; call fit\(catalogue\) first"):
        encoder("word2vec").encode(titles("mug"))
    with pytest.raises(ValueError, match="catalogue 'c' has no words in"):
        encoder("word2vec").fit(titles(None, "!!"))
