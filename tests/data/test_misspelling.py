"""Misspelt words: the asked share, one error each, the same words wrong at larger shares."""

import re

import numpy as np
import pytest

from lib.data.misspelling import misspell

SENTENCE = "Harbourlight stainless steel teapot 1200 ml in oak, letter aaa 不锈钢"


def test_misspelt_words_have_one_error_each_and_nothing_else_changes():
    before, after = SENTENCE.split(), misspell(SENTENCE, 1.0, seed=2).split()
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        if re.search("[A-Za-z]{3}", old):
            assert one_error_apart(old, new), (old, new)
        else:
            assert old == new


def one_error_apart(old: str, new: str) -> bool:
    """Whether new is old after one swap, omission, doubling or other letter: an edit distance of 1
    with swaps.
    """
    if old == new:
        return False
    rows = range(len(old) + 1)
    distance = np.zeros((len(old) + 1, len(new) + 1), int)
    for i in rows:
        for j in range(len(new) + 1):
            if min(i, j) == 0:
                distance[i, j] = max(i, j)
                continue
            distance[i, j] = min(
                distance[i - 1, j] + 1,
                distance[i, j - 1] + 1,
                distance[i - 1, j - 1] + (old[i - 1] != new[j - 1]),
            )
            if i > 1 and j > 1 and old[i - 2 : i] == new[j - 2 : j][::-1]:
                distance[i, j] = min(distance[i, j], distance[i - 2, j - 2] + 1)
    return distance[-1, -1] == 1


def test_every_kind_of_error_occurs():
    kinds = set()
    for seed in range(60):
        new = misspell("mango", 1.0, seed=seed)
        kinds |= (
            {len(new) - 5}
            if len(new) != 5
            else {"swap" if sorted(new) == sorted("mango") else "other letter"}
        )
    assert kinds == {-1, 1, "swap", "other letter"}


def test_a_word_misspelt_at_one_share_is_so_at_larger_ones():
    words = " ".join(["mango"] * 400)
    some, more = (np.array(misspell(words, share, seed=1).split()) for share in (0.3, 0.6))
    wrong = some != "mango"
    assert 80 < wrong.sum() < 160
    assert 200 < (more != "mango").sum() < 280
    assert (some[wrong] == more[wrong]).all()
    assert misspell(words, 0.3, seed=2).split() != some.tolist()
    assert misspell(words, 0.0) == words


def test_errors_do_not_hang_on_the_order_of_texts():
    assert [misspell(t, 1.0) for t in ("red mango", "blue mango")] == [
        misspell(t, 1.0) for t in ("blue mango", "red mango")
    ][::-1]
    with pytest.raises(ValueError, match="from 0 to 1, got 2"):
        misspell("red", 2)
