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


def answered_rightly(found: Ranking, task: Task) -> pd.Series:
    """Whether one of the first three products is right, (q,): 1 or 0; NaN for a question without an
    answer.
    """
    return evaluate(found, task, [f"hit@{SHOWN}"])[f"hit@{SHOWN}"]


def outcomes(scores: np.ndarray, right: pd.Series, threshold: float | np.ndarray) -> pd.DataFrame:
    """What becomes of each question if a first score (q,) below the threshold means no answer.

    `hit@3` of questions with an answer: a right product among the first three, 0 where declined.
    `declined` of questions without one. Each is NaN for the others. `right`: see
    `answered_rightly`.
    """
    given = scores >= threshold
    declined = pd.Series(1.0 - given, right.index)
    hit = right.where(given | right.isna(), 0.0)
    return pd.DataFrame({f"hit@{SHOWN}": hit, "declined": declined.where(right.isna())})


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


def choose_threshold(first: np.ndarray, right: np.ndarray) -> float:
    """The threshold of first scores (q,) at which the worse of two shares is best: right answers
    found, and questions without an answer declined. Among equals, their mean decides.

    It lies half way between the two scores that it parts. `right` (q,): see `answered_rightly`.
    Choose on validation, report on test.
    """
    right = np.asarray(right)
    scores = np.unique(first[np.isfinite(first)]).astype(float)
    if not len(scores):
        raise ValueError("no question found anything: a threshold cannot be chosen")
    answerable = ~np.isnan(right)
    if answerable.all() or not answerable.any():
        raise ValueError("a threshold needs questions with and without an answer")
    between = (scores[:-1] + scores[1:]) / 2
    tried = np.r_[scores[0], between, np.nextafter(scores[-1], np.inf)]
    withheld = ~(first >= tried[:, None])  # (t, q)
    hit = np.where(withheld, 0, right)[:, answerable].mean(axis=1)  # (t,)
    declined = withheld[:, ~answerable].mean(axis=1)
    return float(tried[np.lexsort((-(hit + declined), -np.minimum(hit, declined)))[0]])
