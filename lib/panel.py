"""The explorer's widgets: what is picked and slid, and the view that follows. Neighbours are found in `explorer.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lib.encoders.base import require
from lib.explorer import Explorer, moved
from lib.gallery import Card, Scene, card

if TYPE_CHECKING:
    import ipywidgets

MATCHES = 50  # products offered for a search
MIX = "mix, by the weights"
EVERY = "every category"


class Panel:
    """Controls above, neighbours below; `widget` is what a notebook shows."""

    def __init__(self, explorer: Explorer) -> None:
        self.explorer = explorer
        w = require("ipywidgets", "ipywidgets")
        wide = {"description_width": "6rem"}
        self.search = w.Text(placeholder="part of a title or id", description="search", style=wide)
        self.product = w.Select(options=self._matches(""), rows=5, description="product", style=wide)
        self.encoder = w.Dropdown(options=[MIX, *explorer.embeddings], description="encoder", style=wide)
        self.weights = {
            name: w.FloatSlider(value=0.5, min=0, max=1, step=0.05, description=name, tooltip=name, style=wide)
            for name in explorer.embeddings
        }
        categories = sorted({c for c in explorer.catalogue.category(0) if c is not None})
        self.category = w.Dropdown(options=[EVERY, *categories], description="category", style=wide)
        self.price = self._price_slider(w, wide)
        self.view = w.HTML()
        self._pick()
        self._listen()
        self.widget = self._laid_out(w)

    def _price_slider(self, w: ipywidgets, style: dict) -> ipywidgets.FloatRangeSlider | None:
        prices = self.explorer.catalogue.items["price"].dropna()
        if prices.nunique() < 2:
            return None
        low, high = float(np.floor(prices.min())), float(np.ceil(prices.max()))
        return w.FloatRangeSlider(value=(low, high), min=low, max=high, step=(high - low) / 100, readout_format=".0f",
                                  description="price", style=style)  # fmt: skip

    def _laid_out(self, w: ipywidgets) -> ipywidgets.VBox:
        groups = [self.search, self.product], [self.encoder, *self.weights.values()], [self.category, self.price]
        boxes = []
        for group in groups:
            controls = [control for control in group if control is not None]
            for control in controls:
                control.layout.width = "auto"
            boxes.append(w.VBox(controls, layout=w.Layout(flex="1 1 17rem", min_width="15rem")))
        return w.VBox([w.Box(boxes, layout=w.Layout(flex_flow="row wrap")), self.view])

    def _listen(self) -> None:
        self.search.observe(self._offer, "value")
        self.product.observe(self._pick, "value")
        for control in (self.encoder, *self.weights.values(), self.category, self.price):
            if control is not None:
                control.observe(self._show, "value")

    def _matches(self, text: str) -> list[tuple[str, int]]:
        """The first products whose title or id holds every word, as (label, position)."""
        catalogue, found = self.explorer.catalogue, []
        words = text.lower().split()
        for row, (product, title) in enumerate(zip(catalogue.ids, catalogue.items["title"], strict=True)):
            label = f"{title or '(no title)'} · {product}"
            if all(word in label.lower() for word in words):
                found.append((label, row))
                if len(found) == MATCHES:
                    break
        return found

    def _offer(self, _: object = None) -> None:
        self.product.options = self._matches(self.search.value)  # the first of them is picked,
        if self.product.options and self.product.index is None:  # but not after there were none
            self.product.index = 0

    def _pick(self, _: object = None) -> None:
        if self.product.value is not None:
            self.known = self.explorer.similarities(self.product.value)
        self._show()

    def _show(self, _: object = None) -> None:
        row = self.product.value
        if row is None:
            self.view.value = "No product matches the search."
            return
        mixing = self.encoder.value == MIX
        for slider in self.weights.values():
            slider.disabled = not mixing
        weights = {n: s.value for n, s in self.weights.items()} if mixing else {self.encoder.value: 1.0}
        cards = moved(self._found(row, weights), self._found(row, None))
        scene = Scene(card(self.explorer.catalogue, row), {_says(weights): cards}, self.explorer.relevant(row))
        self.view.value = scene.html()

    def _found(self, row: int, weights: dict[str, float] | None) -> list[Card]:
        category = None if self.category.value == EVERY else self.category.value
        price = None
        if self.price is not None and self.price.value != (self.price.min, self.price.max):
            price = self.price.value
        return self.explorer.neighbours(row, weights, category=category, price=price, similarities=self.known)


def _says(weights: dict[str, float]) -> str:
    total = sum(weights.values())
    if not total:
        return "every weight is 0: raise one"
    shares = " + ".join(f"{w / total:.2f} · {name}" for name, w in weights.items() if w)
    return f"{shares} (▲ ▼ new: against equal weights)" if len(weights) > 1 else shares
