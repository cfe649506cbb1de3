"""Projections keep what they promise: variance, cosines, neighbours; missing rows stay missing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from lib.show.reduction import METHODS, projection

KINDS = [np.asarray, csr_array]


def clusters(n: int = 30, d: int = 60, seed: int = 0) -> np.ndarray:
    """Three far-apart clusters of n rows each."""
    rng = np.random.default_rng(seed)
    return np.repeat(10 * np.eye(3, d), n, axis=0) + rng.normal(size=(3 * n, d)) * 0.3


@pytest.mark.parametrize("kind", KINDS)
def test_pca_is_the_singular_value_decomposition_of_centred_rows(kind: type) -> None:
    some = clusters()
    u, s, _ = np.linalg.svd(some - some.mean(axis=0), full_matrices=False)
    found = projection(kind(some))
    assert found.shape == (90, 2) and found.dtype == np.float32
    np.testing.assert_allclose(np.abs(found), np.abs(u[:, :2] * s[:2]), atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_clusters_stay_apart_and_the_seed_decides(method: str, kind: type) -> None:
    found = projection(kind(clusters()), method, seed=1)
    np.testing.assert_array_equal(found, projection(kind(clusters()), method, seed=1))
    gaps = np.linalg.norm(found[:, None] - found, axis=2)
    gaps[np.arange(90), np.arange(90)] = np.inf
    cluster = np.arange(90) // 30
    assert (cluster[gaps.argmin(axis=1)] == cluster).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_missing_rows_have_no_place(method: str, kind: type) -> None:
    some = clusters(n=4)
    without = projection(kind(some), method)
    holes = np.insert(some, [0, 5, 12], 0, axis=0)
    found = projection(kind(holes), method)
    missing = ~holes.any(axis=1)
    assert np.isnan(found[missing]).all() and missing.sum() == 3
    np.testing.assert_array_equal(found[~missing], without)


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="no projection 'umap'; there are pca, tsne"):
        projection(clusters(), "umap")
    with pytest.raises(ValueError, match=r"\(2, 5\).*more than 2 of each"):
        projection(np.vstack([np.eye(2, 5), np.zeros((9, 5))]))
    with pytest.raises(ValueError, match=r"\(9, 2\).*more than 2 of each"):
        projection(np.ones((9, 2)))
