"""The decision card as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lib.show.cards import template


@dataclass(frozen=True)
class DecisionCard:
    """A card's values, shown by a notebook as HTML; whatever a shop wrote is escaped.

    It needs pipeline, sentence, command, seconds and bytes per million, and may have a worst group,
    mistakes and warnings.
    """

    values: Mapping[str, object]

    def _repr_html_(self) -> str:
        return template("decision.html.j2").render(card=self.values)

    def __repr__(self) -> str:
        return f"{self.values['sentence']}\n{self.values['command']}"
