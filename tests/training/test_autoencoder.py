"""The autoencoder over numbers: units read by hand, masks, held-out reconstruction, determinism and
use.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from lib import embed, evaluate, load, search
from lib.data.catalogue import Catalogue
from lib.encoders import encoder
from lib.training.autoencoder import numbers

pytestmark = pytest.mark.usefixtures("one_thread")


def boxes(rows: int, seed: int) -> Catalogue:
    """Price and weight follow the size, each with some noise; a fifth of the cells is missing."""
    rng = np.random.default_rng(seed)
    size = rng.uniform(1, 5, rows)
    cells = np.exp(
        np.column_stack(
            [size, 2 * size + rng.normal(0, 0.1, rows), 7 - size + rng.normal(0, 0.1, rows)]
        )
    )
    cells[rng.random(cells.shape) < 0.2] = np.nan
    stated = [
        {k: f"{v:.4f}{u}" for k, v, u in (("weight", w, " g"), ("count", c, "")) if not np.isnan(v)}
        for _, w, c in cells
    ]
    return Catalogue(
        "boxes",
        pd.DataFrame(
            {"price": cells[:, 0], "attributes": stated}, index=[str(n) for n in range(rows)]
        ),
    )


def test_numbers_by_hand() -> None:
    read = {"size": "15 cm", "width": "25cm", "shoe": "EU 40", "lens": "12.5MP", "gsm": 500}
    read |= {"pack": "Pack of 2", "": "7"}
    no_number = {"colour": "red", "new": True, "code": "x2y3", "none": None, "range": "10 x 20"}
    found = {"size cm": 15, "width cm": 25, "shoe eu": 40, "lens mp": 12.5, "gsm": 500}
    assert numbers(read | no_number) == found | {"pack pack of": 2, "": 7}
    assert numbers(None) == {}


def rebuilt(made: object, catalogue: Catalogue) -> np.ndarray:
    """What the decoder makes of the codes, (n, columns)."""
    with torch.inference_mode():
        return made._network["decoder"](torch.as_tensor(made.encode(catalogue))).numpy()


def test_held_out_products_are_rebuilt_better_than_by_the_mean() -> None:
    made = encoder("autoencoder", dimensions=2).fit(boxes(400, seed=0))
    assert made.columns == ["price", "count", "weight g"]
    unseen = boxes(100, seed=1)
    wanted = made.standardised(unseen)
    present = ~np.isnan(wanted)
    error = (rebuilt(made, unseen) - np.nan_to_num(wanted))[present]
    assert (error**2).mean() < 0.25 * (wanted[present] ** 2).mean()  # 0 is the mean


def test_what_is_missing_is_filled_in_from_the_rest() -> None:
    made = encoder("autoencoder", dimensions=2).fit(boxes(400, seed=0))
    whole = boxes(100, seed=1)
    whole = whole.take(~np.isnan(made.standardised(whole)).any(axis=1))
    hidden = Catalogue("hidden", whole.items.assign(price=np.nan))
    guessed, true = rebuilt(made, hidden)[:, 0], made.standardised(whole)[:, 0]
    assert np.corrcoef(guessed, true)[0, 1] > 0.8  # weight and count tell the price


def mean_weight(made: object) -> str:
    return f"{np.sinh(made._mean[made.columns.index('weight g')]):.6f} g"


def test_a_missing_number_is_not_a_zero_and_nothing_is_zero() -> None:
    made = encoder("autoencoder").fit(boxes(100, seed=0))
    mean_price = float(np.exp(np.nanmean(np.log(boxes(100, seed=0).items["price"]))))
    rows = Catalogue(
        "c",
        pd.DataFrame(
            {"price": [mean_price, np.nan, np.nan], "attributes": [None, {}, {"weight": "5 kg"}]}
        ),
    )
    vectors = made.encode(rows)
    assert vectors.shape == (3, 8) and vectors.dtype == np.float32
    assert vectors[0].any() and not vectors[1:].any()  # kilograms are no column that was learned
    full = Catalogue(
        "c",
        boxes(100, seed=0)
        .items.iloc[:1]
        .assign(price=mean_price, attributes=[{"weight": mean_weight(made)}]),
    )
    np.testing.assert_allclose(made.standardised(full)[0, [0, 2]], 0, atol=1e-3)
    assert (
        np.abs(made.encode(full)[0] - vectors[0]).max() > 1e-2
    )  # a mean weight is not a missing one
    assert made.contents(rows)[1] is None and made.contents(rows)[2] is not None
    assert made.encode(rows.take([])).shape == (0, 8)


def test_the_seed_fixes_the_result(tmp_path: Path) -> None:
    goods = boxes(60, seed=0)
    first, again, other = (encoder("autoencoder", epochs=5, seed=s).fit(goods) for s in (0, 0, 1))
    np.testing.assert_array_equal(first.encode(goods), again.encode(goods))
    assert np.abs(first.encode(goods) - other.encode(goods)).max() > 1e-3
    assert first.state == again.state != other.state
    np.testing.assert_allclose(
        embed(first, goods, cache=tmp_path).vectors,
        embed(again, goods.take(np.arange(60)), cache=tmp_path).vectors,
    )
    more = encoder("autoencoder", epochs=5).fit(boxes(61, seed=0))
    assert more.state != first.state


def test_it_finds_the_same_product() -> None:
    shop = load("bazaar", rows=240)
    task = shop.tasks["same product"]
    made = encoder("autoencoder").fit(shop.catalogue)
    found = embed(made, shop.catalogue, cache=None)
    hit = evaluate(search(found, found, 10, exclude=task.exclude), task, ["hit@10"])[
        "hit@10"
    ].mean()
    assert hit > 0.85  # ten random products hold the right one for 7 % of the queries
    assert found.vectors.shape[1] == 8 and made.parameters > 2000


def test_errors() -> None:
    with pytest.raises(RuntimeError, match=r"has learned nothing yet; call fit\(catalogue\) first"):
        encoder("autoencoder").encode(boxes(3, seed=0))
    with pytest.raises(ValueError, match="no price above 0"):
        encoder("autoencoder").fit(Catalogue("c", pd.DataFrame({"price": [np.nan]}, index=["a"])))
