"""What a run asked and found, each in a sentence: the cards at the top of the page over all runs.

A notebook may say its own finding with `record(answer="…")`; else it is made of its first table.
"""

from __future__ import annotations

import re
from pathlib import Path

from lib.report.results import is_mean, leaves

LEVEL = 0.05  # a p below it is called a difference


def question(notebook: Path) -> str:
    """What a notebook asks: the bold words of its first cell."""
    import nbformat

    cells = nbformat.read(notebook, 4).cells
    bold = re.findall(r"\*\*(.+?)\*\*", cells[0].source, re.S) if cells else []
    words = " ".join(" ".join(bold).split())
    return words[:1].upper() + words[1:]


def answer(results: dict, metric: str | None = None) -> str:
    """What a run found, in one sentence; "" where it compared nothing.

    The best method of the first table by `metric`, else nDCG, else the first metric, beside the
    method that the others were compared with.

    >>> table = {"words": {"hit@1": {"mean": 0.5, "low": 0.4, "high": 0.6, "difference": None}}}
    >>> gain = {"difference": 0.1, "difference_low": 0.05, "difference_high": 0.15, "p": 0.001}
    >>> table["both"] = {"hit@1": {"mean": 0.6, "low": 0.5, "high": 0.7} | gain}
    >>> answer({"found": table})
    'Best by hit@1: both, 0.600 [0.500, 0.700], 0.100 [0.050, 0.150] more than words.'
    """
    if isinstance(results.get("answer"), str):
        return results["answer"]
    known = [(path, v) for path, v in leaves(results) if is_mean(v) and v["mean"] is not None]
    known = [(path, value) for path, value in known if len(path) > 1 and "low" in value]
    if not known:
        return ""
    first = [(path, value) for path, value in known if path[:-2] == known[0][0][:-2]]
    measures = [path[-1] for path, _ in first]
    wanted = (metric or "ndcg@", "ndcg@", "")
    chosen = next(m for start in wanted for m in measures if m.startswith(start))
    same = {path[-2]: value for path, value in first if path[-1] == chosen}
    best = max(same, key=lambda method: same[method]["mean"])
    base = next((method for method, v in same.items() if v.get("difference") is None), best)
    found = same[best]
    says = f"Best by {chosen}: {best}, {found['mean']:.3f} {_ends(found, '')}"
    if best == base or found.get("p") is None:
        return f"{says}."
    if found["p"] >= LEVEL:
        return f"{says}; it cannot be told from {base} (p {found['p']:.2g})."
    return f"{says}, {found['difference']:.3f} {_ends(found, 'difference_')} more than {base}."


def _ends(value: dict, prefix: str) -> str:
    return f"[{value[f'{prefix}low']:.3f}, {value[f'{prefix}high']:.3f}]"
