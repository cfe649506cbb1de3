"""Several encoders at once: what finds nothing is left out, by hand."""

import pandas as pd

from lib import Catalogue, encoder
from lib.encoders import embed_each

SHOP = Catalogue(
    "shop", pd.DataFrame({"title": ["red mug", "cup"], "brand": [None, "x"]}, index=["a", "b"])
)


def test_what_finds_nothing_to_read_is_left_out_with_a_reason():
    each = {
        "words": encoder("tfidf"),
        "brand": encoder("onehot", fields=["brand"]),
        "colour": encoder("colour"),
    }
    found = embed_each(each, SHOP)
    assert list(found.embeddings) == list(found.encoders) == ["words", "brand"]
    assert "'shop' has nothing that colour" in found.left_out["colour"]


def test_only_what_the_training_part_has_counts():
    found = embed_each(
        {"brand": encoder("onehot", fields=["brand"]), "words": encoder("tfidf")},
        SHOP,
        train=SHOP.take([0]),
    )
    assert list(found.embeddings) == ["words"] and list(found.left_out) == ["brand"]
    assert found.embeddings["words"].present.tolist() == [True, False]  # "cup" was never learned
