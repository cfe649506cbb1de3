"""Code and committed results belong together: one number of each notebook's reference run, made
again by its shortest way.

What takes minutes stays out: photos, training and large models. Lexical numbers must come out to
the fourth digit; MiniLM's may differ by the processor.
"""

import json
from functools import cache

import numpy as np
import pytest

from lib import (
    Task,
    compare_f1,
    concat,
    embed,
    encoder,
    evaluate,
    load,
    pairwise,
    rank,
    search,
    stack,
)
from lib.data.purchases import Purchases, leave_last_out
from lib.data.sources import find
from lib.files import REPORTS
from lib.report.parameters import profiles
from lib.search.bm25 import Bm25
from lib.tasks.assortment import predicted_demand
from lib.tasks.blocking import candidates_needed, recall_by_depth
from lib.tasks.crossfit import pair_cosines
from lib.tasks.matching import chosen_threshold, labelled_pairs
from lib.tasks.recommendation import recommend, same_for_all
from lib.tasks.retrieval import FIELDS
from lib.tasks.support_benchmark import pooled, pooled_ranking, support_questions

CHARACTERS = {"analyzer": "char_wb", "sublinear": True}
EXACT, NEURAL = 1e-4, 5e-3


@cache
def profile(notebook: str, name: str) -> dict:
    """A notebook's reference parameters on one data set."""
    runs = profiles()[notebook]["reference"]
    runs = runs if isinstance(runs, list) else [runs]
    return next(run for run in runs if run.get("DATASET", "bazaar") == name)


def committed(notebook: str, name: str, *path: str) -> float:
    file = REPORTS / "reference" / notebook / name / "metrics.json"
    value = json.loads(file.read_text(encoding="utf-8"))["results"]
    for key in path:
        value = value[key]
    return value


def opened(name: str, **options: object):
    if name != "bazaar" and find(name) is None:
        pytest.skip(f"{name} is not in AKIN_DATA or data/")
    return load(name, **options)


def scored(task: Task, settings: dict, metric: str) -> float:
    """The mean of one encoder, fitted on all that is searched or asks."""
    alone = task.queries is task.corpus
    known = task.corpus if alone else stack([task.queries, task.corpus.renamed("searched")])
    fitted = encoder(**settings).fit(known)
    sides = embed(fitted, task.queries), embed(fitted, task.corpus)
    return evaluate(search(*sides, 10, exclude=task.exclude), task, [metric])[metric].mean()


def test_00_words_find_the_same_product():
    data = opened("bazaar", rows=profile("00_quickstart", "bazaar")["ROWS"], photos=False)
    found = scored(data.tasks["same product"], {"encoder": "tfidf"}, "ndcg@10")
    known = committed("00_quickstart", "bazaar", "search", "words", "ndcg@10", "mean")
    assert found == pytest.approx(known, abs=EXACT)


def test_01_shares_that_are_missing():
    data = opened("bazaar", rows=profile("01_catalogue", "bazaar")["ROWS"], photos=False)
    missing = data.catalogue.items[["brand", "price", "description"]].isna().mean()
    known = committed("01_catalogue", "bazaar", "missing")
    assert missing.to_dict() == pytest.approx({k: known[k] for k in missing.index}, abs=EXACT)


@pytest.mark.parametrize(
    ("name", "method", "metric"),
    [
        ("flipkart", "trigrams", "precision@10"),
        ("flipkart", "potion, all text", "precision@10"),
        ("abt-buy", "title potion", "recall@1"),
        ("amazon-google", "words", "recall@1"),
        ("product1m", "words", "ndcg@10"),
    ],
)
def test_02_an_encoder_finds_as_much_as_it_did(name, method, metric):
    settings = profile("02_encoders", name)
    task = opened(name, photos=False).tasks[settings["TASK"]]
    found = scored(task, settings["ENCODERS"][method], metric)
    known = committed("02_encoders", name, "encoders", method, metric, "mean")
    assert found == pytest.approx(known, abs=EXACT)


def test_03_jaccard_of_words():
    catalogue = opened("flipkart", photos=False).catalogue
    task = Task.same_label("category", catalogue, catalogue.category(0))
    words = encoder("tfidf", fields=["title", "description"], sublinear=True)
    rows = words.fit(catalogue).encode(catalogue)
    assert pairwise(rows[:1], rows[:1], measure="jaccard").item() == 1
    ranking = rank(rows, rows, 10, measure="jaccard", exclude=task.exclude)
    found = evaluate(ranking, task, ["precision@10"])["precision@10"].mean()
    path = ("measures", "words", "jaccard", "precision@10", "mean")
    assert found == pytest.approx(committed("03_similarity", "flipkart", *path), abs=EXACT)


def test_04_words_on_the_test_part():
    catalogue = opened("fashion", photos=False).catalogue
    parts = catalogue.split({"train": 0.6, "valid": 0.2, "test": 0.2}, by="group")
    labels = catalogue.labels("category:2")
    task = Task.same_label(
        "test", parts["test"], labels[catalogue.items.index.get_indexer(parts["test"].ids)]
    )
    words = encoder(**profile("04_fusion", "fashion")["ENCODERS"]["words"]).fit(parts["train"])
    made = embed(words, parts["test"])
    found = evaluate(search(made, made, 10, exclude=task.exclude), task, ["ndcg@10"])
    known = committed("04_fusion", "fashion", "fusion", "words", "ndcg@10", "mean")
    assert found["ndcg@10"].mean() == pytest.approx(known, abs=EXACT)


def test_05_the_frozen_encoder_decides_pairs():
    data = opened("abt-buy")
    left, right, pairs = labelled_pairs(data)
    fields = ["title", "brand", "attributes", "description"]
    start = encoder("minilm", fields=fields, max_tokens=64)
    scores = pair_cosines(start, left, right, pairs)
    tested = (pairs["split"] == "test").to_numpy()
    calls = {"frozen": scores[None, tested] >= chosen_threshold(pairs, scores)}
    labels = pairs["label"].to_numpy()[tested]
    found = compare_f1(labels, calls, baseline="frozen").loc[("f1", "frozen"), "mean"]
    known = committed("05_finetuning", "abt-buy", "pairs", "frozen cosine", "f1", "mean")
    assert found == pytest.approx(known, abs=2 * NEURAL)


def lexical_sum(task: Task):
    """The three lexical cosines of 07, with equal weights, as (queries, corpus)."""
    both, sides = stack([task.queries, task.corpus.renamed("searched")]), []
    for settings in (
        {"fields": ["all_fields"], **CHARACTERS},
        CHARACTERS,
        {"fields": ["all_fields"], "sublinear": True},
    ):
        fitted = encoder("tfidf", **settings).fit(both)
        sides.append((embed(fitted, task.queries), embed(fitted, task.corpus)))
    return [concat(parts) for parts in zip(*sides, strict=True)]


@pytest.mark.parametrize("name", ["abt-buy", "amazon-google"])
def test_07_the_lexical_sum_finds_the_other_shops_listing(name):
    task = opened(name).tasks["blocking"]
    ranking = search(*lexical_sum(task), 10, exclude=task.exclude)
    found = evaluate(ranking, task, ["recall@1"])["recall@1"].mean()
    known = committed("07_matching", name, "blocking", "lexical sum", "recall@1", "mean")
    assert found == pytest.approx(known, abs=EXACT)


@pytest.mark.parametrize("text", ["all fields", "title"])
def test_07_candidates_of_bm25(text):
    task = opened("amazon-google").tasks["blocking"]
    bm25 = Bm25(fields=[text.replace(" ", "_")]).fit(task.corpus)
    curve = recall_by_depth(bm25.search(task.queries, 300, exclude=task.exclude), task)
    path = ("candidates", f"bm25, {text}", "k")
    assert candidates_needed(curve) == committed("07_matching", "amazon-google", *path)


def test_08_bm25_answers_queries():
    data = opened("bazaar", rows=profile("08_search", "bazaar")["ROWS"], photos=False)
    task, queries = data.tasks["search"], data.tasks["search"].queries
    halves = queries.split({"valid": 0.4, "test": 0.6}, by="title", seed=0)
    rows = {part: queries.items.index.get_indexer(some.ids) for part, some in halves.items()}
    valid, test = task.take(rows["valid"]), task.take(rows["test"])
    found = {}
    for k1 in (0.6, 1.2, 2.0):
        for b in (0.0, 0.3, 0.75):
            model = Bm25(fields=FIELDS, k1=k1, b=b).fit(task.corpus)
            tuned, tested = (
                evaluate(model.search(some.queries, 10), some, ["ndcg@10"])["ndcg@10"].mean()
                for some in (valid, test)
            )
            found.setdefault(tuned, tested)
    known = committed("08_search", "bazaar", "search", "BM25", "ndcg@10", "mean")
    assert found[max(found)] == pytest.approx(known, abs=EXACT)


@pytest.mark.parametrize("name", ["beauty", "games"])
def test_09_popularity_guesses_the_next_purchase(name):
    data = opened(name)
    purchases = Purchases.read(data.interactions, data.catalogue)
    known, test = leave_last_out(purchases)
    tested = profile("09_recommendation", name).get("TESTED", 25_000)
    rows = np.sort(np.random.default_rng(0).permutation(len(test.queries))[:tested])
    history, task = known.of(rows), test.take(rows)
    scores = same_for_all("popularity", known.counts, len(history.users))
    ranking = recommend(scores, 10, exclude=task.exclude)
    found = evaluate(ranking, task, ["hit@10"])["hit@10"].mean()
    path = ("popularity", "hit@10", "training and validation")
    assert found == pytest.approx(committed("09_recommendation", name, *path), abs=EXACT)


def test_10_words_find_the_family_that_is_asked_for():
    settings, shops, rankings = profile("10_support", "bazaar"), [], []
    for seed in settings["SEEDS"]:
        options = {"rows": settings["ROWS"], "questions": settings["QUESTIONS"]}
        data = opened("bazaar", seed=seed, photos=False, **options)
        parts = {"train": 0.3, "valid": 0.3, "test": 0.4}
        task = support_questions(data, seed=seed, parts=parts)
        asked = task.queries.items
        task = task.take(((asked["part"] == "test") & (asked["form"] == "reworded")).to_numpy())
        words = encoder("tfidf", fields=["title", "description", "brand"], sublinear=True)
        words.fit(task.corpus)
        rankings.append(search(embed(words, task.queries), embed(words, task.corpus), 3))
        shops.append(task)
    ranking = pooled_ranking(rankings, shops)
    found = evaluate(ranking, pooled(shops), ["hit@3"])["hit@3"].mean()
    path = ("reworded", "nearest, always answers", "hit@3", "mean")
    assert found == pytest.approx(committed("10_support", "bazaar", *path), abs=EXACT)


def test_11_neighbours_foretell_demand():
    data = opened("games")
    catalogue, purchases = data.catalogue, Purchases.read(data.interactions, data.catalogue)
    sold = leave_last_out(purchases)[0].counts.astype(float)
    words = embed(encoder("tfidf", sublinear=True).fit(catalogue), catalogue)
    by = catalogue.split({"train": 0.6, "valid": 0.2, "test": 0.2}, by="group")
    train, test = (catalogue.items.index.get_indexer(by[part].ids) for part in ("train", "test"))
    k = committed("11_assortment", "games", "neighbours_chosen", "words")
    guess = predicted_demand(search(words.take(test), words.take(train), k), sold[train])
    level = np.log1p(sold[test])
    explained = 1 - ((np.log1p(guess) - level) ** 2).mean() / level.var()
    path = ("variance_explained", "neighbours by words")
    assert explained == pytest.approx(committed("11_assortment", "games", *path), abs=EXACT)
