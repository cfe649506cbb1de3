"""Which weights each method trains, on a tiny BERT written here."""

import numpy as np
import pytest
import torch

from lib.encoders import encoder
from lib.training import Recipe, train
from lib.training.adapters import METHODS, orthogonality, trainable_copy
from lib.training.checkpoint import trainable
from tests.encoders.test_text import write_checkpoint


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return encoder(f"hf:{write_checkpoint(tmp_path_factory.mktemp('bert'), 'bert')}")


def adapted(bert, method, **options):
    return trainable_copy(bert, method, **({"steps": 20} if method == "adalora" else {}) | options)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_trains_its_share_and_gradients_reach_it(bert, method):
    model = adapted(bert, method, rank=2)
    everything = sum(p.numel() for p in model.parameters())
    turned = sum(p.numel() for p in trainable(model).values())
    table = model.get_input_embeddings().weight
    assert not table.requires_grad
    low, high = {
        "frozen": (0, 0),
        "full": (0.6, 1),
        "prefix": (0.001, 0.05),
        "ia3": (0.001, 0.1),
    }.get(method, (0.01, 0.5))
    assert low <= turned / everything <= high, turned / everything
    out = model(
        input_ids=torch.tensor([[1, 2, 3]]), attention_mask=torch.ones(1, 3, dtype=torch.long)
    ).last_hidden_state
    if turned:
        out.pow(2).sum().backward()
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in trainable(model).values())


def test_adalora_moves_its_rank_while_it_trains(bert):
    model = adapted(bert, "adalora", rank=2)
    ids = torch.randint(1, 9, (8, 3))

    def loss(module, rows, generator):
        hidden = module(
            input_ids=ids[rows], attention_mask=torch.ones_like(ids[rows])
        ).last_hidden_state
        return hidden[:, 0].pow(2).mean()

    train(model, loss, range(8), Recipe(epochs=10, batch=4, learning_rate=0.01))
    ranks = [
        int((part["default"] != 0).sum())
        for name, part in model.named_modules()
        if name.endswith("lora_E")
    ]
    assert len(set(ranks)) > 1, ranks


@pytest.mark.parametrize("method", ["lora", "adalora"])
def test_low_rank_methods_start_as_the_frozen_model(bert, method):
    ids = {
        "input_ids": torch.tensor([[1, 2, 3]]),
        "attention_mask": torch.ones(1, 3, dtype=torch.long),
    }
    with torch.no_grad():
        frozen = adapted(bert, "frozen").eval()(**ids).last_hidden_state
        torch.testing.assert_close(adapted(bert, method).eval()(**ids).last_hidden_state, frozen)


def test_attention_has_no_dropout_the_rest_has_the_one_asked_for(bert):
    model = trainable_copy(bert, "full", dropout=0.25)
    found = {
        name: part.p for name, part in model.named_modules() if isinstance(part, torch.nn.Dropout)
    }
    assert {p for name, p in found.items() if ".self." in name} == {0.0}
    assert {p for name, p in found.items() if ".self." not in name} == {0.25}


def test_what_does_not_fit_says_so(bert):
    with pytest.raises(ValueError, match="no method 'lore'; there are frozen, full"):
        adapted(bert, "lore")
    with pytest.raises(ValueError, match="give steps="):
        trainable_copy(bert, "adalora", steps=3)


def test_adalora_s_factors_are_held_near_orthogonal(bert):
    model = adapted(bert, "adalora", steps=20)
    gaps = []
    for name, weights in model.named_parameters():
        if "lora_A" in name or "lora_B" in name:
            gram = weights @ weights.T if "lora_A" in name else weights.T @ weights
            gaps.append((gram - torch.eye(len(gram))).square().sum().sqrt().item())
    assert float(orthogonality(model)) == pytest.approx(0.5 * np.mean(gaps), rel=1e-4)
    assert orthogonality(torch.nn.Linear(2, 2)) == 0


def test_a_stopped_adalora_begins_anew_and_a_finished_one_is_loaded(bert, tmp_path):
    def stop(entry):
        raise KeyboardInterrupt

    rows, recipe, steps = range(8), Recipe(epochs=4, batch=4), []

    def loss(module, rows, generator):
        steps.append(rows)
        return module(input_ids=torch.full((len(rows), 4), 5)).last_hidden_state.square().mean()

    def run(**kept):
        torch.manual_seed(1)
        start = adapted(bert, "adalora", steps=20)
        return train(start, loss, rows, recipe, folder=tmp_path, **kept).state_dict()

    with pytest.raises(KeyboardInterrupt):
        run(watch=stop)
    first = run()
    assert len(steps) == 2 + 8  # the stopped run's one epoch, then all four
    for name, weights in run().items():
        torch.testing.assert_close(weights, first[name])
    assert len(steps) == 2 + 8
