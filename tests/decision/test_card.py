"""The card's facts, by hand."""

from __future__ import annotations

import shlex

import numpy as np
import pandas as pd
import pytest

from lib.data.catalogue import Catalogue
from lib.data.task import Task
from lib.decision.card import command, mistakes, sentence, warnings, worst_group
from lib.deploy import read_pipeline
from lib.search.exact import Ranking
from lib.show.decision import DecisionCard

TABLE = pd.DataFrame(
    {"loss": [0.0, 0.012], "low": [0.0, 0.004], "share best": [0.97, 0.03]},
    index=["words", "photo"],
)


def test_the_sentence_says_by_how_much_and_how_sure() -> None:
    said = sentence("shop", TABLE, ["brand", "found again"])
    assert said == (
        "For shop, take words: 0.012 ahead of photo, by 2 free proxies, best in 97% of resamples."
    )
    near = TABLE.assign(low=[0.0, 0.0])
    assert sentence("shop", near, ["brand"]).endswith("; not told apart from photo.")
    assert "no other pipeline" in sentence("shop", TABLE.iloc[:1], ["brand"])


def test_the_card_warns_where_it_cannot_know() -> None:
    said = " ".join(warnings(TABLE, {"brand": "photo"}, ["found again"], photos=True))
    assert "Without the proxy 'brand' the choice would be photo." in said
    assert "which products are of one kind" in said
    assert "of one kind" not in " ".join(warnings(TABLE, {}, ["category"], photos=False))
    assert "Of photos" in said
    assert "not sure" not in said
    unsure = TABLE.assign(**{"share best": [0.6, 0.4]})
    assert "not sure" in " ".join(warnings(unsure, {}, ["brand", "found again"], photos=False))


def test_the_worst_group_by_hand() -> None:
    items = {
        "title": ["x"] * 60,
        "category": ["Mugs"] * 30 + ["Beds"] * 30,
        "brand": ["rare"] * 5 + [None] * 55,
    }
    shop = Catalogue("shop", pd.DataFrame(items))
    task = Task.same_label("t", shop, items["category"])
    values = pd.Series([1.0, 0.5] * 15 + [0.0, 0.5] * 15)
    found = worst_group(values, task)
    assert (found["by"], found["group"], found["queries"]) == ("category", "Beds", 30)
    assert found["mean"] == pytest.approx(0.25)
    assert found["low"] < 0.25 < found["high"]
    assert found["groups"] == 2  # the brand has five queries only
    assert worst_group(values[:10], task.take(range(10))) is None


def test_mistakes_are_the_surest_ones() -> None:
    shop = Catalogue("shop", pd.DataFrame({"title": list("abc")}, index=list("abc")))
    task = Task.from_matches("t", shop, shop, [("a", "b"), ("b", "c"), ("c", "a")])
    found = Ranking("r", np.array([[1], [0], [1]]), np.array([[0.9], [0.4], [0.8]], np.float32))
    made = mistakes(found, task)
    assert [(m["query"], m["found"], m["wanted"]) for m in made] == [
        ("c", "b", "a"),
        ("b", "a", "c"),
    ]
    assert len(mistakes(found, task, count=1)) == 1


def test_the_command_gives_the_pipeline_back() -> None:
    settings = [{"encoder": "tfidf", "fields": ["title"], "weight": 2}, {"encoder": "price"}]
    words = shlex.split(command("my shop", settings))
    assert words[:3] == ["akin", "apply", "my shop"]
    assert read_pipeline(words[words.index("--pipeline") + 1])[1] == settings


def test_the_card_escapes_what_a_shop_wrote() -> None:
    mistake = {"query": "<script>", "found": "b", "wanted": "c", "score": 0.5}
    values = {"pipeline": "words", "sentence": "Take words.", "command": "akin apply x"}
    values |= {"seconds per million": 12.3, "bytes per million": 2e9, "mistakes": [mistake]}
    page = DecisionCard(
        values | {"worst group": None, "warnings": [], "labels": "", "judged": ""}
    )._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "2.00 GB" in page
    assert "Worst group" not in page
