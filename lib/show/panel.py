"""The explorer's widgets: what a person picks and slides, and the view that follows.

Neighbours are found in `neighbourhood.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
import numpy as np

from lib.data.catalogue import Catalogue
from lib.data.task import Task
from lib.encoders.embeddings import Embeddings
from lib.show.cards import scene
from lib.show.neighbourhood import Neighbourhood, with_moves

MATCHES = 50  # products offered for a search
MIX = "mix, by the weights"
EVERY = "every category"


class Panel:
    """Controls above, neighbours below; a notebook shows `widget`."""

    def __init__(
        self, catalogue: Catalogue, embeddings: Mapping[str, Embeddings], task: Task | None = None
    ) -> None:
        self.catalogue, self.embeddings, self.task = catalogue, embeddings, task
        self.search = _control(widgets.Text, "search", placeholder="part of a title or id")
        self.product = _control(widgets.Select, "product", options=self._matches(), rows=5)
        self.encoder = _control(widgets.Dropdown, "encoder", options=[MIX, *embeddings])
        slider = {"value": 0.5, "min": 0, "max": 1, "step": 0.05}
        self.weights = [
            _control(widgets.FloatSlider, name, tooltip=name, **slider) for name in embeddings
        ]
        categories = sorted({c for c in catalogue.category(0) if c is not None})
        self.category = _control(widgets.Dropdown, "category", options=[EVERY, *categories])
        self.price = self._price_slider()
        self.view = widgets.HTML()
        self._pick()
        self._listen()
        self.widget = widgets.VBox([self._controls(), self.view])

    def _repr_mimebundle_(self, **_: object) -> dict:
        """The widget; for programs without widgets the neighbours as they are now."""
        return {"text/html": self.view.value} | self.widget._repr_mimebundle_()

    def _price_slider(self) -> widgets.FloatRangeSlider:
        prices = self.catalogue.items["price"].dropna()
        low, high = (np.floor(prices.min()), np.floor(prices.max()) + 1) if len(prices) else (0, 1)
        return _control(
            widgets.FloatRangeSlider,
            "price",
            value=(low, high),
            min=low,
            max=high,
            step=(high - low) / 100,
            readout_format=".0f",
            disabled=prices.empty,
        )

    def _controls(self) -> widgets.Box:
        layout = widgets.Layout(flex="1 1 17rem", min_width="15rem")
        groups = (
            [self.search, self.product],
            [self.encoder, *self.weights],
            [self.category, self.price],
        )
        columns = [widgets.VBox(group, layout=layout) for group in groups]
        return widgets.Box(columns, layout=widgets.Layout(flex_flow="row wrap"))

    def _listen(self) -> None:
        self.search.observe(self._offer, "value")
        self.product.observe(self._pick, "value")
        for control in (self.encoder, *self.weights, self.category, self.price):
            control.observe(self._show, "value")

    def _matches(self) -> list[tuple[str, int]]:
        """The first products whose title or id holds every word searched, as (label, position)."""
        words = self.search.value.lower().split()
        titles = zip(self.catalogue.items["title"], self.catalogue.ids, strict=True)
        labels = [f"{title or '(no title)'} · {product}" for title, product in titles]
        found = [
            (label, row)
            for row, label in enumerate(labels)
            if all(word in label.lower() for word in words)
        ]
        return found[:MATCHES]

    def _offer(self, _: object = None) -> None:
        self.product.options = self._matches()  # the first of them is picked,
        if self.product.options and self.product.index is None:  # but not after there were none
            self.product.index = 0

    def _pick(self, _: object = None) -> None:
        row = self.product.value
        if row is not None:
            self.around = Neighbourhood(self.catalogue, self.embeddings, row, self.task)
        self._show()

    def _show(self, _: object = None) -> None:
        if self.product.value is None:
            self.view.value = "No product matches the search."
            return
        mixing = self.encoder.value == MIX
        for slider in self.weights:
            slider.disabled = not mixing
        if mixing:
            weights = [slider.value for slider in self.weights]
        else:
            weights = [float(name == self.encoder.value) for name in self.embeddings]
        category = None if self.category.value == EVERY else self.category.value
        whole = self.price.value == (self.price.min, self.price.max)
        # products without a price stay while the slider spans every price
        filters = {"category": category, "price": None if whole else self.price.value}
        now = self.around.nearest(weights, **filters)
        equal = self.around.nearest(np.ones(len(weights)), **filters)
        columns = {self._heading(weights): with_moves(now, equal)}
        shown = scene(self.catalogue, self.around.row, columns, self.around.gains)
        self.view.value = shown.html()

    def _heading(self, weights: list[float]) -> str:
        total = sum(weights)
        if not total:
            return "every weight is 0: raise one"
        named = zip(weights, self.embeddings, strict=True)
        shares = " + ".join(f"{weight / total:.2f} · {name}" for weight, name in named if weight)
        return f"{shares} (▲ ▼ new: against equal weights)" if len(weights) > 1 else shares


def _control(kind: type[widgets.Widget], name: str, **options: object) -> widgets.Widget:
    layout = widgets.Layout(width="auto")
    style = {"description_width": "6rem"}
    return kind(description=name, layout=layout, style=style, **options)
