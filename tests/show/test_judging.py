"""The panel takes keys and buttons, and in JupyterLab twenty judgements outlive a reload."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from lib import Catalogue
from lib.show import judging as module
from lib.show.judging import JudgePanel, judge
from tests.lab import jupyterlab, run_all

CELLS = [
    """from lib import embed, encoder, load, search
from lib.decision.judging import Judging
from lib.show.judging import judge
task = load("bazaar", rows=120).tasks["same product"]
parts = [embed(encoder(name).fit(task.corpus), task.corpus) for name in ("tfidf", "lsa")]
found = [search(part, part, 10, exclude=task.exclude) for part in parts]
rankings = dict(zip(("words", "topics"), found))""",
    """session = Judging(rankings, task.queries, task.corpus, file=FILE)
judge(session)""",
]


class Asked:
    """A session of three pairs that keeps what it was told."""

    queries = corpus = Catalogue(
        "c", pd.DataFrame({"title": ["<b>mug</b>", "cup", None], "group": ["g", "h", "i"]})
    )
    pairs, verdict = 3, ""

    def __init__(self):
        self.given = []

    @property
    def judged(self):
        return len(self.given)

    @property
    def pair(self):
        return (0, self.judged) if self.judged < 3 else None

    def judge(self, label):
        self.given.append(label)

    def undo(self):
        return bool(self.given and self.given.pop())

    def table(self):
        return pd.DataFrame({"estimate": [np.nan], "low": 0.0, "high": 1.0}, index=["a"])


@pytest.fixture
def panel(monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0)
    return JudgePanel(Asked())


def test_keys_judge_and_take_back(panel):
    for key in "1", "U", "x", "z", "n":
        panel.key.value = key
        assert panel.key.value == ""
    assert panel.session.given == ["same", "unrelated"]
    assert "2 judged" in panel.view.value
    panel.buttons["complement"].click()
    panel.buttons["same"].click()  # nothing is left
    assert panel.session.given == ["same", "unrelated", "complement"]
    assert "Every pair is judged" in panel.view.value
    panel.undo.click()
    assert panel.session.judged == 2


def test_a_key_that_comes_too_soon_does_not_count(panel, monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 60)
    panel.key.value = "1"
    assert panel.session.given == []


def test_what_a_shop_wrote_is_escaped_and_the_group_is_hidden(panel):
    assert "<b>mug</b>" not in panel.view.value and "group" not in panel.view.value


def test_a_report_shows_the_table_or_that_nobody_judged(monkeypatch, capsys):
    monkeypatch.setattr(module, "interactive", lambda: False)
    session = Asked()
    assert judge(session) is None
    assert "Nobody has judged yet" in capsys.readouterr().out
    session.judge("same")
    assert list(judge(session)) == ["estimate", "low", "high"]


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_twenty_judgements_by_keyboard_outlive_a_reload(page, tmp_path):
    page.allowed = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:", "about:")
    file = tmp_path / "judgements.jsonl"
    cells = [f"FILE = {str(file)!r}\n{CELLS[0]}", CELLS[1]]
    with jupyterlab([], cells={"judge.ipynb": cells}) as address:
        assert run_all(page, address, "judge.ipynb") == []
        key = page.get_by_placeholder("click here").first
        key.click()
        for number in range(20):
            pair = page.locator(".jupyter-widgets .akin-judging [data-judged]")
            pair.and_(page.locator(f'[data-judged="{number}"]')).first.wait_for(timeout=60_000)
            page.wait_for_timeout(1000 * module.PAUSE)
            page.keyboard.press("14su"[number % 4])
        page.locator('.jupyter-widgets [data-judged="20"]').first.wait_for(timeout=60_000)
        page.screenshot(path=tmp_path / "judging.png")
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        assert [line["gain"] for line in lines] == [3, 0, 3, 2] * 5
        page.reload()
        assert run_all(page, address, "judge.ipynb") == []
        page.locator('.jupyter-widgets [data-judged="20"]').first.wait_for(timeout=60_000)
        page.goto("about:blank")  # before the server goes
    assert len(file.read_text().splitlines()) == 20
