"""BEIR folders: what is written is read back, other tools' folders are read, errors name a line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lib.data import Catalogue, Task, load, read_beir, write_beir


def test_a_beir_folder_brings_back_every_column(tmp_path):
    items = pd.DataFrame(
        {
            "title": ['Mug, "large"', None, "Tasse\u2028blau"],
            "description": ["line\nbreak", "d", None],
            "price": [1.5, np.nan, 3],
            "attributes": [{"size": "L", "n": np.int64(2), "gone": np.nan}, None, None],
            "image": ["/somewhere/private/a.png", None, None],
            "group": ["g", "g", None],
            "stock": [4, None, 5],
        },
        index=["a b", "it's \t", '"q"'],
    )
    shop = Catalogue("shop", items)
    task = Task.same_label("alike", shop, ["x", "x", None])
    write_beir(tmp_path / "out", task, split="dev")
    again = read_beir(tmp_path / "out", split="dev", images="photos", name="alike")
    for side, other in ((again.queries, task.queries), (again.corpus, task.corpus)):
        assert side.ids.tolist() == other.ids.tolist()
    np.testing.assert_array_equal(again.relevance.toarray(), task.relevance.toarray())
    np.testing.assert_array_equal(again.exclude.toarray(), task.exclude.toarray())
    assert (tmp_path / "out" / "corpus.jsonl").read_text(encoding="utf-8").count("private") == 0
    back = again.corpus.items
    for field in ("title", "description", "group"):
        assert back[field].tolist() == shop.items[field].tolist(), field
    assert back["price"].tolist()[::2] == [1.5, 3.0] and np.isnan(back["price"].iloc[1])
    assert back["attributes"].iloc[0] == {"size": "L", "n": 2}
    assert back["image"].tolist() == ["photos/a.png", None, None]
    assert back["stock"].iloc[0] == 4
    assert again.queries.items["title"].tolist() == shop.items["title"].tolist()
    assert read_beir(tmp_path / "out", split="dev").corpus.items["image"].isna().all()


def test_a_foreign_beir_folder_without_metadata_or_exclusions(tmp_path):
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text(
        '{"_id": 7, "title": "t", "text": "x"}\n\n{"_id": "8", "text": "y"}\n'
    )
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "asks"}\n')
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\t7\t2\nq\t8\t0\n")
    task = read_beir(tmp_path)
    assert (
        task.name == tmp_path.name
        and task.relevance.toarray().tolist() == [[2, 0]]
        and task.exclude.nnz == 0
    )
    assert task.corpus.items["description"].tolist() == ["x", "y"]


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("corpus.jsonl", '{"_id": "7"}\n{"_id": ', r"corpus.jsonl, line 2: not JSON"),
        ("corpus.jsonl", '{"id": "7"}', r'line 1: needs an object with an "_id"'),
        ("corpus.jsonl", '["7"]', "line 1: needs one JSON object a line, got"),
        ("corpus.jsonl", '{"_id": "7"}\n{"_id": "7"}', "line 2: id '7' occurs more than once"),
        (
            "corpus.jsonl",
            '{"_id": "7", "metadata": [1]}',
            r'line 1: "metadata" must be an object, got list',
        ),
        ("qrels/test.tsv", "q\t7\t1\n", r"test.tsv, line 1: needs the header"),
        ("qrels/test.tsv", "", "line 1: needs the header"),
        (
            "qrels/test.tsv",
            "query-id\tcorpus-id\tscore\nq 7 1\n",
            "line 2: needs 3 fields with tabs between, got 1",
        ),
        (
            "qrels/test.tsv",
            "query-id\tcorpus-id\tscore\nq\t9\t1\n",
            "line 2: the catalogue has no product with id '9'",
        ),
        (
            "qrels/test.tsv",
            "query-id\tcorpus-id\tscore\nq\t7\tyes\n",
            "line 2: the gain must be a whole number, got 'yes'",
        ),
        (
            "exclude.tsv",
            "query-id\tcorpus-id\nz\t7\n",
            r"exclude.tsv, line 2: the catalogue has no product with id 'z'",
        ),
    ],
)
def test_a_bad_line_of_a_beir_folder_is_named(tmp_path, file, content, says):
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text('{"_id": "7", "text": "x"}\n')
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "asks"}\n')
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\t7\t1\n")
    (tmp_path / file).write_text(content)
    with pytest.raises(ValueError, match=says):
        read_beir(tmp_path)


def test_what_beir_cannot_hold_is_refused_and_nothing_is_written(tmp_path):
    query, product = (Catalogue(n, pd.DataFrame(index=[i])) for n, i in (("q", "a\nb"), ("c", "x")))
    task = Task.from_matches("t", query, product, [("a\nb", "x")])
    with pytest.raises(ValueError, match="holds a line break"):
        write_beir(tmp_path / "f", task)
    half = Task.from_matches("t", product, product, [("x", "x", 0.5)])
    with pytest.raises(ValueError, match=r"gain 0.5.*whole numbers only"):
        write_beir(tmp_path / "f", half)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_a_data_set(tmp_path):
    shop = Catalogue("shop", pd.DataFrame({"title": list("abc"), "image": ["a.png", None, None]}))
    for split, labels in (("dev", ["x", "x", None]), ("test", [None, "x", "x"])):
        write_beir(tmp_path / "mine", Task.same_label(split, shop, labels), split=split)
    (tmp_path / "mine" / "images").mkdir()
    found = load(tmp_path / "mine", rows=20, seed=1)
    assert (found.name, list(found.catalogues)) == ("mine", ["corpus", "queries"])
    assert found.catalogue.text() == ["a", "b", "c"]
    assert found.catalogue.items["image"].iloc[0] == str(tmp_path / "mine" / "images" / "a.png")
    relevant = {name: task.relevance.nonzero()[0].tolist() for name, task in found.tasks.items()}
    assert relevant == {"search": [1, 2], "search, dev": [0, 1]}
    for judgements in (tmp_path / "mine" / "qrels").iterdir():
        judgements.unlink()
    with pytest.raises(FileNotFoundError, match="mine has no judgements; needs a file such as"):
        load(str(tmp_path / "mine"))
    with pytest.raises(ValueError, match=r"no data set .*and folders with a catalogue"):
        load(tmp_path)
