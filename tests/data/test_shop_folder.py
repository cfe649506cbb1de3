"""A shop of one's own: from files as shops have them to tasks, or to an error that says what is
wrong.
"""

import io
import sqlite3
import warnings

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lib import Catalogue, Embeddings, evaluate, load, search
from lib.data.guess import guess_columns
from lib.data.new_shop import new_shop

ROWS = """sku;Product Name;Verkaufspreis;Marke;Category Path;Photo;colour;url
a1;Red mug, large;"1.299,00 €";Ofen;Home | Kitchen | Mugs;a1.png;red;https://x.example/1
a2;Blue mug, large;9,90 €;Ofen;Home | Kitchen | Mugs;gone.png;blue;https://x.example/2
a3;Garden chair;ask us;Zaun;Home | Garden | Chairs;;green;https://x.example/3
a3;Garden chair again;5 €;Zaun;Home | Garden | Chairs;;green;https://x.example/3
"""


@pytest.fixture
def made(tmp_path):
    """A folder made by akin new, and what it said."""
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (8, 8), "red").save(tmp_path / "photos" / "a1.png")
    (tmp_path / "shop.csv").write_text(ROWS.replace("Verkaufspreis", "Preis"))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        _, text = new_shop(tmp_path / "shop.csv", tmp_path / "mine", images=tmp_path / "photos")
    return tmp_path / "mine", text, [str(w.message) for w in said]


def test_a_table_with_semicolons_and_photos_becomes_a_shop(made):
    folder, _, _ = made
    with pytest.warns(UserWarning):
        shop = load(folder)
    items = shop.catalogue.items
    assert items.index.tolist() == ["a1", "a2", "a3"]
    assert items["price"].fillna(-1).tolist() == [1299.0, 9.9, -1.0]
    assert items["category"].iloc[0] == "Home > Kitchen > Mugs"
    assert items["attributes"].tolist() == [{"colour": c} for c in ("red", "blue", "green")]
    assert [bool(path) for path in items["image"]] == [True, False, False]
    assert list(shop.tasks) == ["category", "brand"]
    assert shop.task().relevance.toarray().tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert shop.task().clusters.tolist() == items["category"].tolist()


def test_what_was_guessed_and_what_cannot_be_read_is_said(made):
    _, text, warned = made
    assert "title        Product Name             Red mug, large | Blue mug, large" in text
    assert "not used     url" in text
    assert "none has description, group" in text
    assert "search by judged queries (queries.csv)" in text
    assert any("1 of 4 prices cannot be read" in said and "ask us" in said for said in warned)
    assert any("id 'a3' stands already in row 4" in said for said in warned)
    assert any("no photo 'gone.png'" in said for said in warned)


def test_a_second_shop_does_not_replace_the_first(made, tmp_path):
    with pytest.raises(FileExistsError, match="holds a catalogue already; choose another"):
        new_shop(tmp_path / "shop.csv", made[0])


def test_columns_are_guessed_by_name_and_by_cells():
    table = pd.DataFrame(
        {
            "uniq_id": ["1", "2", "3"],
            "product_name": ["Red mug", "Blue mug", "Chair"],
            "about_product": ["A mug for tea and for coffee, made of clay."] * 3,
            "discounted_price": ["1", "2", "x"],
            "Unnamed": ["s", "m", "s"],
            "always": ["yes"] * 3,
        }
    )
    assert guess_columns(table) == {
        "id": "uniq_id",
        "price": "discounted_price",
        "title": "product_name",
        "description": "about_product",
        "attributes": ["Unnamed"],
    }
    with pytest.raises(ValueError, match="none of the columns 价 looks like a title"):
        guess_columns(pd.DataFrame({"价": ["1", "2"]}))


def test_a_query_of_a_database_makes_a_shop(tmp_path):
    pytest.importorskip("sqlalchemy")
    with sqlite3.connect(tmp_path / "shop.db") as base:
        base.execute("create table products (id integer, name text, price real)")
        base.executemany(
            "insert into products values (?, ?, ?)", [(7, "Red mug", 9.9), (8, "Cup", None)]
        )
    address = f"sqlite:///{tmp_path / 'shop.db'}"
    shop, _ = new_shop("select * from products", tmp_path / "mine", sql=address)
    assert shop.catalogue.items["title"].to_dict() == {"7": "Red mug", "8": "Cup"}
    assert shop.catalogue.items["price"].iloc[0] == 9.9


def write_shop(folder, **files):
    folder.mkdir()
    (folder / "catalogue.csv").write_text("id,title\na,red mug\nb,mug red\nc,blue chair\n")
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def test_pairs_queries_and_purchases_become_tasks(tmp_path):
    folder = write_shop(
        tmp_path / "shop",
        pairs_csv="left,right,label\na,b,1\na,c,0\n",
        queries_csv="id,text\nq,something to drink from\n",
        judgements_csv="query,product,gain\nq,a,2\nq,b,1\nq,c,0\n",
        purchases_csv="user,item\nu,a\nu,b\nv,c\nv,a\n",
        reviews_csv="product,text\na,holds tea\nc,wobbles\na,too red\n",
    )
    shop = load(folder)
    assert shop.catalogue.text(["reviews"]) == ["holds tea\ntoo red", "", "wobbles"]
    assert list(shop.tasks) == ["search", "same product", "next item"]
    assert shop.task("search").relevance.toarray().tolist() == [[2, 1, 0]]
    assert shop.catalogue.items["group"].tolist() == ["product 0", "product 0", None]
    assert shop.pairs[["label"]].to_numpy().ravel().tolist() == [1, 0]
    assert shop.pairs["left"].iloc[0]["title"] == "red mug"
    assert set(shop.pairs["split"]) <= {"train", "valid", "test"}
    assert len(shop.interactions) == 4


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"pairs_csv": "left,right,label\na,z,1\n"}, "row 2: the catalogue has no product 'z'"),
        ({"pairs_csv": "left,right\na,b\n"}, "no column 'label'; needs left, right, label"),
        ({"pairs_csv": "left,right,label\na,b,yes\n"}, "row 2: label must be a number, got 'yes'"),
        ({"queries_csv": "id,text\nq,mug\n"}, "queries.csv needs its judgements"),
        ({"dataset_yaml": "colums: {id: id}\n"}, "'colums' is unknown; did you mean 'columns'"),
        ({"dataset_yaml": "columns: {title: nam}\n"}, "no column 'nam'"),
    ],
)
def test_a_mistake_in_a_file_is_named(files, says, tmp_path):
    with pytest.raises((ValueError, FileNotFoundError), match=says.replace("(", r"\(")):
        load(write_shop(tmp_path / "shop", **files))


def test_without_any_label_listings_are_looked_for_again(tmp_path):
    shop = load(write_shop(tmp_path / "shop"))
    assert list(shop.tasks) == ["found again"]
    task = shop.task()
    assert task.relevance.toarray().tolist() == np.eye(3).tolist()
    with pytest.raises(ValueError, match="has no task 'search'; it has found again"):
        shop.task("search")


def test_a_folder_of_parquet_with_photos_inside_loads_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr("lib.data.shop_folder.DATA", tmp_path / "data")
    picture = io.BytesIO()
    Image.new("RGB", (4, 4), "blue").save(picture, "PNG")
    folder = tmp_path / "set" / "data"
    folder.mkdir(parents=True)
    cell = {"bytes": picture.getvalue(), "path": None}
    rows = {"title": ["Red mug", "Blue chair"], "image": [cell, None], "brand": ["Ofen", "Ofen"]}
    pd.DataFrame(rows).to_parquet(folder / "train-00000-of-00001.parquet")
    items = load(tmp_path / "set").catalogue.items
    assert items.index.tolist() == ["row 1", "row 2"]
    assert Image.open(items["image"].iloc[0]).size == (4, 4)
    assert items["image"].iloc[1] is None


def test_a_header_with_semicolons_says_so(tmp_path):
    (tmp_path / "shop.csv").write_text("id;title\n1;mug\n")
    with pytest.raises(ValueError, match="has semicolons between its names; say sep=';'"):
        Catalogue.read(tmp_path / "shop.csv")


@pytest.mark.parametrize("letters", ["cp1252", "utf-16", "utf-8-sig"])
def test_a_table_in_other_letters_is_read_as_it_is(letters, tmp_path):
    (tmp_path / "shop.csv").write_bytes("sku;Titel\n1;Käsemesser\n2;Müslischale\n".encode(letters))
    shop, says = new_shop(tmp_path / "shop.csv", tmp_path / "new")
    assert shop.catalogue.text() == ["Käsemesser", "Müslischale"]
    assert ("It is read with encoding" in says) == (letters != "utf-8-sig")
    assert load(tmp_path / "new").catalogue.text() == shop.catalogue.text()


def test_a_table_in_letters_that_nobody_named_says_what_to_do(tmp_path):
    (tmp_path / "shop.csv").write_bytes("sku,title\n1,Käse\n".encode("cp1252"))
    with pytest.raises(ValueError, match="Other letters: encoding: cp1252 in"):
        Catalogue.read(tmp_path / "shop.csv")


def test_the_id_column_of_a_frame_is_the_id():
    assert Catalogue("x", pd.DataFrame({"id": [7, 8], "title": ["a", "b"]})).ids.tolist() == [
        "7",
        "8",
    ]


def test_a_product_that_finds_itself_is_an_error(tmp_path):
    shop = load(write_shop(tmp_path / "shop", pairs_csv="left,right,label\na,b,1\n"))
    made = Embeddings("letters", shop.catalogue.ids, np.eye(3) + 0.1)
    task = shop.task()
    with pytest.raises(ValueError, match="holds candidates that 'same product' excludes"):
        evaluate(search(made, made, 1), task, ["hit@1"])
    assert evaluate(search(made, made, 1, task), task, ["hit@1"])["hit@1"].notna().sum() == 2


def test_a_metric_of_ones_own_is_named_by_its_module(tmp_path, monkeypatch):
    (tmp_path / "my_metrics.py").write_text(
        "def first(gains, ideal, relevant, k):\n    return gains[:, 0]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    shop = load(write_shop(tmp_path / "shop", pairs_csv="left,right,label\na,b,1\n"))
    made = Embeddings("letters", shop.catalogue.ids, np.array([[1, 0], [1, 0], [0, 1]]))
    found = evaluate(search(made, made, 2, shop.task()), shop.task(), ["my_metrics:first@1"])
    assert found["my_metrics:first@1"].tolist()[:2] == [1, 1]
    with pytest.raises(ValueError, match="no metric 'my_metrics:last'"):
        evaluate(search(made, made, 2, shop.task()), shop.task(), ["my_metrics:last@1"])
