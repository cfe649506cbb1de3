"""Objectives: they prefer alike vectors together, equal their published forms, and say what they
need.
"""

import numpy as np
import pytest
import torch

from lib.training import OBJECTIVES, Recipe, objective, train
from lib.training.objectives import ClipLoss

PLAIN = [name for name in OBJECTIVES if name != "arcface"]


@pytest.mark.parametrize("name", PLAIN)
def test_objectives_prefer_alike_vectors_together(name):
    labels = torch.tensor([0, 0, 1, 1])
    good = torch.nn.functional.normalize(
        torch.tensor([[1.0, 0.01], [1.0, 0.0], [0.0, 1.0], [0.01, 1.0]]), dim=1
    )
    assert objective(name)(good, labels) < objective(name)(good, torch.tensor([0, 1, 0, 1]))


def test_infonce_of_two_views_is_nt_xent():
    from pytorch_metric_learning.losses import NTXentLoss

    vectors, labels = (
        torch.randn(16, 5, generator=torch.Generator().manual_seed(0)),
        torch.arange(8).repeat(2),
    )
    assert objective("infonce")(vectors, labels).item() == pytest.approx(
        NTXentLoss(0.07)(vectors, labels).item(), rel=1e-5
    )


def test_arcface_is_cross_entropy_over_angles_with_a_margin():
    torch.manual_seed(0)  # draws the class vectors
    loss = objective("arcface", classes=3, dimensions=4)
    generator = torch.Generator().manual_seed(0)
    vectors, labels = torch.randn(5, 4, generator=generator), torch.tensor([0, 1, 2, 1, 0])
    cosine = torch.nn.functional.normalize(vectors, dim=1) @ torch.nn.functional.normalize(
        loss.W, dim=0
    )  # (5, 3)
    angle = cosine.acos() + torch.nn.functional.one_hot(labels, 3) * np.radians(28.6)
    assert angle.max() < np.pi  # else the margin has another form
    expected = torch.nn.functional.cross_entropy(32 * angle.cos(), labels)
    assert loss(vectors, labels).item() == pytest.approx(expected.item(), rel=1e-4)


def test_arcface_learns_its_classes_with_the_network():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(40) % 4
    x = torch.nn.functional.one_hot(labels, 4).float().repeat(1, 2) + 0.3 * torch.randn(
        40, 8, generator=generator
    )
    torch.manual_seed(0)
    module = torch.nn.ModuleDict(
        {"network": torch.nn.Linear(8, 4), "loss": objective("arcface", classes=4, dimensions=4)}
    )
    before = module["loss"].W.detach().clone()
    recipe = Recipe(epochs=60, batch=20, learning_rate=0.02)
    train(module, lambda m, r, g: m["loss"](m["network"](x[r]), labels[r]), range(40), recipe)
    assert not torch.equal(before, module["loss"].W)
    with torch.inference_mode():
        assert (module["loss"].get_logits(module["network"](x)).argmax(1) == labels).all()


def test_arcface_counts_classes_by_their_weights():
    weighed = objective("arcface", classes=2, dimensions=2, weights=[1.0, 3.0])
    plain = objective("arcface", classes=2, dimensions=2)
    weighed.W = plain.W
    one = torch.tensor([[1.0, 0.2]])
    assert weighed(one, torch.tensor([1])).item() == pytest.approx(
        3 * plain(one, torch.tensor([1])).item()
    )


def test_what_objectives_refuse():
    with pytest.raises(ValueError, match="there are infonce, triplet"):
        objective("hinge")
    with pytest.raises(
        ValueError, match="'arcface' needs classes=… and dimensions=…, got None and 8"
    ):
        objective("arcface", dimensions=8)


def test_cross_modal_loss_is_clips():
    from transformers.models.clip.modeling_clip import image_text_contrastive_loss as clip_loss

    generator = torch.Generator().manual_seed(0)
    texts, photos = torch.randn(2, 6, 4, generator=generator)
    unit = (
        torch.nn.functional.normalize(texts, dim=1) @ torch.nn.functional.normalize(photos, dim=1).T
    )
    assert ClipLoss(temperature=0.1)(texts, photos).item() == pytest.approx(
        clip_loss(unit / 0.1).item(), rel=1e-5
    )
    assert ClipLoss(temperature=1e-9)(texts, photos).item() == pytest.approx(
        clip_loss(unit * 100).item(), rel=1e-5
    )


def test_rows_of_one_product_are_no_negatives_of_one_another():
    loss = ClipLoss()
    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    alike, apart = (
        loss(vectors, vectors, torch.tensor(labels)).item() for labels in ([7, 7, 8], [7, 8, 9])
    )
    best = (
        2 / 3 * np.log(2)
    )  # a row with a twin spreads its target over two, and no score can do better
    assert alike == pytest.approx(best, abs=1e-4)
    unlabelled = loss(vectors, vectors, torch.tensor([-1, -1, -1])).item()
    assert unlabelled == pytest.approx(apart) == pytest.approx(loss(vectors, vectors).item())


def test_the_temperature_is_learned():
    loss = ClipLoss(temperature=1.0)
    loss(torch.eye(3), torch.eye(3)).backward()
    assert loss.log_scale.grad < 0  # right pairs are nearest already: sharper is better
