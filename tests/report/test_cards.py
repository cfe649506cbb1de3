"""What a run asked and found, in a sentence each."""

import nbformat
import pytest

from lib.report.cards import answer, question
from lib.report.notebook_page import render_page
from lib.report.parameters import NOTEBOOKS

BASE = {"mean": 0.5, "low": 0.4, "high": 0.6, "difference": None, "p": None}
BETTER = {"mean": 0.6, "low": 0.5, "high": 0.7, "difference": 0.1}
BETTER |= {"difference_low": 0.05, "difference_high": 0.15, "p": 0.001}


def test_the_answer_is_the_best_of_the_first_table():
    table = {"words": {"hit@1": BASE, "ndcg@10": BASE}, "both": {"hit@1": BETTER, "ndcg@10": BASE}}
    says = "Best by hit@1: both, 0.600 [0.500, 0.700], 0.100 [0.050, 0.150] more than words."
    assert answer({"found": table, "later": {}}, "hit@1") == says
    unsure = {"words": {"hit@1": BASE}, "both": {"hit@1": BETTER | {"p": 0.3}}}
    assert answer({"x": unsure}).endswith("; it cannot be told from words (p 0.3).")
    assert answer({"x": table, "answer": "Nothing helps."}) == "Nothing helps."
    assert answer({"rows": 7}) == ""


@pytest.mark.parametrize("notebook", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda p: p.stem)
def test_every_notebook_asks_something(notebook):
    assert question(notebook).endswith("?")


def test_what_was_learned_from_other_data_is_not_on_a_page(tmp_path):
    new = nbformat.v4
    told = new.new_markdown_cell(
        "Colour wins.", metadata={"tags": ["about:bazaar", "about:flipkart"]}
    )
    notebook = new.new_notebook(cells=[new.new_markdown_cell("For all."), told])
    nbformat.write(notebook, tmp_path / "n.ipynb")
    for about, shown in (("flipkart", True), ("my-shop", False), ("", False)):
        page = render_page(tmp_path / "n.ipynb", title="n", about=about).read_text()
        assert "For all." in page
        assert ("Colour wins." in page) == shown
