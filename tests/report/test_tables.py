"""Tables say what compare() said: the best in bold, p starred, every name escaped for where it
stands.
"""

import json
import re

import numpy as np
import pandas as pd
import pytest

from lib import compare
from lib.report import record
from lib.report.results import recorded_tables
from lib.report.tables import LATEX, styled, table_latex, table_markdown

NASTY = r"a&b %_$#{}~^\ <script>|*`"


@pytest.fixture
def table():
    """By hand: b is better at m@1 and starred, a and b tie at n@2 as printed."""
    rows = [
        ("m@1", "a", 0.5, 0.4, 0.6, np.nan, np.nan, np.nan, np.nan),
        ("m@1", NASTY, 0.7, 0.6, 0.8, 0.2, 0.1, 0.3, 0.0123),
        ("n@2", "a", 0.25, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan),
        ("n@2", NASTY, 0.2501, 0.1, 0.3, 0.0001, -0.1, 0.1, 0.9),
    ]
    columns = [
        "metric",
        "method",
        "mean",
        "low",
        "high",
        "difference",
        "difference_low",
        "difference_high",
        "p",
    ]
    return (
        pd.DataFrame(rows, columns=columns)
        .set_index(["metric", "method"])
        .assign(queries=9, empty=1)
    )


def test_latex_by_hand(table):
    text = table_latex(table, caption="50 % of it_all.", label="tab:x")
    assert text.split(r"\toprule")[1].split(r"\midrule")[0].strip() == r"& m@1 & n@2 \\"
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    assert body[0] == r"a & 0.500 [0.400, 0.600] & \textbf{0.250} \\"
    name = r"a\&b \%\_\$\#\{\}\textasciitilde{}\textasciicircum{}\textbackslash{} "
    name += r"\textless{}script\textgreater{}\textbar{}*`"
    assert (
        body[1]
        == name + r" & \textbf{0.700} [0.600, 0.800]$^{*}$ & \textbf{0.250} [0.100, 0.300] \\"
    )
    caption = r"\caption{50 \% of it\_all. Mean [interval]; best in bold; * differs from a, "
    assert caption + r"p \textless{} 0.05" in text
    assert (
        r"\label{tab:x}" in text
        and r"\begin{tabular}{lrr}" in text
        and text.count(r"\toprule") == 1
    )
    unescaped = re.sub(r"\\[{}]", "", text)
    assert unescaped.count("{") == unescaped.count("}")


def test_no_character_is_escaped_twice_or_forgotten():
    for character in "&%$#_{}":
        assert character.translate(LATEX) == "\\" + character
    assert "\\%".translate(LATEX) == r"\textbackslash{}\%"
    assert "a\nb".translate(LATEX) == "a b"


def test_markdown_by_hand(table):
    lines = table_markdown(table).splitlines()
    assert lines[:3] == [
        "| method | m@1 | n@2 |",
        "| --- | ---: | ---: |",
        "| a | 0.500 [0.400, 0.600] | **0.250** |",
    ]
    assert lines[3].startswith(
        r"| a\&b %\_\$\#\{\}\~^\\ \<script\>\|\*\` | **0.700** [0.600, 0.800] \* |"
    )
    assert len(re.findall(r"(?<!\\)\|", lines[3])) == 4  # a name's own bar opens no column
    assert lines[-1].startswith(r"Mean \[interval\]; best in bold; \* differs from a")


def test_other_tables_are_refused(table):
    with pytest.raises(ValueError, match=r"indexed by metric and method; got \['method'\]"):
        table_markdown(table.loc["m@1"])
    with pytest.raises(ValueError, match=r"needs a table of compare\(\).*\['x'\]"):
        styled(pd.DataFrame({"x": [1]}))


def test_a_table_without_tests_claims_none(table):
    alone = table.drop(index=[("m@1", NASTY), ("n@2", NASTY)])
    assert "*" not in table_latex(alone) and "differs" not in table_markdown(alone)
    assert "–" in table_markdown(table.drop(index=[("n@2", "a")]))  # a hole is no zero


def html_rows(style) -> list[list[str]]:
    body = style.to_html().split("<tbody>")[1]
    rows = [re.findall(r"<t[hd].*?</t[hd]>", row, re.S) for row in body.split("</tr>")[:-1]]
    return [[re.sub("<[^>]+>", "", cell).strip() for cell in row] for row in rows]


def test_styled_rows_by_hand(table):
    rows = html_rows(styled(table))
    assert rows[0] == ["m@1", "a", "0.500", "[0.400, 0.600]", "", "", ""]
    assert rows[1][-5:] == ["0.700", "[0.600, 0.800]", "+0.200", "[0.100, 0.300]", "0.0123 *"]
    page = styled(table).to_html()
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "9 queries, 1 more with nothing relevant" in page
    assert page == styled(table).to_html()  # no random ids


def test_the_best_is_bold_within_its_metric_and_set(table):
    both = pd.concat({"one": table, "two": table * 0.5}, names=["set"])
    bold = re.findall(r"(#T_\w+?_row\d+_col0[^{]*)\{[^}]*bold", styled(both).to_html())
    assert set(re.findall(r"row(\d+)", " ".join(bold))) == {"1", "2", "3", "5", "6", "7"}
    assert len(html_rows(styled(table.loc["m@1"]))) == 2


def test_recorded_tables_are_found_again(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    frames = {m: pd.DataFrame(rng.random((20, 2)), columns=["m@1", "n@2"]) for m in ("a", NASTY)}
    written = compare(frames, baseline="a")
    monkeypatch.setenv("AKIN_RUN", str(tmp_path))
    record(
        shop={"same": written},
        other={"deep": {"x": 1.0}},
        best="a",
        cost=pd.DataFrame({"seconds": [1.0]}),
    )
    results = json.loads((tmp_path / "recorded.json").read_text())["results"]
    ((keys, table),) = recorded_tables(results)
    assert keys == ("shop", "same")
    pd.testing.assert_frame_equal(table, written, atol=1e-6, check_dtype=False)
    assert table["queries"].dtype.kind == "i"
    assert table_latex(table) == table_latex(written)
    assert list(recorded_tables({})) == []
