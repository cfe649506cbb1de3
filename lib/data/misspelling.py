"""Adds typing errors to texts, to measure how search copes with them."""

from __future__ import annotations

import hashlib
import re

import numpy as np

# of a keyboard; an error hits the key to the left or right
ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
BESIDE = {
    key: row[max(0, i - 1) : i] + row[i + 1 : i + 2] for row in ROWS for i, key in enumerate(row)
}
LATIN = re.compile("[A-Za-z]{3,}")
ERRORS = ("swap", "drop", "double", "neighbour")


def misspell(text: str, share: float, *, seed: int = 0) -> str:
    """The text with about this share of its words misspelt, one typing error each.

    Words are runs of three or more Latin letters; numbers and other scripts stay. An error is one
    of four: two letters swap places, a letter is left out, is typed twice, or is the neighbouring
    key's. A word that is misspelt at one share is misspelt in the same way at every larger share.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is from 0 to 1, got {share}")
    # each text has errors of its own, in whatever order texts come
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    rng = np.random.default_rng([seed, int.from_bytes(digest)])

    def typed(word: re.Match) -> str:
        # drawn for every word, so that a larger share changes none
        luck, kind, place, side = rng.random(4)
        return _mistype(word[0], ERRORS[int(4 * kind)], place, side) if luck < share else word[0]

    return LATIN.sub(typed, text)


def _mistype(word: str, error: str, place: float, side: float) -> str:
    """One error at a place and to a side that are drawn from [0, 1)."""
    if error == "swap":
        unequal = [i for i in range(len(word) - 1) if word[i] != word[i + 1]]
        if not unequal:
            return word[1:]
        i = unequal[int(place * len(unequal))]
        return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    i = int(place * len(word))
    if error == "neighbour":
        beside = BESIDE[word[i].lower()]
        key = beside[int(side * len(beside))]
        return word[:i] + (key.upper() if word[i].isupper() else key) + word[i + 1 :]
    return word[:i] + word[i + 1 :] if error == "drop" else word[: i + 1] + word[i:]
