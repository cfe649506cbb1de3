"""Pipelines: what they read, share and refuse."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from lib import concat, embed, encoder
from lib.data.catalogue import Catalogue
from lib.deploy.pipeline import fit_pipelines, read_pipeline

SHOP = Catalogue(
    "shop",
    pd.DataFrame(
        {"title": ["red mug", "blue mug", "red shoe"], "price": [9.0, 9.5, 80.0]}, index=list("abc")
    ),
)
WORDS, PRICE = {"encoder": "tfidf"}, {"encoder": "price"}


def test_a_pipeline_is_the_weighted_concatenation() -> None:
    made, lost = fit_pipelines({"both": [WORDS | {"weight": 3}, PRICE]}, SHOP)
    parts = [embed(encoder(**part).fit(SHOP), SHOP) for part in (WORDS, PRICE)]
    wanted = concat(parts, [3, 1])
    assert not lost
    assert np.allclose(made["both"].embed(SHOP).vectors.toarray(), wanted.vectors.toarray())


def test_pipelines_share_equal_parts() -> None:
    made, _ = fit_pipelines({"words": WORDS, "both": [WORDS | {"weight": 2}, PRICE]}, SHOP)
    assert made["words"].parts[0] is made["both"].parts[0]
    assert made["words"].embed(SHOP) is made["words"].embed(SHOP)


def test_what_the_catalogue_lacks_is_left_out_with_its_reason() -> None:
    made, lost = fit_pipelines({"photo": {"encoder": "colour"}, "words": WORDS}, SHOP)
    assert list(made) == ["words"]
    assert lost["photo"].startswith("no product has what colour(")


def test_weights_that_are_not_here_leave_a_pipeline_out() -> None:
    _, lost = fit_pipelines({"glove": {"encoder": "glove:nowhere.txt"}}, SHOP)
    assert "nowhere.txt" in lost["glove"]


def test_read_pipeline(tmp_path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("- {encoder: tfidf, weight: 2}\n- {encoder: price}\n")
    parts = [{"encoder": "tfidf", "weight": 2}, {"encoder": "price"}]
    assert read_pipeline(str(file)) == ("mine", parts)
    assert read_pipeline(json.dumps(parts)) == ("pipeline", parts)
    assert read_pipeline("minilm") == ("minilm", [{"encoder": "minilm"}])
    assert read_pipeline("model2vec:potion")[1] == [{"encoder": "model2vec:potion"}]


@pytest.mark.parametrize("given", ["[1, 2]", "[]", "{weight: 1}", "3", "[{encoder: ["])
def test_what_is_no_pipeline_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"a pipeline is|is no YAML"):
        read_pipeline(given)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.yaml"):
        read_pipeline("nowhere.yaml")


def test_a_part_needs_an_encoder() -> None:
    with pytest.raises(ValueError, match="name of an encoder"):
        fit_pipelines({"x": {"fields": ["title"]}}, SHOP)
    with pytest.raises(ValueError, match="no part"):
        fit_pipelines({"x": []}, SHOP)
