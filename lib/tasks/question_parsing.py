"""What a customer's question asks: its intent, the words that name a product, colour, size, price
limit and the wish left over.

Transparent rules over English words, and a vocabulary taken from the catalogue. What answers a
question is found in `support.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lib.data.catalogue import Catalogue
from lib.encoders.lexical import words

WHOLE = ("title", "brand", "description", "attributes")
INTENTS = ("cheaper", "colour", "size", "feature", "elsewhere")

# base colour -> the names that mean it
COLOURS = {
    "red": "red, crimson, scarlet, burgundy, maroon",
    "orange": "orange, apricot, terracotta",
    "yellow": "yellow, mustard, lemon",
    "green": "green, olive, mint, emerald",
    "teal": "teal, petrol, turquoise, cyan",
    "blue": "blue, azure, royal blue, sky blue, light blue",
    "navy": "navy, navy blue, dark blue, midnight blue",
    "purple": "purple, violet, lilac, lavender, mauve",
    "pink": "pink, rose, magenta, fuchsia",
    "brown": "brown, chocolate, tan, camel",
    "black": "black, jet black",
    "grey": "grey, gray, charcoal, anthracite",
    "white": "white, off-white, ivory",
    "beige": "beige, sand, cream, ecru",
    "silver": "silver",
    "gold": "gold, golden",
}
BASE = {name: base for base, names in COLOURS.items() for name in names.split(", ")}

# names of a unit -> what it is counted in, and how many of those it is
_UNITS = {
    "ml millilitre milliliter": ("ml", 1),
    "cl centilitre centiliter": ("ml", 10),
    "l litre liter": ("ml", 1000),
    "mm millimetre millimeter": ("mm", 1),
    "cm centimetre centimeter": ("mm", 10),
    "m metre meter": ("mm", 1000),
    "inch inches": ("mm", 25.4),
    "g gram": ("g", 1),
    "kg kilo kilogram": ("g", 1000),
    "w watt": ("W", 1),
    "mp megapixel": ("MP", 1),
    "h hour": ("h", 1),
}
UNITS = {name: counted for names, counted in _UNITS.items() for name in names.split()}


def _either(phrases: Collection[str]) -> str:
    return "|".join(map(re.escape, sorted(phrases, key=len, reverse=True)))


NUMBER = r"([1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)"
MEASURE = re.compile(rf"(?<![\w.,]){NUMBER}[\s-]?({_either(UNITS)})s?\b", re.I)
WORN = re.compile(r"\b(EU|UK|US|size)\s?(\d+(?:[.,]5)?|X{0,3}[SL]|M)\b", re.I)
# a letter alone is a size only as a capital: "M", but not "I'm"
LETTERS = re.compile(r"(?<![\w'’-])()(X{0,3}[SL]|M)(?![\w'’-])")
COLOUR = re.compile(rf"\b({_either(BASE)})\b", re.I)
MOST = (
    r"under|below|less than|at most|up to|(?:no|not) more than"
    r"|max(?:imum)?(?: of)?|cheaper than|within"
)
MONEY = r"(?:[€$£]|(?:eur|euros?|usd|dollars?|gbp|pounds?|chf|francs?)(?!\w))"
# no price has three decimals
PRICE = r"([1-9]\d{0,2}(?:[.,\s'’]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d+)?)(?![.,]?\d)"
LIMIT = re.compile(rf"\b(?:{MOST})\s*({MONEY}\s*)?{PRICE}(\s*{MONEY})?", re.I)
# what may follow a price without its currency
AFTER = re.compile(r"\s*(?:$|[.,;:!?)\"”]|[-–—]\s|(?<=\s)([a-z]+))", re.I)
CHEAPER = re.compile(
    r"\bcheap|\bafford|\bbudget\b|\bexpensive|\bpricey|\bbargain"
    r"|\b(?:low|small|bett)er (?:price|cost)|\b(?:cost|pay|spend)\w*\s(?:\w+\s)?(?:less|much)"
    r"|\bless (?:money|costly)|\bsave money",
    re.I,
)
ELSEWHERE = re.compile(
    r"\b(?:parcels?|packages?|deliver\w*|ship|ship(?:ped|ping|ment)|arrives?|track\w*|refunds?"
    r"|returns?|send (?:\S+ ){0,6}back|exchange|warrant\w+|guarantees?|repair\w*|broken|defect\w*"
    r"|damaged|cancel(?:lation|led)?|invoices?|payments?|instal\w+|vouchers?|password|log ?in"
    r"|account|opening hours|who (?:owns|founded)|complain\w*)\b",
    re.I,
)
# words of talking to a shop, beside scikit-learn's English stop words
_TALK = (
    "available availability buy carry come comes colour color costs does exist get give got hello "
    "hi kind know like look looking made make makes model need offer one option order please "
    "possible recommend sell sells shade show size sizes sold sort stock suggest tell thank thanks "
    "thing type use using variant version want wants wonder wondering would yes"
)
TALK = frozenset(_TALK.split())


@dataclass(frozen=True)
class ParsedQuestion:
    """What a question asks for; what it does not ask is None or empty.

    `names` are the words that name a product, known to the catalogue or not; `size` is a measure as
    `measures` gives it; `limit` the highest price, in the catalogue's currency; `wish` the content
    words that are left, such as "dishwasher".
    """

    text: str
    intent: str
    names: tuple[str, ...] = ()
    colour: str | None = None
    size: str | None = None
    limit: float | None = None
    wish: str = ""


class Vocabulary:
    """Which words of a catalogue name a product, which are its common words, and how rare each is.

    A word of a title names a product where at most two brands use it (without brands: two
    listings), and every word of a brand does. A word that the catalogue lacks names a product that
    is not there, if it has a capital or is not in `ordinary`, a dictionary of English. Without a
    dictionary only the capital tells.
    """

    def __init__(self, catalogue: Catalogue, *, ordinary: Collection[str] = ()) -> None:
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

        self.stop, self.ordinary = ENGLISH_STOP_WORDS | TALK, ordinary
        counter = CountVectorizer(analyzer=words, binary=True)
        self._has = counter.fit_transform(catalogue.text(WHOLE)).tocsc()  # (n, words)
        self._columns = counter.vocabulary_
        listings = np.asarray(self._has.sum(axis=0)).ravel()
        self._rarity = np.log1p(len(catalogue) / listings)  # (words,)
        brands = catalogue.items["brand"]
        titles = pd.Series(catalogue.text(("title", "brand")), catalogue.ids)
        texts = titles.groupby(brands.fillna(pd.Series(brands.index, brands.index))).agg(" ".join)
        users = np.asarray(counter.transform(texts).sum(axis=0)).ravel()  # brands a word
        used = {word: users[column] for word, column in self._columns.items() if users[column]}
        self._names = {word for word, by in used.items() if by <= 2 and word not in self.stop}
        self._names.update(*map(words, brands.dropna()))
        self.common = set(used) - self._names  # nouns, materials, colours

    def names(self, text: str) -> Iterator[str]:
        """The words of a text that name a product, whether or not the catalogue has it."""
        begins = True
        for written in re.findall(r"[^\s,;:()]+", text):
            capital = written[:1].isupper() and not begins
            begins = written[-1] in ".!?"
            for word in words(written):
                unknown = word not in self._columns and (capital or self.ordinary)
                special = (word in self._names or unknown) and word not in self.stop
                if special and (capital or not self._plain(word)):
                    yield word

    def _plain(self, word: str) -> bool:
        known = word in self.ordinary or word.removesuffix("s") in self.ordinary
        return known or word.isdigit() or len(word) < 3

    def coverage(self, names: Collection[str]) -> np.ndarray:
        """How much of what is named each listing carries, (n,) in [0, 1]: its share of the names'
        rarity.
        """
        known = [self._columns[w] for w in names if w in self._columns]
        if not known:
            return np.zeros(self._has.shape[0])
        rarity = self._rarity[known]
        total = rarity.sum() + (len(names) - len(known)) * np.log1p(self._has.shape[0])
        return self._has[:, known] @ rarity / total


def parse_question(question: str, vocabulary: Vocabulary) -> ParsedQuestion:
    """What a question asks, by rules.

    >>> parse_question("Is there a red Bocado under €10?", Vocabulary(catalogue))
    ParsedQuestion(text='Is there a red Bocado under €10?', intent='colour', names=('bocado',),
                   colour='red', size=None, limit=10.0, wish='')
    """
    rest, size = _cut(question, (MEASURE, WORN, LETTERS), lambda m: next(measures(m[0]), None))
    rest, limit = _cut(rest, (LIMIT,), lambda m: _limit(m, vocabulary.stop))
    rest, colour = _cut(rest, (COLOUR,), lambda m: BASE[m[1].lower()])
    names = tuple(dict.fromkeys(vocabulary.names(rest)))
    ignored = vocabulary.stop | set(names)
    wish = " ".join(word for word in words(rest) if word not in ignored and len(word) > 1)
    intent = "colour" if colour else "size" if size else "feature"
    if ELSEWHERE.search(question):
        intent = "elsewhere"
    elif CHEAPER.search(question) or (limit is not None and intent == "feature"):
        intent = "cheaper"
    return ParsedQuestion(question, intent, names, colour, size, limit, wish)


def measures(text: str) -> Iterator[str]:
    """Every size in a text in one spelling: "0.35 l" and "350ml" give "350 ml", "eu 42" gives
    "EU 42".
    """
    for number, unit in MEASURE.findall(text):
        counted, factor = UNITS[unit.lower()]
        yield f"{_number(number) * factor:g} {counted}"
    for scale, size in WORN.findall(text) + LETTERS.findall(text):
        scale = scale.upper() if scale.lower() in ("eu", "uk", "us") else "size"
        yield f"{scale} {size.upper()}"


def colours(text: str) -> set[str]:
    """The base colours that a text names."""
    return {BASE[name.lower()] for name in COLOUR.findall(text)}


def _number(text: str, *, thousands: str = ",") -> float:
    """A number as people write it, where `thousands` may part the thousands: "1,500" is 1500, but
    "1,5" is 1.5 and "0,500" is one half.
    """
    if re.match(rf"[1-9]\d{{0,2}}[{thousands}]\d{{3}}(?!\d)", text):
        text = re.sub(rf"[{thousands}](?=\d{{3}}(?!\d))", "", text)
    return float(text.replace(",", "."))


def _limit(match: re.Match, stop: Collection[str]) -> float | None:
    """The highest price, if it is one: it has a currency, or nothing after it says what else is
    counted ("3 years").
    """
    before, number, behind = match.groups()
    after = AFTER.match(match.string, match.end())
    counted = not after or (after[1] and (after[1].lower() == "of" or after[1].lower() not in stop))
    return _number(number, thousands=".,\\s'’") if before or behind or not counted else None


def _cut(
    text: str, patterns: tuple[re.Pattern, ...], meaning: Callable[[re.Match], object]
) -> tuple[str, object]:
    """The text without the first match of the patterns that means something, and its meaning."""
    for pattern in patterns:
        for match in pattern.finditer(text):
            found = meaning(match)
            if found is not None:
                return text[: match.start()] + " " + text[match.end() :], found
    return text, None
