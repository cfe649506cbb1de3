"""A user's own file becomes a catalogue, or an error that names row and column."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lib.data.catalogue import Catalogue
from lib.data.cells import parse_price

COLUMNS = {
    "id": "sku",
    "title": "name",
    "price": "cost",
    "image": "photo",
    "attributes": ["size", "colour"],
    "brand": "maker",
}
ROWS = [
    {
        "sku": "007",
        "name": "red mug",
        "cost": "$1,299.00",
        "photo": "a.png",
        "size": "S",
        "colour": "red",
        "maker": "NA",
    },
    {
        "sku": "008",
        "name": "杯子",
        "cost": "",
        "photo": "",
        "size": "",
        "colour": "蓝",
        "maker": "",
    },
]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (2, 2)).save(folder / "a.png")
    return folder


def text(folder: Path, content: str, name: str = "shop.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(content.encode(encoding))
    return path


def lines(rows: list[dict]) -> str:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)


def write(folder: Path, suffix: str) -> Path:
    path, frame = folder / f"shop{suffix}", pd.DataFrame(ROWS)
    if suffix == ".parquet":
        frame.to_parquet(path)
    elif suffix in (".csv", ".tsv"):
        frame.to_csv(path, sep="," if suffix == ".csv" else "\t", index=False)
    else:
        path.write_text(lines(ROWS) + "\n\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".jsonl", ".ndjson"])
def test_every_format_gives_the_same_catalogue(suffix: str, tmp_path: Path, photos: Path) -> None:
    shop = Catalogue.read(write(tmp_path, suffix), columns=COLUMNS, images=photos)
    assert shop.name == "shop"
    assert shop.ids.tolist() == ["007", "008"]
    assert shop.text() == ["red mug", "杯子"]
    assert shop.items["brand"].tolist() == ["NA", None]
    assert shop.items["price"].tolist()[0] == 1299.0
    assert np.isnan(shop.items["price"].tolist()[1])
    assert shop.items["image"].tolist() == [str(photos / "a.png"), None]
    assert shop.items["attributes"].tolist() == [{"size": "S", "colour": "red"}, {"colour": "蓝"}]


def test_columns_with_akins_own_names_need_no_mapping(tmp_path: Path) -> None:
    path = text(
        tmp_path,
        'id,title,attributes\n1,mug,"{""colour"": ""red""}"\n2,cup,{\'a\': 1}\n3,pan,\n',
        "SHOP.CSV",
    )
    shop = Catalogue.read(path, name="mine")
    assert shop.name == "mine"
    assert shop.items["attributes"].tolist() == [{"colour": "red"}, {"a": 1}, None]


def test_a_mapping_may_keep_further_columns(tmp_path: Path) -> None:
    shop = Catalogue.read(text(tmp_path, "id,shop,junk\n1,north,x\n"), columns={"seller": "shop"})
    assert shop.items["seller"].tolist() == ["north"]
    assert "junk" not in shop.items


def test_byte_order_mark_quotes_and_newlines(tmp_path: Path) -> None:
    path = text(
        tmp_path, 'id,title\n1,"a ""big"", round\nmug"\n2,tv 5" wide\n', encoding="utf-8-sig"
    )
    assert Catalogue.read(path).items["title"].tolist() == ['a "big", round\nmug', 'tv 5" wide']
    path = text(tmp_path, '{"id": "1", "title": "mug"}', "shop.jsonl", "utf-8-sig")
    assert Catalogue.read(path).text() == ["mug"]


def test_typed_cells_of_parquet_and_json(tmp_path: Path) -> None:
    path = tmp_path / "shop.parquet"
    pd.DataFrame({"id": [7, 8], "price": [3.5, None], "attributes": [{"a": "x"}, None]}).to_parquet(
        path
    )
    shop = Catalogue.read(path)
    assert shop.ids.tolist() == ["7", "8"]
    assert shop.items["price"].iloc[0] == 3.5
    assert shop.items["attributes"].tolist() == [{"a": "x"}, None]
    path = text(
        tmp_path,
        lines([{"id": 1, "price": 4}, {"id": 2, "price": None, "title": "cup"}]),
        "shop.jsonl",
    )
    shop = Catalogue.read(path)
    assert shop.ids.tolist() == ["1", "2"]
    assert shop.items["price"].iloc[0] == 4.0
    assert shop.text() == ["", "cup"]


def test_a_json_line_may_lack_its_attributes(tmp_path: Path) -> None:
    path = text(tmp_path, lines([{"id": 1, "attributes": {"a": 1}}, {"id": 2}]), "shop.jsonl")
    assert Catalogue.read(path).items["attributes"].tolist() == [{"a": 1}, None]


def test_an_attribute_column_may_have_missing_cells(tmp_path: Path) -> None:
    path = text(
        tmp_path,
        lines([{"id": 1, "size": "M", "colour": "red"}, {"id": 2, "colour": "blue"}]),
        "shop.jsonl",
    )
    shop = Catalogue.read(path, columns={"attributes": ["size", "colour"]})
    assert shop.items["attributes"].tolist() == [{"size": "M", "colour": "red"}, {"colour": "blue"}]


def test_a_catalogues_items_can_be_saved_and_read_again(tmp_path: Path) -> None:
    frame = Catalogue("shop", pd.DataFrame({"title": ["mug"]}, index=["1"])).items
    frame.to_parquet(tmp_path / "shop.parquet")
    assert Catalogue.read(tmp_path / "shop.parquet").text() == ["mug"]


# what is refused, and how

WRONG = {
    "id,title\n1,a\n2,b\n1,c\n": "row 4, column 'id': id '1' stands already in row 2",
    "id,title\n1,a\n ,b\n": "row 3, column 'id': the id is empty",
    "id,attributes\n1,red\n": "row 2, column 'attributes': 'red' is no attribute table",
    "id,image\n1,\n2,b.png\n": "row 3, column 'image': no photo 'b.png' in ",
}


@pytest.mark.parametrize("content", WRONG)
def test_a_bad_cell_is_named_by_row_and_column_or_dropped_and_counted(
    content: str, tmp_path: Path, photos: Path
) -> None:
    path = text(tmp_path, content)
    with pytest.raises(ValueError, match="shop: 1 unreadable") as error:
        Catalogue.read(path, images=photos)
    assert WRONG[content] in str(error.value)
    rows = content.count("\n") - 1
    with pytest.warns(UserWarning, match=rf"dropped 1 of {rows} rows(.|\n)*row \d"):
        shop = Catalogue.read(path, images=photos, bad_rows="drop")
    assert len(shop) == rows - 1


def test_the_row_counts_records_so_newlines_in_cells_do_not_shift_it(tmp_path: Path) -> None:
    path = text(tmp_path, 'id,tags\n"1\n1",{}\n2,x\n')
    with pytest.raises(ValueError, match="row 3, column 'tags': 'x'"):
        Catalogue.read(path, columns={"attributes": "tags"})


def test_a_blank_line_does_not_shift_the_row(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="row 4, column 'attributes'"):
        Catalogue.read(text(tmp_path, "id,attributes\n1,{}\n\n2,x\n"))


def test_a_json_line_is_named_by_its_own_number(tmp_path: Path) -> None:
    rows = [{"id": 1, "attributes": {}}, {"id": 2, "attributes": "x"}]
    with pytest.raises(ValueError, match="row 2, column 'attributes'"):
        Catalogue.read(text(tmp_path, lines(rows), "shop.jsonl"))


def test_a_row_with_two_bad_cells_is_dropped_once_and_many_are_summed_up(tmp_path: Path) -> None:
    rows = "".join(f"{i},gone.png,y\n" for i in range(4))
    path = text(tmp_path, f"id,image,attributes\n{rows}9,,\n")
    with pytest.raises(ValueError, match=r"8 unreadable(.|\n)*… and 3 more"):
        Catalogue.read(path)
    with pytest.warns(UserWarning, match="dropped 4 of 5 rows"):
        assert Catalogue.read(path, bad_rows="drop").ids.tolist() == ["9"]
    with pytest.raises(ValueError, match='"drop" or "mend", got'):
        Catalogue.read(path, bad_rows="skip")


MAPPINGS = [
    (None, "unknown column 'sku'; Akin knows id, title"),
    ({"title": "name"}, "no id column"),
    ({"id": "skku"}, "no column 'skku' .*it has sku, name; did you mean 'sku'?"),
    ({"id": "sku", "titel": "name"}, "the field 'titel'; did you mean 'title'?"),
    ({"id": "sku", "attributes": ["name", "weight"]}, "no column 'weight'"),
]


@pytest.mark.parametrize(("columns", "message"), MAPPINGS)
def test_a_mapping_that_does_not_fit_says_what_would(
    columns: dict | None, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        Catalogue.read(text(tmp_path, "sku,name\n1,mug\n"), columns=columns)


FILES = {
    "empty.csv": (b"", "empty.csv.*UTF-8 with one header line"),
    "ragged.csv": (b"id,title\n1,mug\n2,cup,x\n", "ragged.csv.*line 3, saw 3"),
    "open.csv": (b'id,title\n1,"mug\n', "open.csv.*inside string"),
    "latin.csv": ("id,title\n1,café\n".encode("latin-1"), "latin.csv.*0xe9.*must be UTF-8"),
    "latin.jsonl": ('{"id": "café"}'.encode("latin-1"), "latin.jsonl, line 1: not UTF-8"),
    "bad.jsonl": (b'{"id": 1}\n\n{"id":\n', "bad.jsonl, line 3: not JSON"),
    "list.jsonl": (b"[1]", "list.jsonl, line 1: needs one JSON object a line, got"),
    "broken.parquet": (b"PAR1", "broken.parquet"),
    "book.xlsx": (b"", "book.xlsx.*'.xlsx' are not read; use .csv"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(FILES[name][0])
    with pytest.raises(ValueError, match=FILES[name][1]):
        Catalogue.read(tmp_path / name)


@pytest.mark.parametrize("end", [",new", ","])
def test_rows_all_longer_than_the_header_do_not_shift_the_columns(end: str, tmp_path: Path) -> None:
    try:
        shop = Catalogue.read(text(tmp_path, f"id,title\n1,mug{end}\n2,cup{end}\n"))
    except ValueError:
        return
    assert shop.ids.tolist() == ["1", "2"]


def test_a_missing_file_and_a_header_alone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv: no such file"):
        Catalogue.read(tmp_path / "nowhere.csv")
    shop = Catalogue.read(text(tmp_path, "id,title,price,image,attributes\n"))
    assert (len(shop), shop.text()) == (0, [])


# prices

PRICES = {
    1299.0: [
        "$1,299.00", "1.299,00 €", "1.299 €", "1 299,00 kr", "1\xa0299,00 €", "1\u202f299,00 €",
        "1'299.00", "1’299.00", "Rs. 1,299", "1,299", "￥1,299", 1299, "1.299E3",
    ],
    12.5: [
        "12.5", "12,50", "€12,50", "12.50 USD", "EUR 12,50", "Fr. 12.50", "US$ 12.50", "12,50 zł",
        "kr. 12,50", 12.5, "€12,50 per stuk", "12,50 kr.",
    ],
    1234567.0: ["1,234,567", "1.234.567", "1 234 567,00"],
    2179.99: ["R2 179,99 incl tax"],
    1.299: ["1.299"],  # a plain number is what Python says it is
    0.99: [".99", "0,99", "00.99"],
    12.0: ["12", "12.", " 12\n", "12元", "12,-", np.float32(12)],
    0.0: ["free", 0],
}  # fmt: skip


@pytest.mark.parametrize(
    ("spelling", "price"), [(s, p) for p, spellings in PRICES.items() for s in spellings]
)
def test_a_price_is_read_as_shops_write_it(spelling: object, price: float) -> None:
    assert parse_price(spelling) == price


NO_PRICES = [
    None, "", "  ", float("nan"), "nan", "N/A", "ask us", "$", "1.2.3", "inf", float("inf"), True,
    "-5", "$-5", "$ -.99", -1.0, "(12)", "\u221212",  # a bookkeeper's negative, a true minus sign
]  # fmt: skip


@pytest.mark.parametrize("spelling", NO_PRICES)
def test_what_is_no_price_is_missing(spelling: object) -> None:
    assert np.isnan(parse_price(spelling))


def test_an_unreadable_price_is_missing_counted_and_costs_no_product(tmp_path: Path) -> None:
    cells = ["3", "ask", "", "$-5", "ask", "soon", "€16,99 per stuk", "never"]
    rows = [{"id": i, "price": cell} for i, cell in enumerate(cells)]
    path = text(tmp_path, lines(rows), "shop.jsonl")
    with pytest.warns(UserWarning) as said:
        shop = Catalogue.read(path)
    assert [str(w.message) for w in said] == [
        "shop: 5 of 8 prices cannot be read and are missing, such as 'ask', '$-5', 'soon'"
    ]
    assert len(shop) == 8
    np.testing.assert_array_equal(shop.items["price"], [3, *[np.nan] * 5, 16.99, np.nan])
