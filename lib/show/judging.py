"""The panel in which a person judges pairs: a product, a candidate, one key.

It shows and asks; what is drawn, kept and estimated is the session's business, such as
`lib.decision.judging.Judging`.
"""

from __future__ import annotations

import time
from typing import Protocol

import ipywidgets as widgets
import pandas as pd

from lib.data.catalogue import Catalogue
from lib.data.cells import present
from lib.show.cards import Card, card, template
from lib.show.explorer import interactive

KEYS = {"same": "1s", "substitute": "2u", "complement": "3c", "unrelated": "4n"}
UNDO = "z"
PAUSE = 0.15  # seconds: a key that comes sooner was not meant for the pair now shown
FACTS = "description", "brand", "category", "price", "attributes"  # others may be the answer
LONGEST = 300  # letters of a fact


class Session(Protocol):
    """What the panel needs; rows of `table` are means, with `estimate` and its interval."""

    queries: Catalogue
    corpus: Catalogue
    pair: tuple[int, int] | None
    judged: int
    pairs: int
    verdict: str

    def judge(self, label: str) -> None:
        """Take the label of the pair, and keep it."""

    def undo(self) -> bool:
        """Take the last label back."""

    def table(self) -> pd.DataFrame:
        """What is known by now."""


def judge(session: Session) -> JudgePanel | pd.DataFrame | None:
    """A panel for notebooks that shows pair after pair and takes a key for each.

    1 or s: the same product, 2 or u: a substitute, 3 or c: a complement, 4 or n: unrelated; z takes
    the last one back. In a report, and wherever nobody can press keys, the session's table takes
    the panel's place; None, and a line that says so, where nobody has judged.
    """
    if interactive():
        return JudgePanel(session)
    if session.judged:
        return session.table()
    print("Nobody has judged yet: open this notebook in JupyterLab and press keys here.")
    return None


class JudgePanel:
    """Keys and buttons above, the pair and the estimates below; a notebook shows `widget`."""

    def __init__(self, session: Session) -> None:
        self.session = session
        hint = "click here; then 1 2 3 4 or s u c n judge, z takes back"
        layout = widgets.Layout(width="24rem")
        self.key = widgets.Text(placeholder=hint, layout=layout, description="key")
        self.buttons = {
            label: widgets.Button(description=f"{keys[0]} {label}") for label, keys in KEYS.items()
        }
        self.undo = widgets.Button(description=f"{UNDO} take back")
        self.view = widgets.HTML()
        self.key.observe(self._typed, "value")
        for label, button in self.buttons.items():
            button.on_click(lambda _, label=label: self._judge(label))
        self.undo.on_click(lambda _: self._undo())
        self._show()
        row = widgets.Layout(flex_flow="row wrap")
        controls = widgets.Box([self.key, *self.buttons.values(), self.undo], layout=row)
        self.widget = widgets.VBox([controls, self.view])

    def _repr_mimebundle_(self, **_: object) -> dict:
        """The widget; for programs without widgets the pair as it is now."""
        return {"text/html": self.view.value} | self.widget._repr_mimebundle_()

    def _typed(self, change: dict) -> None:
        key = change["new"].strip().lower()[-1:]
        if not key:
            return
        self.key.value = ""
        if time.monotonic() - self._since < PAUSE:
            return
        if key == UNDO:
            self._undo()
        for label, keys in KEYS.items():
            if key in keys:
                self._judge(label)

    def _judge(self, label: str) -> None:
        if self.session.pair is not None:
            self.session.judge(label)
            self._show()

    def _undo(self) -> None:
        self.session.undo()
        self._show()

    def _show(self) -> None:
        session, sides = self.session, []
        if session.pair is not None:
            shown = zip(
                ("product", "candidate"), (session.queries, session.corpus), session.pair,
                strict=True,
            )  # fmt: skip
            sides = [(heading, *_side(catalogue, row)) for heading, catalogue, row in shown]
        table = session.table().round(3).to_html(border=0, na_rep="–")
        page = template("judging.html.j2")
        self.view.value = page.render(session=session, sides=sides, table=table)
        self._since = time.monotonic()


def _side(catalogue: Catalogue, row: int) -> tuple[Card, dict[str, str]]:
    """A product's card and its other facts."""
    item = catalogue.items.iloc[row]
    told = present({name: item[name] for name in FACTS})
    told |= told.pop("attributes", {})
    return card(catalogue, row), {name: str(value)[:LONGEST] for name, value in told.items()}
