"""How sure an answer is, and which answers are right: odds, thresholds and their trade-off.

What answers a question is in `support.py`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.data.task import Task
from lib.metrics.evaluation import evaluate
from lib.search.exact import Ranking

SHOWN = 3  # products an answer holds


def fit_odds(scores: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Intercept and slope of the log odds that an answer of a score is right, (n,), (n,) (Platt
    1999).

    A right answer at score 1 and a wrong one at 0 are added, so that few answers, or answers that
    are all right or all wrong, make nothing certain. A slope below 0 says that the score tells
    nothing: then it is 0, and the odds are those of the smoothed share (k + 1) / (n + 2).
    """
    from sklearn.linear_model import LogisticRegression

    scores, right = np.r_[scores, 0.0, 1.0], np.r_[right, False, True]
    model = LogisticRegression(C=100).fit(scores[:, None], right)
    if model.coef_[0, 0] > 0:
        return float(model.intercept_[0]), float(model.coef_[0, 0])
    return float(np.log(right.mean() / (1 - right.mean()))), 0.0


def answered_rightly(found: Ranking, task: Task) -> np.ndarray:
    """Whether one of the first three products is right, (q,): 1 or 0; NaN for a question without an
    answer.
    """
    metric = f"hit@{SHOWN}"
    return evaluate(found, task, [metric])[metric].to_numpy()


def outcomes(found: Ranking, task: Task, threshold: float) -> pd.DataFrame:
    """What becomes of each question if a first score below the threshold means no answer.

    `hit@3` of questions with an answer: a right product among the first three, 0 where declined.
    `declined` of questions without one. Each is NaN for the others.
    """
    right, withheld = answered_rightly(found, task), ~(found.scores[:, 0] >= threshold)
    hit = np.where(withheld & ~np.isnan(right), 0.0, right)
    declined = np.where(np.isnan(right), withheld, np.nan)
    index = pd.Index(task.queries.ids, name="query")
    return pd.DataFrame({f"hit@{SHOWN}": hit, "declined": declined}, index)


def trade_off(scores: np.ndarray, right: np.ndarray) -> pd.Series:
    """The share of right answers by the share of questions answered, at every threshold that
    changes something.

    `scores` (q,) are each question's first, -inf where nothing was found; `right` (q,) tells
    whether the answer is. A question without an answer can only be answered wrongly.
    """
    table = pd.DataFrame({"score": scores, "right": right})[np.isfinite(scores)]
    by_score = table.groupby("score")["right"].agg(["sum", "size"])[::-1].cumsum()
    answered = pd.Index(by_score["size"] / max(1, len(scores)), name="answered")
    return (by_score["sum"] / by_score["size"]).set_axis(answered).rename("right")


def choose_threshold(found: Ranking, task: Task) -> float:
    """The threshold at which the worse of two shares is best: right answers found, and questions
    without an answer declined. Among equals, their mean decides.

    It lies half way between the two scores that it parts. Choose on validation, report on test.
    """
    first, right = found.scores[:, 0], answered_rightly(found, task)
    scores = np.unique(first[np.isfinite(first)]).astype(float)
    if not len(scores):
        raise ValueError("no question found anything: a threshold cannot be chosen")
    answerable = ~np.isnan(right)
    if answerable.all() or not answerable.any():
        raise ValueError("a threshold needs questions with and without an answer")
    between = (scores[:-1] + scores[1:]) / 2
    tried = np.r_[scores[0], between, np.nextafter(scores[-1], np.inf)]
    withheld = ~(first >= tried[:, None])  # (t, q)
    shares = np.stack(
        [
            np.where(withheld, 0, right)[:, answerable].mean(axis=1),
            withheld[:, ~answerable].mean(axis=1),
        ]
    )  # (2, t)
    best = np.lexsort((-shares.mean(axis=0), -shares.min(axis=0)))[0]
    return float(tried[best])
