"""What `akin apply` writes, read back."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from lib import cli
from lib.data.catalogue import Catalogue
from lib.data.dataset import Dataset
from lib.data.task import Task
from lib.deploy.apply import apply, duplicates
from lib.search.exact import Ranking

TITLES = ["red mug", "mug, red", "blue cup", "green sofa", None]
SHOP = Catalogue("shop", pd.DataFrame({"title": TITLES}, index=list("abcde")))
DATA = Dataset("shop", {"shop": SHOP})


def test_the_files_hold_what_the_pipeline_found(tmp_path) -> None:
    made = apply(DATA, [{"encoder": "tfidf"}], tmp_path / "out", neighbours=2, threshold=0.9)
    out = tmp_path / "out"
    found = pd.read_parquet(out / "neighbours.parquet")
    first = found[found["rank"] == 1].set_index("product")
    assert first.loc["a", "neighbour"] == "b"
    assert first.loc["a", "score"] == pytest.approx(1)
    assert "e" not in set(found["product"])  # no title, no neighbours
    assert not (found["product"] == found["neighbour"]).any()
    pairs = pd.read_csv(out / "duplicates.csv")
    assert pairs[["left", "right", "mutual"]].to_numpy().tolist() == [["a", "b", True]]
    assert pairs["left_title"].tolist() == ["red mug"]
    assert made["likely duplicates"] == 1
    assert made["without vector"] == 1


def test_sparse_vectors_can_be_put_together_again(tmp_path) -> None:
    apply(DATA, [{"encoder": "tfidf"}], tmp_path / "out")
    table = pd.read_parquet(tmp_path / "out" / "vectors.parquet").set_index("product")
    dense = np.zeros((len(SHOP), 10))
    for row, (columns, values) in enumerate(zip(table["columns"], table["values"], strict=True)):
        dense[row, columns] = values
    assert dense[0] @ dense[1] == pytest.approx(1)
    assert dense[0] @ dense[2] == 0
    assert not dense[4].any()


def test_dense_vectors_are_lists(tmp_path) -> None:
    apply(DATA, [{"encoder": "lsa", "dimensions": 2}], tmp_path / "out")
    table = pd.read_parquet(tmp_path / "out" / "vectors.parquet")
    assert np.linalg.norm(table["vector"][0]) == pytest.approx(1)


def test_the_manifest_says_what_was_done(tmp_path) -> None:
    settings = [{"encoder": "tfidf", "sublinear": True, "weight": 2.0}]
    apply(DATA, settings, tmp_path / "out", name="words")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["settings"] == settings
    assert manifest["encoders"] == ["tfidf(title,word,1-1,sublinear)"]
    assert manifest["data"]["digest"] == DATA.digest
    for file, digest in manifest["files"].items():
        assert hashlib.sha256((tmp_path / "out" / file).read_bytes()).hexdigest() == digest
    assert set(manifest["files"]) == {"neighbours.parquet", "vectors.parquet", "duplicates.csv"}


def test_of_two_shops_both_are_listed(tmp_path) -> None:
    other = Catalogue("other", pd.DataFrame({"title": ["a red mug"]}, index=["z"]))
    task = Task.from_matches("blocking", other, SHOP, [("z", "a")])
    data = Dataset("two", {"shop": SHOP, "other": other}, {"blocking": task})
    assert list(data.listings.ids) == [*(f"shop/{i}" for i in "abcde"), "other/z"]
    assert DATA.listings is SHOP
    apply(data, [{"encoder": "tfidf"}], tmp_path / "out")
    found = pd.read_parquet(tmp_path / "out" / "neighbours.parquet").set_index("product")
    assert set(found.loc[["other/z"], "neighbour"]) >= {"shop/a", "shop/b"}


def test_pairs_come_once_best_first() -> None:
    found = Ranking(
        "r",
        np.array([[1, 2], [0, 2], [0, -1]]),
        np.array([[0.95, 0.91], [0.95, 0.2], [0.91, -np.inf]], np.float32),
    )
    pairs = duplicates(found, np.array(["x", "y", "z"], object), 0.9)
    assert pairs[["left", "right", "mutual"]].to_numpy().tolist() == [
        ["x", "y", True],
        ["x", "z", False],
    ]


def test_the_command(tmp_path, capsys) -> None:
    (tmp_path / "words.yaml").write_text("encoder: tfidf\n")
    given = ["--pipeline", str(tmp_path / "words.yaml"), "--to", str(tmp_path / "out")]
    assert cli.main(["apply", "nowhere", *given]) == 2
    assert "no data set 'nowhere'" in capsys.readouterr().err


def test_errors_say_what_is_needed(tmp_path) -> None:
    with pytest.raises(ValueError, match="cannot be applied to shop: no product has"):
        apply(DATA, [{"encoder": "colour"}], tmp_path / "out")
    with pytest.raises(ValueError, match="neighbours is 1 or more"):
        apply(DATA, [{"encoder": "tfidf"}], tmp_path / "out", neighbours=0)
    assert not (tmp_path / "out").exists()
