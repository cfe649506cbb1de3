"""What a customer's question asks: its intent, the words that name a product, colour, size, price limit and the wish left over.

Transparent rules over English words, and a vocabulary taken from the catalogue. What answers a question is found in
`support.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from lib.catalogue import Catalogue
from lib.encoders.lexical import words

INTENTS = ("cheaper", "colour", "size", "feature", "elsewhere")

COLOURS: dict[str, tuple[str, ...]] = {
    "red": ("red", "crimson", "scarlet", "burgundy", "maroon"),
    "orange": ("orange", "apricot", "terracotta"),
    "yellow": ("yellow", "mustard", "lemon"),
    "green": ("green", "olive", "mint", "emerald"),
    "teal": ("teal", "petrol", "turquoise", "cyan"),
    "blue": ("blue", "azure", "royal blue", "sky blue", "light blue"),
    "navy": ("navy", "navy blue", "dark blue", "midnight blue"),
    "purple": ("purple", "violet", "lilac", "lavender", "mauve"),
    "pink": ("pink", "rose", "magenta", "fuchsia"),
    "brown": ("brown", "chocolate", "tan", "camel"),
    "black": ("black", "jet black"),
    "grey": ("grey", "gray", "charcoal", "anthracite"),
    "white": ("white", "off-white", "ivory"),
    "beige": ("beige", "sand", "cream", "ecru"),
    "silver": ("silver",),
    "gold": ("gold", "golden"),
}
BASE = {word: base for base, names in COLOURS.items() for word in names}

# unit -> (what it is counted in, how many of those)
UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("ml", "millilitre", "milliliter"), ("ml", 1)),
    **dict.fromkeys(("cl", "centilitre", "centiliter"), ("ml", 10)),
    **dict.fromkeys(("l", "litre", "liter"), ("ml", 1000)),
    **dict.fromkeys(("mm", "millimetre", "millimeter"), ("mm", 1)),
    **dict.fromkeys(("cm", "centimetre", "centimeter"), ("mm", 10)),
    **dict.fromkeys(("m", "metre", "meter"), ("mm", 1000)),
    **dict.fromkeys(("inch", "inches"), ("mm", 25.4)),
    **dict.fromkeys(("g", "gram"), ("g", 1)),
    **dict.fromkeys(("kg", "kilo", "kilogram"), ("g", 1000)),
    **dict.fromkeys(("w", "watt"), ("W", 1)),
    **dict.fromkeys(("mp", "megapixel"), ("MP", 1)),
    **dict.fromkeys(("h", "hour"), ("h", 1)),
}


def _either(phrases: Collection[str]) -> str:
    return "|".join(map(re.escape, sorted(phrases, key=len, reverse=True)))


NUMBER = r"([1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?)"
MEASURE = re.compile(rf"(?<![\w.,]){NUMBER}[\s-]?({_either(UNITS)})s?\b", re.I)
WORN = re.compile(r"\b(EU|UK|US|size)\s?(\d+(?:[.,]5)?|X{0,3}[SL]|M)\b", re.I)
LETTERS = re.compile(r"(?<![\w'’-])()(X{0,3}[SL]|M)(?![\w'’-])")  # alone only in capitals: "M", not "I'm"
COLOUR = re.compile(rf"\b({_either(BASE)})\b", re.I)
MOST = r"under|below|less than|at most|up to|(?:no|not) more than|max(?:imum)?(?: of)?|cheaper than|within"
MONEY = r"(?:[€$£]|(?:eur|euros?|usd|dollars?|gbp|pounds?|chf|francs?)(?!\w))"
PRICE = r"([1-9]\d{0,2}(?:[.,\s'’]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d+)?)(?![.,]?\d)"  # no price has three decimals
LIMIT = re.compile(rf"\b(?:{MOST})\s*({MONEY}\s*)?{PRICE}(\s*{MONEY})?", re.I)
AFTER = re.compile(r"\s*(?:$|[.,;:!?)\"”]|[-–—]\s|(?<=\s)([a-z]+))", re.I)  # what may follow a price without its currency
CHEAPER = re.compile(
    r"\bcheap|\bafford|\bbudget\b|\bexpensive|\bpricey|\bbargain|\b(?:low|small|bett)er (?:price|cost)"
    r"|\b(?:cost|pay|spend)\w*\s(?:\w+\s)?(?:less|much)|\bless (?:money|costly)|\bsave money",
    re.I,
)
ELSEWHERE = re.compile(
    r"\b(?:parcels?|packages?|deliver\w*|ship|ship(?:ped|ping|ment)|arrives?|track\w*|refunds?|returns?|send (?:\S+ ){0,6}back"
    r"|exchange|warrant\w+|guarantees?|repair\w*|broken|defect\w*|damaged|cancel(?:lation|led)?|invoices?|payments?|instal\w+|vouchers?"
    r"|password|log ?in|account|opening hours|who (?:owns|founded)|complain\w*)\b",
    re.I,
)
# words of talking to a shop, beside scikit-learn's English stop words
TALK = frozenset({
    "available", "availability", "buy", "carry", "come", "comes", "colour", "color", "costs", "does", "exist", "get", "give",
    "got", "hello", "hi", "kind", "know", "like", "look", "looking", "made", "make", "makes", "model", "need", "offer", "one",
    "option", "order", "please", "possible", "recommend", "sell", "sells", "shade", "show", "size", "sizes", "sold", "sort",
    "stock", "suggest", "tell", "thank", "thanks", "thing", "type", "use", "using", "variant", "version", "want", "wants",
    "wonder", "wondering", "would", "yes",
})  # fmt: skip


@dataclass(frozen=True)
class Request:
    """What a question asks for; what it does not ask is None or empty.

    `names` are the words that name a product, known to the catalogue or not; `size` is a measure as `measures` gives it;
    `limit` the highest price, in the catalogue's currency; `wish` the content words that are left, such as "dishwasher".
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

    A word of a title names a product where at most two brands use it (without brands: two listings), and every word of a
    brand does. A word that the catalogue lacks names a product that is not there, where it has a capital or is not in
    `ordinary`, a dictionary of English; without a dictionary the capital alone tells.
    """

    def __init__(self, catalogue: Catalogue, *, ordinary: Collection[str] = ()) -> None:
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        self.stop, self.ordinary = ENGLISH_STOP_WORDS | TALK, ordinary
        named, whole = catalogue.text(("title", "brand")), catalogue.text(("title", "brand", "description", "attributes"))
        brands = [i if b is None else b for b, i in zip(catalogue.items["brand"], catalogue.ids, strict=True)]
        users: dict[str, set[str]] = {}
        for text, brand in zip(named, brands, strict=True):
            for word in words(text):
                users.setdefault(word, set()).add(brand)
        self._names = {w for w, by in users.items() if len(by) <= 2 and w not in self.stop}
        self._names |= {w for b in catalogue.items["brand"].dropna() for w in words(b)}
        self.common = set(users) - self._names  # nouns, materials, colours
        self._columns: dict[str, int] = {}
        rows = [[self._columns.setdefault(w, len(self._columns)) for w in dict.fromkeys(words(text))] for text in whole]
        indptr = np.cumsum([0, *map(len, rows)])
        flat = np.array([c for row in rows for c in row], int)
        self._has = csr_array((np.ones(len(flat)), flat, indptr), shape=(len(rows), len(self._columns))).tocsc()  # (n, words)
        self._rarity = np.log1p(len(rows) / np.maximum(self._has.sum(axis=0), 1))  # (words,)

    def names(self, text: str) -> Iterator[str]:
        """The words of a text that name a product, whether or not the catalogue has it."""
        begins = True
        for written in re.findall(r"[^\s,;:()]+", text):
            capital = written[:1].isupper() and not begins
            begins = written[-1] in ".!?"
            for word in words(written):
                special = word in self._names or (word not in self._columns and (capital or self.ordinary))
                if special and word not in self.stop and (capital or not self._plain(word)):
                    yield word

    def _plain(self, word: str) -> bool:
        return word.isdigit() or len(word) < 3 or word in self.ordinary or word.removesuffix("s") in self.ordinary

    def coverage(self, names: Collection[str]) -> np.ndarray:
        """How much of what is named each listing carries, (n,) in [0, 1]: its share of the names' rarity."""
        known = [self._columns[w] for w in names if w in self._columns]
        total = self._rarity[known].sum() + (len(names) - len(known)) * np.log1p(self._has.shape[0])
        return self._has[:, known] @ self._rarity[known] / total if known else np.zeros(self._has.shape[0])


def read(question: str, vocabulary: Vocabulary) -> Request:
    """What a question asks, by rules; see `Request`."""
    rest, size = _cut(question, (MEASURE, WORN, LETTERS), lambda m: next(measures(m[0]), None))
    rest, limit = _cut(rest, (LIMIT,), lambda m: _limit(m, vocabulary.stop))
    rest, colour = _cut(rest, (COLOUR,), lambda m: BASE[m[1].lower()])
    names = tuple(dict.fromkeys(vocabulary.names(rest)))
    wish = " ".join(w for w in words(rest) if w not in vocabulary.stop and w not in names and len(w) > 1)
    if ELSEWHERE.search(question):
        intent = "elsewhere"
    elif CHEAPER.search(question) or (limit is not None and colour is None and size is None):
        intent = "cheaper"
    else:
        intent = "colour" if colour else "size" if size else "feature"
    return Request(question, intent, names, colour, size, limit, wish)


def measures(text: str) -> Iterator[str]:
    """Every size in a text in one spelling: "0.35 l" and "350ml" give "350 ml", "size M" "size M", "EU 42" "EU 42"."""
    for number, unit in MEASURE.findall(text):
        counted, factor = UNITS[unit.lower()]
        yield f"{_number(number) * factor:g} {counted}"
    for pattern in (WORN, LETTERS):
        for scale, size in pattern.findall(text):
            yield f"{scale.upper() if scale.lower() in ('eu', 'uk', 'us') else 'size'} {size.upper()}"


def colours(text: str) -> set[str]:
    """The base colours that a text names."""
    return {BASE[word.lower()] for word in COLOUR.findall(text)}


def _number(text: str, *, thousands: str = ",") -> float:
    """A number as people write it: "1,500" is 1500 by what parts `thousands`; "1,5" is 1.5, and so is "0,500" one half."""
    if re.match(rf"[1-9]\d{{0,2}}[{thousands}]\d{{3}}(?!\d)", text):
        text = re.sub(rf"[{thousands}](?=\d{{3}}(?!\d))", "", text)
    return float(text.replace(",", "."))


def _limit(match: re.Match, stop: Collection[str]) -> float | None:
    """The highest price, if it is one: it has a currency, or nothing after it says what else is counted ("3 years")."""
    before, number, behind = match.groups()
    after = AFTER.match(match.string, match.end())
    counted = not after or (after[1] and (after[1].lower() == "of" or after[1].lower() not in stop))
    return _number(number, thousands=".,\\s'’") if before or behind or not counted else None


def _cut(text: str, patterns: tuple[re.Pattern, ...], meaning) -> tuple[str, object]:  # noqa: ANN001
    """The text without the first match of the patterns that means something, and what that match means."""
    for pattern in patterns:
        for match in pattern.finditer(text):
            found = meaning(match)
            if found is not None:
                return text[: match.start()] + " " + text[match.end() :], found
    return text, None
