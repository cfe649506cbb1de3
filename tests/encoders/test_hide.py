"""Products whose modality is hidden on purpose: the asked share, nested as it grows."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import csr_array

from lib import Embeddings
from lib.encoders import hide


@pytest.mark.parametrize("make", [np.asarray, csr_array])
def test_hide_takes_the_asked_share_and_more_hides_more(make):
    embeddings = Embeddings("e", np.arange(40).astype(str), make(np.eye(40)))
    shown = [hide(embeddings, share, seed=3).present for share in (0.0, 0.25, 0.5, 1.0)]
    assert [s.sum() for s in shown] == [40, 30, 20, 0]
    assert all((later <= earlier).all() for earlier, later in pairwise(shown))
    assert not np.array_equal(hide(embeddings, 0.5, seed=4).present, shown[2])
    assert embeddings.present.all()  # the original is left as it was


def test_a_share_is_between_0_and_1():
    with pytest.raises(ValueError, match="from 0 to 1, got 30"):
        hide(Embeddings("e", np.array(["a"]), np.ones((1, 1))), 30)
