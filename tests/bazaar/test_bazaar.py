"""The generated shop keeps its promises: what differs in a family, what is missing, and what
answers a query.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from functools import cache

import pandas as pd
import pytest
from bazaar import Shop, shop
from bazaar.photos import jpeg
from bazaar.words import BRANDS, COLOURS, KINDS

WHOLE = {"missing_title": 0.0, "missing_photo": 0.0, "missing_price": 0.0}
RGB = {rgb: name for name, (rgb, _, _) in COLOURS.items()}
SHADES = {word: name for name, (_, english, _) in COLOURS.items() for word in english}
KIND = {kind.category[0]: name for name, kind in KINDS.items()}


@cache
def whole() -> Shop:
    """A shop of 400 listings that lacks nothing."""
    return shop(rows=400, seed=3, **WHOLE)


def either(words: object) -> str:
    return "(?:" + "|".join(map(re.escape, sorted(words, key=len, reverse=True))) + ")"


def truth(made: Shop) -> pd.DataFrame:
    """What is true of each listing, read off its cells and its photo."""
    rows = made.items
    return pd.DataFrame(
        {
            "kind": rows["category"].map(KIND),
            "brand": rows["brand"],
            "material": [a["material"] for a in rows["attributes"]],
            "value": [size(a["size"]) for a in rows["attributes"]],
            "colour": [RGB[made.photos[i].look.colour] for i in rows.index],
        }
    )


def size(spec: str) -> str:
    return re.sub(r"^(EU|size) | ?(ml|cm|W|kg|l|mm|MP|h)$", "", spec)


def families(differs: str) -> list[dict[str, pd.DataFrame]]:
    """The families of one sort, each as its products' listings."""
    rows = whole().items
    chosen = [
        dict(list(f.groupby("group")))
        for _, f in rows[rows["differs"] == differs].groupby("family")
    ]
    several = [products for products in chosen if len(products) > 1]
    assert len(several) > 10
    return several


def words(listings: pd.DataFrame) -> list[str]:
    return [
        f"{r.title} {r.description} {' '.join(r.attributes.values())}"
        for r in listings.itertuples()
    ]


# the same and not the same


def test_the_same_arguments_give_the_same_shop_and_the_same_photos() -> None:
    one, other = shop(rows=60, seed=5, photo_size=32), shop(rows=60, seed=5, photo_size=32)
    for name in ("items", "queries", "questions", "interactions"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))
    assert (one.photos, one.judgements, one.answers) == (
        other.photos,
        other.judgements,
        other.answers,
    )
    for product in list(one.photos)[:3]:
        drawn = [
            jpeg(p.look, p.shot, size=p.size) for p in (one.photos[product], other.photos[product])
        ]
        assert drawn[0] == drawn[1]


def test_another_process_makes_the_same_shop() -> None:
    code = (
        "from bazaar import shop; s = shop(rows=20); "
        "print(s.items.to_dict(), s.photos, s.judgements, s.answers)"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": n}, capture_output=True, check=True
        ).stdout
        for n in ("1", "2")
    ]
    assert said[0] == said[1]
    assert len(said[0]) > 10_000


def test_another_seed_gives_another_shop() -> None:
    one, other = shop(rows=60, seed=0), shop(rows=60, seed=1)
    assert not set(one.items.index) & set(other.items.index)
    assert not set(one.items["description"]) & set(other.items["description"])
    assert {p.look for p in one.photos.values()} != {p.look for p in other.photos.values()}


def test_more_rows_add_to_the_old_listings() -> None:
    few, many = shop(rows=90, **WHOLE), shop(rows=300, **WHOLE)
    assert (len(few.items), len(many.items)) == (90, 300)
    assert few.items.index.is_unique
    pd.testing.assert_frame_equal(few.items, many.items.loc[few.items.index])
    assert all(many.photos[i] == photo for i, photo in few.photos.items())


def test_more_rows_hide_the_same_of_the_old_listings() -> None:
    few, many = shop(rows=90), shop(rows=300)
    assert set(few.photos) == set(many.photos) & set(few.items.index)


# what differs within a family


def test_photo_families_tell_nothing_apart_in_words() -> None:
    for products in families("photo"):
        every = [t for p in products.values() for t in words(p)]
        codes = {c for t in every for c in re.findall(r"\b[A-Z]{2}-\d{3}\b", t)}
        numbers = {
            n for t in every for n in re.findall(r"\d+", re.sub(r"\b[A-Z]{2}-\d{3}\b", "", t))
        }
        sizes = {size(a["size"]) for p in products.values() for a in p["attributes"]}
        assert len(codes) <= 1
        assert len(numbers) <= 1  # shirts have letters
        assert len(sizes) == 1
        assert not [t for t in every if re.search(rf"\b{either(SHADES)}\b", t, re.IGNORECASE)]
        assert len({looks(p) for p in products.values()}) == len(products)


@pytest.mark.parametrize("differs", ["text", "both"])
def test_text_families_look_the_same_and_the_others_do_not(differs: str) -> None:
    for products in families(differs):
        seen = [looks(p) for p in products.values()]
        assert (
            len({s.colour for s in seen})
            == len({s.pattern for s in seen})
            == (1 if differs == "text" else len(seen))
        )
        assert differs == "both" or len(set(seen)) == 1
        assert len({stated(p) for p in products.values()}) == len(products)


def looks(listings: pd.DataFrame) -> object:
    """The one look of a product, in all its sellers' photos."""
    [look] = {whole().photos[i].look for i in listings.index}
    return look


def stated(listings: pd.DataFrame) -> str:
    """The one size that a product's listings give."""
    [value] = {size(a["size"]) for a in listings["attributes"]}
    assert all(re.search(rf"\b{value}(?:[a-z]+\b|\b)", t, re.IGNORECASE) for t in listings["title"])
    return value


def test_a_title_states_the_colour_that_the_photo_shows() -> None:
    for i, row in whole().items[whole().items["differs"] != "photo"].iterrows():
        said = {
            SHADES[w.lower()]
            for w in re.findall(rf"\b{either(SHADES)}\b", row["title"], re.IGNORECASE)
        }
        assert said == {SHADES[row["attributes"]["colour"]]} == {RGB[whole().photos[i].look.colour]}


def test_two_or_three_sellers_list_a_product_each_with_a_photo_of_its_own() -> None:
    rows = whole().items
    complete = rows[rows["family"] < rows["family"].max()].groupby("group")["seller"]
    assert set(complete.size()) == {2, 3}
    assert (complete.nunique() == complete.size()).all()
    assert len({p.shot for p in whole().photos.values()}) == len(rows)
    assert (rows["price"] > 0).all()


def test_texts_have_no_gaps() -> None:
    for text in [*whole().items["title"], *whole().items["description"], *whole().queries["title"]]:
        assert text == text.strip(" ,-")
        assert not re.search(r"  | ,|,,|- -|\(\)|\{|None|nan", text)


# what is missing


@pytest.mark.parametrize("rate", [0.05, 0.3])
@pytest.mark.parametrize("part", ["title", "photo", "price"])
def test_a_rate_hides_that_share_of_one_part_and_nothing_else(part: str, rate: float) -> None:
    made = shop(rows=600, **WHOLE | {f"missing_{part}": rate})
    missing = {
        "title": int(made.items["title"].isna().sum()),
        "price": int(made.items["price"].isna().sum()),
        "photo": len(made.items) - len(made.photos),
    }
    spread = (600 * rate * (1 - rate)) ** 0.5
    assert abs(missing.pop(part) - 600 * rate) < 4 * spread
    assert set(missing.values()) == {0}
    assert set(made.photos) <= set(made.items.index)
    assert made.items["description"].notna().all()


# queries, questions, shoppers


def asked(query: str) -> dict[str, str]:
    """What a query asks, told from its words alone."""
    for name, kind in KINDS.items():
        materials, unit = [m[0] for m in kind.materials], kind.unit[0]
        spec = rf"{unit} (?P<before>\w+)|(?P<behind>\d+) ?{unit}"
        found = re.fullmatch(
            rf"(?:(?P<colour>{either(SHADES)}) )?(?:(?P<material>{either(materials)}) )?"
            rf"(?:(?P<brand>{either(BRANDS)}) )?{either(kind.nouns[0])}(?: (?:{spec}))?",
            query,
        )
        if found:
            said = {k: v for k, v in found.groupdict().items() if v}
            wanted = {
                k if k in ("colour", "material", "brand") else "value": v for k, v in said.items()
            }
            return {"kind": name, **wanted} | (
                {"colour": SHADES[said["colour"]]} if "colour" in said else {}
            )
    raise AssertionError(f"{query!r} asks for no known kind")


def test_gains_follow_from_what_a_query_asks() -> None:
    facts, given = truth(whole()), defaultdict(dict)
    for query, item, gain in whole().judgements:
        given[query][item] = gain
    assert len(whole().queries) == len(given) == 20
    for query, text in whole().queries["title"].items():
        wanted = asked(text)
        kind = wanted.pop("kind")
        assert 1 <= len(wanted) <= 2
        same = facts[facts["kind"] == kind]
        met = sum((same[k] == v).astype(int) for k, v in wanted.items())
        expected = {i: 3.0 if m == len(wanted) else 2.0 if m else 1.0 for i, m in met.items()}
        assert given[query] == expected
        assert 3.0 in expected.values()


def test_answers_follow_from_what_a_question_asks() -> None:
    made, facts, given = whole(), truth(whole()), defaultdict(set)
    for question, item, gain in made.answers:
        assert gain == 1.0
        given[question].add(item)
    intents = set()
    for question, row in made.questions.iterrows():
        assert all(
            str(word) in row["title"]
            for key, word in row["attributes"].items()
            if key not in ("intent", "about")
        )
        text, about, intent = row["title"], row["attributes"]["about"], row["attributes"]["intent"]
        listing, fact = made.items.loc[about], facts.loc[about]
        assert listing["brand"] in text
        family = made.items["family"] == listing["family"]
        if intent == "cheaper":
            alike = (facts["kind"] == fact["kind"]) & (facts["material"] == fact["material"])
            fits = alike & (made.items["price"] < made.items.loc[family, "price"].min())
        elif intent == "colour":
            fits = family & (facts["colour"] == SHADES[re.search(r" in ([a-z ]+)\?$", text)[1]])
        elif intent == "size":
            fits = family & (facts["value"] == size(text.split(" come in ")[1].rstrip("?")))
        else:
            feature = next(f for f, _ in KINDS[fact["kind"]].features if text.endswith(f" {f}?"))
            fits = family & made.items["description"].str.contains(re.escape(feature))
        assert given[question] == set(made.items.index[fits])
        intents.add(intent)
    assert intents == {"cheaper", "colour", "size", "feature"}


def test_customers_ask_as_often_as_wanted() -> None:
    assert len(whole().questions) == 20
    few, many = (shop(rows=60, questions=n) for n in (3, 50))
    assert (len(few.questions), len(many.questions)) == (3, 50)
    pd.testing.assert_frame_equal(few.questions, many.questions[:3])
    assert few.photos == many.photos


def test_purchases_follow_tastes_dated_in_order_without_repeats() -> None:
    table = whole().interactions
    assert list(table) == ["user", "item", "time"]
    assert table["user"].nunique() == 100
    assert table.groupby("user").size().between(4, 14).all()
    assert not table.duplicated(["user", "item"]).any()
    assert all(times.is_monotonic_increasing for _, times in table.groupby("user")["time"])
    assert table["time"].between("2025-01-01", "2025-12-31").all()
    kinds = table.join(truth(whole())["kind"], on="item")
    assert kinds["kind"].notna().all()
    favourite = (
        kinds.groupby("user")["kind"].agg(lambda k: k.value_counts(normalize=True).iloc[0]).mean()
    )
    assert (
        favourite > 2 * kinds["kind"].value_counts(normalize=True).iloc[0]
    )  # shoppers have tastes


# languages and errors


def test_a_chinese_shop_speaks_chinese() -> None:
    made = shop(rows=60, language="zh")
    columns = [made.items["title"].dropna(), made.items["description"], made.items["category"]]
    for text in pd.concat([*columns, made.queries["title"], made.questions["title"]]):
        assert re.search("[\u4e00-\u9fff]", text)
        assert not re.search(
            r"(?i)(?<![a-z])(ml|cm|kg|size|with|made|red|mug|is|the)(?![a-z])", text
        )


def test_an_unknown_language_and_too_few_rows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one of \('en', 'zh'\), got 'de'"):
        shop(language="de")
    with pytest.raises(ValueError, match="at least 20 rows, got 19"):
        shop(rows=19)
    assert len(shop(rows=20).items) == 20
