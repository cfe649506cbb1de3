"""Questions parsed by hand: intents, names, sizes, colours and price limits."""

from __future__ import annotations

import pytest

from lib.data.catalogue import Catalogue
from lib.tasks.question_parsing import Vocabulary, colours, measures, parse_question
from tests.support_shop import ORDINARY, support_shop


@pytest.fixture(scope="module")
def shop() -> Catalogue:
    return support_shop()


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            "Is there a mug like the Alder Bocado, but cheaper?",
            {"intent": "cheaper", "names": ("alder", "bocado")},
        ),
        (
            "An alternative to the Bocado under €10,50?",
            {"intent": "cheaper", "limit": 10.5, "names": ("bocado",)},
        ),
        ("the Bocado for at most 9 euros please", {"intent": "cheaper", "limit": 9.0}),
        (
            "Do you have the Alder Bocado in crimson?",
            {"intent": "colour", "colour": "red", "size": None, "wish": ""},
        ),
        ("Is the Bocado sold in dark blue?", {"intent": "colour", "colour": "navy"}),
        ("A red Bocado under 10?", {"intent": "colour", "colour": "red", "limit": 10.0}),
        ("Does the Bocado come in 0.35 l?", {"intent": "size", "size": "350 ml", "limit": None}),
        ("Is there a Mihazo in EU 42?", {"intent": "size", "size": "EU 42", "names": ("mihazo",)}),
        ("Zopelu in M?", {"intent": "size", "size": "size M"}),
        (
            "Is the Mihazo shoe waterproof?",
            {"intent": "feature", "wish": "shoe waterproof", "names": ("mihazo",)},
        ),
        ("When does my parcel with the Bocado arrive?", {"intent": "elsewhere"}),
        (
            "Is the Quibbix waterproof?",
            {"intent": "feature", "names": ("quibbix",)},
        ),  # nowhere in the shop
        ("", {"intent": "feature", "names": (), "wish": ""}),
    ],
)
def test_a_question_is_read(shop: Catalogue, question: str, expected: dict) -> None:
    request = parse_question(question, Vocabulary(shop, ordinary=ORDINARY))
    assert {key: getattr(request, key) for key in expected} == expected


def test_a_size_is_no_price_limit(shop: Catalogue) -> None:
    request = parse_question("A Bocado of less than 350 ml?", Vocabulary(shop))
    assert (request.size, request.limit) == ("350 ml", None)


@pytest.mark.parametrize(
    ("said", "limit"),
    [
        ("under $1,500", 1500),
        ("below 1.500 euros", 1500),
        ("1 500 eur at most", None),  # not said in this order
        ("at most 1 500 eur", 1500),
        ("less than CHF 1’234.50", 1234.5),
        ("under 1.234,50 €", 1234.5),
        ("under 1,500,000", 1_500_000),
        ("under 12,50", 12.5),
        ("under 0.999 euros", 0.999),
        ("within EUR 20", 20),
        ("under 20, please", 20),
        ("under 20 please", 20),
        ("(max. under 20)", 20),
        ("below 30 and waterproof", 30),
        ("under 3 years", None),
        ("up to 30 minutes", None),
        ("that holds up to 5 books", None),
        ("that holds up to 1 500 books", None),
        ("that holds up to 5 books for at most 40 euros", 40),
        ("for at most 2 of them", None),
        ("with less than 10% cotton", None),
        ("below 30°C", None),
        ("under 10k", None),
        ("for ages under 3-5", None),
    ],
)
def test_a_price_limit_is_told_from_other_numbers(
    shop: Catalogue, said: str, limit: float | None
) -> None:
    assert (
        parse_question(f"The Alder Bocado {said}?", Vocabulary(shop, ordinary=ORDINARY)).limit
        == limit
    )


def test_a_number_that_is_no_price_does_not_make_a_bargain_hunter(shop: Catalogue) -> None:
    request = parse_question(
        "Can the Bocado hold up to 5 books?",
        Vocabulary(shop, ordinary={*ORDINARY, "hold", "books"}),
    )
    assert (request.intent, request.names) == ("feature", ("bocado",))


def test_sizes_in_one_spelling() -> None:
    assert list(measures("1,500 ml, 1.500 l, 2,000 W, 0,500 l and 1,234.5 g")) == [
        *("1500 ml", "1500 ml", "2000 W", "500 ml", "1234.5 g")
    ]
    assert list(measures("350ml, 0.35 l, 35 cl and 1,5 litres")) == [
        "350 ml",
        "350 ml",
        "350 ml",
        "1500 ml",
    ]
    assert list(measures("EU 42, size xl")) == ["EU 42", "size XL"]
    assert list(measures("takes L")) == ["size L"]
    assert list(measures("I'm at no. 7, it's model X200ml9")) == []


def test_colours_by_their_names() -> None:
    assert colours("Crimson or navy blue") == {"red", "navy"}
    assert colours("a coloured tale of sandpaper") == set()


def test_ordinary_words_name_no_product(shop: Catalogue) -> None:
    plain, told = Vocabulary(shop), Vocabulary(shop, ordinary=ORDINARY)
    for vocabulary in (plain, told):
        assert "bocado" in vocabulary.names("Does the bocado mug keep warm?")
        assert list(vocabulary.names("Does the Warm Bocado stay?"))[:2] == [
            "warm",
            "bocado",
        ]  # a capital inside a sentence
    assert list(plain.names("does it beat the quibbix?")) == []
    assert list(told.names("does it cheaper the quibbix?")) == ["quibbix"]


def test_coverage_is_the_share_of_what_is_named(shop: Catalogue) -> None:
    vocabulary = Vocabulary(shop)
    full, half = (
        vocabulary.coverage(["alder", "bocado"]),
        vocabulary.coverage(["bocado", "quibbix"]),
    )
    assert full[0] == full[1] == pytest.approx(1)
    assert 0 < full[2] < full[0]
    assert 0 < half[0] < 0.5  # what is nowhere weighs more than what is there
    assert not vocabulary.coverage([]).any() and not vocabulary.coverage(["quibbix"]).any()
