"""A shopper in words: how many purchases, the categories and brands bought most, and the prices."""

from __future__ import annotations

import pandas as pd

from lib.data.purchases import Purchases


def shopper_profile(history: Purchases, user: str, *, top: int = 3) -> str:
    """What a shopper's purchases have in common, in one sentence.

    Up to `top` categories (deepest level) and brands come with their share of all purchases; the
    prices are the quartiles of what was paid. Raises KeyError for an unknown shopper.
    """
    if user not in history.users.items.index:
        raise KeyError(f"no shopper {user!r} among {len(history.users)}")
    columns = history.columns[history.rows == history.users.items.index.get_loc(user)]
    if not len(columns):
        return f"{user}: no purchase yet"
    bought = history.items.items.iloc[columns]
    said = [f"{user}: {len(columns)} purchase{'s' if len(columns) > 1 else ''}"]
    said += _shares("of", bought["category"].str.split(" > ").str[-1], top)
    said += _shares("by", bought["brand"], top)
    if bought["price"].notna().any():
        low, median, high = bought["price"].quantile([0.25, 0.5, 0.75])
        said.append(f"at {low:,.2f} to {high:,.2f}, half of them below {median:,.2f}")
    return "; ".join(said)


def _shares(preposition: str, values: pd.Series, top: int) -> list[str]:
    """The commonest values with their shares as one phrase; none where every value is missing."""
    counts = values.value_counts(sort=False).sort_values(ascending=False, kind="stable").head(top)
    shares = [f"{name} ({count / len(values):.0%})" for name, count in counts.items()]
    return [f"{preposition} {', '.join(shares)}"] if shares else []
