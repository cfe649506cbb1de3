"""Parameters are resolved and checked before a kernel starts: names, types, nested values,
profiles.
"""

import pytest

from lib.report import parameters
from lib.report.parameters import (
    default_parameters,
    find_notebook,
    profile_runs,
    read_values,
    resolve,
    safe_name,
)
from tests.report.runs import write_notebook

CELL = """ROWS = 3
NAMES = ['a']
RATE = 0.5
FLAG = False
ANY = None
ENCODERS = {'words': {'encoder': 'tfidf', 'fields': ['title']}, 'photo': {'encoder': 'colour'}}"""


@pytest.fixture
def notebook(tmp_path):
    return write_notebook(tmp_path / "toy.ipynb", parameters=CELL)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"ROW": 4}, "no parameter 'ROW'.*did you mean 'ROWS'"),
        ({"ROWS": "four"}, "ROWS is int"),
        ({"ROWS": True}, "ROWS is int"),
        ({"FLAG": 1}, "FLAG is bool"),
        ({"NAMES": "a"}, "NAMES is list"),
        ({"NAMES": ["a", 2]}, "NAMES is list"),
        ({"ENCODER.words.encoder": "lsa"}, "no parameter 'ENCODER'.*did you mean 'ENCODERS'"),
        ({"ENCODERS.word.encoder": "lsa"}, "ENCODERS has no 'word'.*did you mean 'words'"),
        (
            {"ENCODERS.words.encodr": "lsa"},
            "ENCODERS.words has no 'encodr'.*did you mean 'encoder'",
        ),
        ({"ENCODERS.words.encoder": 5}, "ENCODERS.words.encoder is str"),
        ({"ENCODERS.words.encoder.x": 5}, "'tfidf', which has nothing named 'x' inside"),
        ({"ENCODERS.words.fields.0": "brand"}, r"\['title'\], which has nothing named '0' inside"),
        ({"ROWS.0": 5}, "ROWS is 3, which has nothing named '0' inside"),
    ],
)
def test_wrong_names_and_types_are_refused_with_the_nearest(notebook, asked, message):
    with pytest.raises(ValueError, match=message):
        resolve(notebook, asked)


def test_dotted_names_reach_into_dicts(notebook):
    asked = {
        "ENCODERS.words.encoder": "lsa",
        "ENCODERS.words.fields": ["brand"],
        "ENCODERS.photo.bins": 8,
        "ENCODERS.letters.encoder": "letters:Letters",
    }
    (found,) = resolve(notebook, asked)
    found = found["ENCODERS"]
    assert found == {
        "words": {"encoder": "lsa", "fields": ["brand"]},
        "photo": {"encoder": "colour", "bins": 8},
        "letters": {"encoder": "letters:Letters"},
    }
    assert (
        resolve(notebook)[0]["ENCODERS"]["words"]["encoder"] == "tfidf"
    )  # the default is as it was


def test_a_dotted_name_after_the_whole_value_changes_the_copy_only(notebook):
    given = {"words": {"encoder": "minilm"}}
    (found,) = resolve(notebook, {"ENCODERS": given, "ENCODERS.words.encoder": "lsa"})
    assert found["ENCODERS"] == {"words": {"encoder": "lsa"}}
    assert given == {"words": {"encoder": "minilm"}}


def test_int_fits_float_tuple_fits_list_and_none_takes_anything(notebook):
    (found,) = resolve(notebook, {"RATE": 1, "NAMES": ("b", "c"), "ANY": [1, "x"]})
    assert (found["RATE"], found["NAMES"], found["ANY"]) == (1, ("b", "c"), [1, "x"])


def test_asked_wins_over_the_profile_and_the_profile_over_the_notebook(notebook, monkeypatch):
    given = {
        "toy": {"default": {}, "small": {"ROWS": 5, "RATE": 0.1, "ENCODERS.words.encoder": "lsa"}}
    }
    monkeypatch.setattr(parameters, "profiles", lambda: given)
    (found,) = resolve(notebook, {"RATE": 0.9}, profile="small")
    assert (found["ROWS"], found["RATE"], found["ENCODERS"]["words"]["encoder"], found["FLAG"]) == (
        5,
        0.9,
        "lsa",
        False,
    )


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """A notebook whose profile lists a run for each of two data sets."""
    runs = [{"DATASET": "abt-buy", "ROWS": 5}, {"DATASET": "beauty"}]
    twice = [{"DATASET": "beauty"}, {"DATASET": "beauty", "ROWS": 5}]
    given = {"toy": {"default": {}, "reference": runs, "twice": twice}}
    monkeypatch.setattr(parameters, "profiles", lambda: given)
    return write_notebook(tmp_path / "toy.ipynb", parameters="ROWS = 3\nDATASET = 'bazaar'")


def test_a_profile_may_list_a_run_for_each_data_set(listed):
    runs = resolve(listed, {"ROWS": 7}, profile="reference")
    assert runs == [{"ROWS": 7, "DATASET": "abt-buy"}, {"ROWS": 7, "DATASET": "beauty"}]
    picked = resolve(listed, {"DATASET": "abt-buy"}, profile="reference")
    assert picked == [{"ROWS": 5, "DATASET": "abt-buy"}]
    assert resolve(listed, {"DATASET": "beauty"}) == [{"ROWS": 3, "DATASET": "beauty"}]


def test_a_data_set_stands_once_in_a_profile_and_only_listed_ones_are_picked(listed):
    with pytest.raises(ValueError, match=r"a DATASET of its own, got \['beauty', 'beauty'\]"):
        resolve(listed, profile="twice")
    with pytest.raises(ValueError, match="no run for the data set 'games'; it has abt-buy, beauty"):
        resolve(listed, {"DATASET": "games"}, profile="reference")


def test_folder_names_are_plain_and_tell_texts_apart():
    assert safe_name("abt-buy") == "abt-buy"
    for text in ("../victim", "a/b", "..", "", ".x", "z" * 300, "a b"):
        name = safe_name(text)
        assert name not in {"", ".", ".."} and not name.startswith(".") and "/" not in name
        assert name != text and len(name) <= 80
    assert safe_name("a/b") != safe_name("a b")


def test_parameters_cell_takes_literals_only(tmp_path):
    notebook = write_notebook(tmp_path / "n.ipynb", parameters="ROWS = 3\nHALF = ROWS / 2")
    with pytest.raises(ValueError, match="line 2: write NAME = literal"):
        default_parameters(notebook)


def test_unknown_notebook_and_profile_are_named():
    with pytest.raises(FileNotFoundError, match="did you mean '00_quickstart'"):
        find_notebook("quickstart")
    with pytest.raises(ValueError, match="has the profiles"):
        profile_runs(find_notebook("00_quickstart"), "huge")


@pytest.mark.parametrize(
    ("text", "value"), [("1e-3", 1e-3), ("-2.5E+4", -2.5e4), (".5e1", 5.0), ("[1e2]", [100.0])]
)
def test_powers_of_ten_are_numbers(text, value):
    assert read_values(text) == value
    assert read_values("e-3") == "e-3"
    assert read_values("1e-3m") == "1e-3m"
