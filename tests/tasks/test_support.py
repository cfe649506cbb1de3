"""Support: answers from a shop of nine listings, and how they are worded."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from lib import Catalogue, Task, encoder
from lib.encoders.embeddings import Embeddings
from lib.tasks.answer_text import answer_text
from lib.tasks.listing_facts import as_texts, listing_colours
from lib.tasks.support import Answer, SupportAssistant, ranking
from tests.support_shop import ORDINARY, support_shop


@pytest.fixture(scope="module")
def shop() -> Catalogue:
    return support_shop()


def assistant(catalogue: Catalogue, **options: object) -> SupportAssistant:
    names = encoder("tfidf", fields=("title", "brand"), sublinear=True)
    clauses = encoder("tfidf", analyzer="char_wb")
    return SupportAssistant(catalogue, retrievers=[names], readers=[clauses], **options)


def ask(catalogue: Catalogue, question: str, **options: object) -> Answer:
    return assistant(catalogue, ordinary=ORDINARY, **options).answer([question])[0]


def test_the_same_in_another_colour(shop: Catalogue) -> None:
    yes = ask(shop, "Do you have the Alder Bocado in red?")
    assert not yes.abstained and yes.positions[0] == 0
    assert (yes.passages[0].product, yes.passages[0].field, yes.passages[0].text) == (
        "p0",
        "attributes",
        "crimson",
    )
    no = ask(shop, "Do you have the Alder Bocado in green?")
    assert no.abstained and "green" in no.reason
    assert set(no.positions) == {0, 1}  # the nearest misses


def test_does_it_fit(shop: Catalogue) -> None:
    half = ask(shop, "Does the Bocado mug come in 500 ml?")
    assert not half.abstained and half.positions[0] == 1
    assert half.passages[0].field == "title"
    assert ask(shop, "Does the Bocado mug come in 250 ml?").abstained


def test_is_it_waterproof(shop: Catalogue) -> None:
    yes = ask(shop, "Is the Brook Mihazo shoe waterproof?")
    assert not yes.abstained and set(yes.positions) == {4, 5}
    assert yes.passages[0].text == "waterproof"
    assert ask(shop, "Is the Fikodo shoe waterproof?").abstained
    assert ask(shop, "Can the Fikodo fly to the moon?").abstained


def test_alike_but_cheaper(shop: Catalogue) -> None:
    found = ask(shop, "Anything like the Alder Bocado, but cheaper?")
    assert not found.abstained
    assert found.positions == (2,)  # stoneware is too unlike
    lenient = ask(shop, "Anything like the Alder Bocado, but cheaper?", threshold=0.0)
    assert lenient.positions == (2, 3)  # ceramic before stoneware; shoes are no mugs
    assert found.passages[0].text == "9.00"
    assert ask(shop, "Anything cheaper than the Vevemi mug?").abstained
    assert ask(shop, "Anything like the Alder Bocado for less than 10 euros?").positions == (2,)
    assert ask(shop, "Anything like the Alder Bocado for less than 8 euros?").abstained


def test_an_unknown_price_is_no_bargain(shop: Catalogue) -> None:
    only = shop.take([5, 6])  # its only listing has no price
    assert ask(only, "Anything cheaper than the Mihazo?").abstained


@pytest.mark.parametrize(
    "question",
    ["Is the Quibbix waterproof?", "Is it waterproof?", "", "防水吗?", "Where is my parcel?"],
)
def test_a_question_about_nothing_that_is_here_is_declined(shop: Catalogue, question: str) -> None:
    answer = ask(shop, question)
    assert answer.abstained and answer.reason
    assert answer_text(answer, shop).startswith("That I cannot tell")


def test_several_conditions_must_all_hold(shop: Catalogue) -> None:
    assert ask(shop, "Is there a blue Bocado of 0.5 l?").positions[0] == 1
    assert ask(shop, "Is there a red Bocado of 0.5 l?").abstained
    dear = ask(shop, "Is there a blue Bocado for less than 13 euros?")
    assert dear.abstained and dear.reason == "nothing of that name is blue and costs at most 13"


def test_one_string_is_not_taken_for_a_list_of_letters(shop: Catalogue) -> None:
    for asked in (assistant(shop).answer, as_texts):
        with pytest.raises(TypeError, match=r'one string, "Is the.*; put it into a list'):
            asked("Is the Brook Mihazo waterproof?")
        with pytest.raises(TypeError, match="one string"):
            asked("")


def test_no_questions_and_a_shop_without_descriptions(shop: Catalogue) -> None:
    assert assistant(shop).answer([]) == []
    bare = Catalogue("bare", shop.items[["title", "brand"]])
    assert ask(bare, "Does the Bocado mug come in 500 ml?").positions[0] == 1
    assert ask(bare, "Is the Bocado mug waterproof?").abstained


def test_photos_lend_a_colour_only_to_listings_that_state_none() -> None:
    titles = ["red mug"] * 6 + ["blue mug"] * 6 + ["mug", "mug", "mug"]
    shop = Catalogue("shop", pd.DataFrame({"title": titles}))
    vectors = np.array([[1, 0.1]] * 6 + [[0.1, 1]] * 6 + [[1, 0], [0, 1], [0, 0]])
    vectors[0] = [0.1, 1]  # says red, looks blue
    known = listing_colours(shop, Embeddings("photo", shop.ids, vectors))
    red, blue = (
        list(listing_colours(Catalogue("c", pd.DataFrame({"title": [c]})))[0]).index(1)
        for c in ("red", "blue")
    )
    assert known[0, red] == 1 and known[0, blue] == 0
    assert known[12, red] > 0.7 > 0.3 > known[12, blue] > 0
    assert known[13, blue] > 0.7
    assert not known[14].any()  # neither words nor photo
    silent = Catalogue("silent", shop.items.assign(title="mug"))
    assert not listing_colours(silent, Embeddings("photo", shop.ids, vectors)).any()


def test_answers_become_a_ranking(shop: Catalogue) -> None:
    answers = assistant(shop).answer(["Is the Mihazo waterproof?", "Where is my parcel?"])
    found = ranking(answers)
    assert set(found.positions[0, :2]) == {4, 5} and found.positions[0, 2] == -1
    assert (found.positions[1] == -1).all() and np.isneginf(found.scores[1]).all()


def tuned(shop: Catalogue, asked: list[str], right: list[int | None]) -> SupportAssistant:
    relevance = np.zeros((len(asked), len(shop)))
    for question, row in enumerate(right):
        relevance[question, row if row is not None else []] = 1
    queries = Catalogue("q", pd.DataFrame({"title": asked}))
    return assistant(shop).tune(
        Task("t", queries, shop, csr_array(relevance), csr_array(relevance.shape))
    )


def test_tuning_turns_scores_into_probabilities(shop: Catalogue) -> None:
    asked = [
        "Is the Bocado sold in red?",
        "Is the Bocado sold in blue?",
        "The Bocado in green?",
        "The Tamiko in pink?",
    ] * 3
    clerk = tuned(shop, asked, [0, 1, None, None] * 3)
    sure, unsure = (
        a.scores[0]
        for a in clerk.answer(["Is the Tamiko sold in blue?", "Is the Tamiko sold in green?"])
    )
    assert unsure < 0.3 < 0.7 < sure < 1
    assert unsure < clerk.threshold < sure


def test_an_intent_that_is_always_wrong_on_validation_is_never_sure(shop: Catalogue) -> None:
    sizes, colour = ["The Bocado in 350 ml?", "The Bocado in 250 ml?"] * 4, "The Bocado in blue?"
    clerk = tuned(shop, [*sizes, *[colour] * 8], [0, None] * 4 + [None] * 8)
    assert clerk.answer([colour])[0].scores[0] == pytest.approx(
        1 / 10, abs=0.02
    )  # (0 + 1) / (8 + 2)
    assert clerk.answer([colour])[0].abstained
    assert not clerk.answer(sizes[:1])[0].abstained


def test_an_intent_that_is_always_right_on_validation_still_tells_a_miss(shop: Catalogue) -> None:
    sizes = ["The Bocado in 350 ml?", "The Bocado in 250 ml?"] * 4
    clerk = tuned(shop, [*sizes, *["The Bocado in blue?"] * 8], [0, None] * 4 + [1] * 8)
    met, missed = (clerk.answer([f"The Bocado in {colour}?"])[0] for colour in ("blue", "green"))
    assert not met.abstained and 0.8 < met.scores[0] < 1
    assert missed.abstained and missed.scores[0] < 0.3


def test_an_intent_that_validation_lacks_has_a_probability_too(shop: Catalogue) -> None:
    clerk = tuned(shop, ["The Bocado in 350 ml?", "The Bocado in 250 ml?"] * 4, [0, None] * 4)
    met, missed = (
        clerk.answer([f"The Bocado in {colour}?"])[0].scores[0] for colour in ("blue", "green")
    )
    assert 0 < missed < 0.5 < met < 1


def test_the_template_says_name_price_and_passage(shop: Catalogue) -> None:
    said = answer_text(ask(shop, "Is the Brook Mihazo shoe waterproof?"), shop)
    assert said.startswith(
        'In the catalogue: Brook Mihazo shoe EU 42 (70.00, description: "waterproof")'
    )
    assert "price unknown" in said
    assert "crimson" in answer_text(ask(shop, "Do you have the Alder Bocado in red?"), shop)
