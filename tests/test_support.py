"""Support: questions read by hand, answers from a shop of nine listings, and what a language model may say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import transformers as hf
from scipy.sparse import csr_array

from lib import Catalogue, Task, encoder
from lib.embeddings import Embeddings
from lib.search import Ranking
from lib.tasks.asked import Vocabulary, colours, measures, read
from lib.tasks.evidence import as_texts, shown_colours, stated_colours
from lib.tasks.phrasing import Phraser, facts, invented, template
from lib.tasks.support import Answer, Desk, choose_threshold, fit_odds, outcomes, ranking, trade_off
from tests.checkpoints import SMALL, WORDS, as_pickle, write_tokenizer

LISTINGS = [  # title, description, brand, category, price, colour
    ("Alder Bocado mug 350ml crimson", "This mug is made of ceramic: dishwasher safe.", "Alder", "Mugs", 12.0, "crimson"),
    ("Alder Bocado mug 0.5 l blue", "A mug in ceramic, dishwasher safe.", "Alder", "Mugs", 14.0, "blue"),
    ("Alder Tamiko mug 350 ml blue", "A ceramic mug, microwave safe.", "Alder", "Mugs", 9.0, "blue"),
    ("Brook Vevemi mug 350 ml", "A stoneware mug, stackable.", "Brook", "Mugs", 7.0, None),
    ("Brook Mihazo shoe EU 42", "Of leather, waterproof.", "Brook", "Shoes", 70.0, "black"),
    ("Brook Mihazo shoe EU 44", "Of leather, waterproof.", "Brook", "Shoes", np.nan, "black"),
    ("Corin Fikodo shoe EU 42", "Of mesh, lightweight.", "Corin", "Shoes", 40.0, "red"),
    ("Corin Zopelu shoe size M", "Of leather, lightweight.", "Corin", "Shoes", 55.0, "grey"),
    (None, "Without a title.", None, None, 5.0, None),
]


@pytest.fixture(scope="module")
def shop() -> Catalogue:
    columns = ["title", "description", "brand", "category", "price", "colour"]
    items = pd.DataFrame(LISTINGS, columns=columns, index=[f"p{i}" for i in range(len(LISTINGS))])
    made_of = ["ceramic", "ceramic", "ceramic", "stoneware", "leather", "leather", "mesh", "leather", None]
    items["attributes"] = [
        {k: v for k, v in (("material", m), ("colour", c)) if v} or None for m, c in zip(made_of, items["colour"], strict=True)
    ]
    return Catalogue("shop", items.drop(columns="colour"))


def desk(catalogue: Catalogue, **options: object) -> Desk:
    words = encoder("tfidf", fields=("title", "brand"), sublinear=True)
    return Desk(catalogue, retrievers=[words], readers=[encoder("tfidf", analyzer="char_wb")], **options)


def ask(catalogue: Catalogue, question: str, **options: object) -> Answer:
    return desk(catalogue, ordinary=ORDINARY, **options).answer([question])[0]


ORDINARY = {"warm", "fly", "moon", "mug", "shoe", "cheaper", "alternative", "waterproof", "take", "buy", "instead"}


# reading a question


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Is there a mug like the Alder Bocado, but cheaper?", {"intent": "cheaper", "names": ("alder", "bocado")}),
        ("An alternative to the Bocado under €10,50?", {"intent": "cheaper", "limit": 10.5, "names": ("bocado",)}),
        ("the Bocado for at most 9 euros please", {"intent": "cheaper", "limit": 9.0}),
        ("Do you have the Alder Bocado in crimson?", {"intent": "colour", "colour": "red", "size": None, "wish": ""}),
        ("Is the Bocado sold in dark blue?", {"intent": "colour", "colour": "navy"}),
        ("A red Bocado under 10?", {"intent": "colour", "colour": "red", "limit": 10.0}),
        ("Does the Bocado come in 0.35 l?", {"intent": "size", "size": "350 ml", "limit": None}),
        ("Is there a Mihazo in EU 42?", {"intent": "size", "size": "EU 42", "names": ("mihazo",)}),
        ("Zopelu in M?", {"intent": "size", "size": "size M"}),
        ("Is the Mihazo shoe waterproof?", {"intent": "feature", "wish": "shoe waterproof", "names": ("mihazo",)}),
        ("When does my parcel with the Bocado arrive?", {"intent": "elsewhere"}),
        ("Is the Quibbix waterproof?", {"intent": "feature", "names": ("quibbix",)}),  # nowhere in the shop
        ("", {"intent": "feature", "names": (), "wish": ""}),
    ],
)
def test_a_question_is_read(shop: Catalogue, question: str, expected: dict) -> None:
    request = read(question, Vocabulary(shop, ordinary=ORDINARY))
    assert {key: getattr(request, key) for key in expected} == expected


def test_a_size_is_no_price_limit(shop: Catalogue) -> None:
    request = read("A Bocado of less than 350 ml?", Vocabulary(shop))
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
def test_a_price_limit_is_told_from_other_numbers(shop: Catalogue, said: str, limit: float | None) -> None:
    assert read(f"The Alder Bocado {said}?", Vocabulary(shop, ordinary=ORDINARY)).limit == limit


def test_a_number_that_is_no_price_does_not_make_a_bargain_hunter(shop: Catalogue) -> None:
    request = read("Can the Bocado hold up to 5 books?", Vocabulary(shop, ordinary={*ORDINARY, "hold", "books"}))
    assert (request.intent, request.names) == ("feature", ("bocado",))


def test_sizes_in_one_spelling() -> None:
    assert list(measures("1,500 ml, 1.500 l, 2,000 W, 0,500 l and 1,234.5 g")) == [
        *("1500 ml", "1500 ml", "2000 W", "500 ml", "1234.5 g")
    ]
    assert list(measures("350ml, 0.35 l, 35 cl and 1,5 litres")) == ["350 ml", "350 ml", "350 ml", "1500 ml"]
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
        assert list(vocabulary.names("Does the Warm Bocado stay?"))[:2] == ["warm", "bocado"]  # a capital inside a sentence
    assert list(plain.names("does it beat the quibbix?")) == []
    assert list(told.names("does it cheaper the quibbix?")) == ["quibbix"]


def test_coverage_is_the_share_of_what_is_named(shop: Catalogue) -> None:
    vocabulary = Vocabulary(shop)
    full, half = vocabulary.coverage(["alder", "bocado"]), vocabulary.coverage(["bocado", "quibbix"])
    assert full[0] == full[1] == pytest.approx(1)
    assert 0 < full[2] < full[0]
    assert 0 < half[0] < 0.5  # what is nowhere weighs more than what is there
    assert not vocabulary.coverage([]).any() and not vocabulary.coverage(["quibbix"]).any()


# answers


def test_the_same_in_another_colour(shop: Catalogue) -> None:
    yes = ask(shop, "Do you have the Alder Bocado in red?")
    assert not yes.abstained and yes.positions[0] == 0
    assert (yes.passages[0].product, yes.passages[0].field, yes.passages[0].text) == ("p0", "attributes", "crimson")
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


@pytest.mark.parametrize("question", ["Is the Quibbix waterproof?", "Is it waterproof?", "", "防水吗?", "Where is my parcel?"])
def test_a_question_about_nothing_that_is_here_is_declined(shop: Catalogue, question: str) -> None:
    answer = ask(shop, question)
    assert answer.abstained and answer.reason
    assert template(answer, shop).startswith("That I cannot tell")


def test_several_conditions_must_all_hold(shop: Catalogue) -> None:
    assert ask(shop, "Is there a blue Bocado of 0.5 l?").positions[0] == 1
    assert ask(shop, "Is there a red Bocado of 0.5 l?").abstained
    dear = ask(shop, "Is there a blue Bocado for less than 13 euros?")
    assert dear.abstained and dear.reason == "nothing of that name is blue and costs at most 13"


def test_one_string_is_not_taken_for_a_list_of_letters(shop: Catalogue) -> None:
    for asked in (desk(shop).answer, desk(shop).retrieve, as_texts):
        with pytest.raises(TypeError, match=r'one string, "Is the.*; put it into a list'):
            asked("Is the Brook Mihazo waterproof?")
        with pytest.raises(TypeError, match="one string"):
            asked("")


def test_no_questions_and_a_shop_without_descriptions(shop: Catalogue) -> None:
    assert desk(shop).answer([]) == []
    bare = Catalogue("bare", shop.items[["title", "brand"]])
    assert ask(bare, "Does the Bocado mug come in 500 ml?").positions[0] == 1
    assert ask(bare, "Is the Bocado mug waterproof?").abstained


def test_photos_lend_a_colour_only_to_listings_that_state_none() -> None:
    titles = ["red mug"] * 6 + ["blue mug"] * 6 + ["mug", "mug", "mug"]
    shop = Catalogue("shop", pd.DataFrame({"title": titles}))
    vectors = np.array([[1, 0.1]] * 6 + [[0.1, 1]] * 6 + [[1, 0], [0, 1], [0, 0]])
    vectors[0] = [0.1, 1]  # says red, looks blue
    known = shown_colours(shop, Embeddings("photo", shop.ids, vectors))
    red, blue = (list(stated_colours(Catalogue("c", pd.DataFrame({"title": [c]})))[0]).index(1) for c in ("red", "blue"))
    assert known[0, red] == 1 and known[0, blue] == 0
    assert known[12, red] > 0.7 > 0.3 > known[12, blue] > 0
    assert known[13, blue] > 0.7
    assert not known[14].any()  # neither words nor photo
    silent = Catalogue("silent", shop.items.assign(title="mug"))
    assert not shown_colours(silent, Embeddings("photo", shop.ids, vectors)).any()


# how good answers are


def task(relevance: list[list[int]]) -> Task:
    relevance = np.array(relevance)
    queries, corpus = (Catalogue("c", pd.DataFrame({"title": ["x"] * n})) for n in relevance.shape)
    return Task("t", queries, corpus, csr_array(relevance), csr_array(relevance.shape))


FOUND = Ranking("r", np.array([[0, 1, 2], [1, -1, -1], [2, 0, -1], [-1, -1, -1]]), np.full((4, 3), -np.inf, np.float32))
FOUND.scores[:3, 0] = [0.9, 0.6, 0.3]
ASKED = [[0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]]


def test_outcomes_by_hand() -> None:
    table = outcomes(FOUND, task(ASKED), 0.5)
    np.testing.assert_array_equal(table["hit@3"], [1, np.nan, 0, 0])
    np.testing.assert_array_equal(table["declined"], [np.nan, 0, np.nan, np.nan])
    strict = outcomes(FOUND, task(ASKED), 0.95)
    np.testing.assert_array_equal(strict["hit@3"], [0, np.nan, 0, 0])
    assert strict["declined"].iloc[1] == 1


def test_the_threshold_parts_hits_from_what_should_be_declined() -> None:
    assert 0.6 < choose_threshold(FOUND, task(ASKED)) < 0.9
    nothing = Ranking("r", np.full((1, 3), -1), np.full((1, 3), -np.inf, np.float32))
    with pytest.raises(ValueError, match="no question found anything"):
        choose_threshold(nothing, task([[1]]))


def test_trade_off_by_hand() -> None:
    right = np.array([True, False, False, False])
    table = trade_off(FOUND.scores[:, 0], right)
    np.testing.assert_allclose(table.index, [0.9, 0.6, 0.3], rtol=1e-6)
    np.testing.assert_allclose(table["answered"], [0.25, 0.5, 0.75])
    np.testing.assert_allclose(table["right"], [1, 1 / 2, 1 / 3])
    tied = np.array([0.5, 0.5, 0.5, -np.inf])
    assert trade_off(tied, right)["answered"].tolist() == [0.75]  # equal scores are answered together
    assert trade_off(np.array([-np.inf]), np.array([False])).empty


def test_answers_become_a_ranking(shop: Catalogue) -> None:
    answers = desk(shop).answer(["Is the Mihazo waterproof?", "Where is my parcel?"])
    found = ranking(answers)
    assert set(found.positions[0, :2]) == {4, 5} and found.positions[0, 2] == -1
    assert (found.positions[1] == -1).all() and np.isneginf(found.scores[1]).all()


def tuned(shop: Catalogue, asked: list[str], right: list[int | None]) -> Desk:
    relevance = np.zeros((len(asked), len(shop)))
    for question, row in enumerate(right):
        relevance[question, row if row is not None else []] = 1
    queries = Catalogue("q", pd.DataFrame({"title": asked}))
    return desk(shop).tune(Task("t", queries, shop, csr_array(relevance), csr_array(relevance.shape)))


def test_tuning_turns_scores_into_probabilities(shop: Catalogue) -> None:
    asked = ["Is the Bocado sold in red?", "Is the Bocado sold in blue?", "The Bocado in green?", "The Tamiko in pink?"] * 3
    clerk = tuned(shop, asked, [0, 1, None, None] * 3)
    sure, unsure = (a.scores[0] for a in clerk.answer(["Is the Tamiko sold in blue?", "Is the Tamiko sold in green?"]))
    assert unsure < 0.3 < 0.7 < sure < 1
    assert unsure < clerk.threshold < sure


def test_an_intent_that_is_always_wrong_on_validation_is_never_sure(shop: Catalogue) -> None:
    sizes, colour = ["The Bocado in 350 ml?", "The Bocado in 250 ml?"] * 4, "The Bocado in blue?"
    clerk = tuned(shop, [*sizes, *[colour] * 8], [0, None] * 4 + [None] * 8)
    assert clerk.answer([colour])[0].scores[0] == pytest.approx(1 / 10, abs=0.02)  # (0 + 1) / (8 + 2)
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
    met, missed = (clerk.answer([f"The Bocado in {colour}?"])[0].scores[0] for colour in ("blue", "green"))
    assert 0 < missed < 0.5 < met < 1


def test_a_score_that_means_nothing_gives_the_share_that_was_right() -> None:
    start, slope = fit_odds(np.array([0.0, 0, 0, 1, 1, 1]), np.array([1, 1, 1, 0, 0, 0], bool))  # the higher, the worse
    assert slope == 0
    assert 1 / (1 + np.exp(-start)) == pytest.approx(4 / 8)
    assert fit_odds(np.array([]), np.array([], bool))[1] > 0


# words


def test_the_template_says_name_price_and_passage(shop: Catalogue) -> None:
    said = template(ask(shop, "Is the Brook Mihazo shoe waterproof?"), shop)
    assert said.startswith('In the catalogue: Brook Mihazo shoe EU 42 (70.00, description: "waterproof")')
    assert "price unknown" in said
    assert "crimson" in template(ask(shop, "Do you have the Alder Bocado in red?"), shop)


def test_what_a_text_invents(shop: Catalogue) -> None:
    vocabulary, known = Vocabulary(shop, ordinary=ORDINARY), 'Alder Bocado mug 350ml (12.00, attributes: "crimson")'
    assert invented("Yes, the Bocado costs 12 and is red.", known, vocabulary) == []
    assert invented("The Bocado costs 13.", known, vocabulary) == ["13"]
    assert invented("Take the Mihazo.", known, vocabulary) == ["mihazo"]
    assert invented("There is a blue one.", known, vocabulary) == ["blue"]
    assert invented("Buy the Quibbix instead.", known, vocabulary) == ["quibbix"]
    assert invented("Yes. Warm it.", known, vocabulary) == []  # a capital that only begins a sentence


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory):
    """A GPT-2 with random weights that knows eight words."""
    folder = tmp_path_factory.mktemp("gpt")
    write_tokenizer(folder)
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": SMALL["hidden_size"], "n_positions": 64}
    hf.set_seed(0)
    model = hf.GPT2LMHeadModel(hf.GPT2Config(vocab_size=3 + len(WORDS), bos_token_id=9, eos_token_id=10, **sizes))
    model.save_pretrained(folder)
    return folder


def test_a_model_words_an_answer_the_same_way_twice(checkpoint, one_thread: None) -> None:
    phraser = Phraser(f"hf:{checkpoint}", max_new_tokens=5)
    said = phraser.complete("red mug")
    assert said == phraser.complete("red mug")
    assert set(said.split()) <= {*WORDS, "[UNK]"}
    assert phraser.complete("red mug " * 200) is not None  # longer than the model can read


def test_a_model_that_invents_is_not_heard(checkpoint, shop: Catalogue, one_thread: None, monkeypatch) -> None:
    answer, vocabulary = ask(shop, "Do you have the Alder Bocado in red?"), Vocabulary(shop, ordinary=ORDINARY)
    phraser = Phraser(f"hf:{checkpoint}", max_new_tokens=5)
    known = " ".join(facts(answer, shop))
    for said, by, refused in (
        ("Yes, the Bocado comes in red.", phraser.name, ""),
        ("Yes, for 99 euros.", "template", "99"),
        ("Take the Mihazo.", "template", "mihazo"),
        (" \n", "template", "it said nothing"),
    ):
        monkeypatch.setattr(phraser, "complete", lambda prompt, said=said: said if known[:10] in prompt else "")
        phrased = phraser.phrase(answer, shop, vocabulary)
        assert phrased.by == by and refused in phrased.refused
        assert phrased.text == (said if by != "template" else template(answer, shop))
    withheld = phraser.phrase(ask(shop, "Where is my parcel?"), shop, vocabulary)
    assert (withheld.by, withheld.refused) == ("template", "")


def test_only_safetensors_and_only_known_names(checkpoint, tmp_path) -> None:
    with pytest.raises(RuntimeError, match="holds no causal language model that loads"):
        _ = Phraser(f"hf:{as_pickle(checkpoint, tmp_path / 'pickled')}").model
    with pytest.raises(ValueError, match='named "hf:"'):
        Phraser("gpt2")
