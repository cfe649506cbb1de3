"""Checkpoints: a training that was stopped ends as one that ran through; trainings do not meet in
one file.
"""

import json
import os
import signal
import subprocess
import sys

import pytest
import torch
from safetensors import safe_open

from lib.files import ROOT
from lib.training import Recipe, train
from lib.training.checkpoint import FILE

RECIPE = Recipe(epochs=6, batch=8, learning_rate=0.05, accumulate=2, patience=99)


def network():
    torch.manual_seed(1)
    return torch.nn.Sequential(
        torch.nn.Linear(2, 8), torch.nn.Dropout(0.3), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 1)
    )


def loss(module, rows, generator):
    x = torch.stack([rows / 32, (rows % 5) / 5], dim=1)
    noise = torch.rand(len(rows), generator=generator) * 0.1
    return ((module(x)[:, 0] - x[:, 0] * 3 + noise) ** 2).mean()


def validate(module):
    return -float(loss(module, torch.arange(32), torch.Generator().manual_seed(0)))


def same(a, b):
    return all(
        torch.equal(x, y)
        for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


def only(folder):
    (path,) = folder.glob(f"*/{FILE}")
    return path


class StopError(Exception):
    pass


def test_a_stopped_training_ends_as_one_that_ran_through(tmp_path):
    whole = train(network(), loss, range(32), RECIPE, validate=validate)
    with pytest.raises(
        StopError
    ):  # the third epoch's checkpoint is not written: it is trained again
        train(network(), loss, range(32), RECIPE, validate=stop_at_validation(3), folder=tmp_path)
    history = []
    resumed = train(
        network(), loss, range(32), RECIPE, validate=validate, folder=tmp_path, watch=history.append
    )
    assert same(resumed, whole)
    assert [entry["epoch"] for entry in history] == [1, 2, 3, 4, 5, 6]


def stop_at_validation(epoch):
    seen = []

    def stopping(module):
        seen.append(1)
        if len(seen) == epoch:
            raise StopError
        return validate(module)

    return stopping


def test_a_killed_process_is_taken_up_again(tmp_path):
    script = (
        "import os, signal, sys; from tests.training.test_checkpoint import *\n"
        "kill = lambda entry: entry['epoch'] == 3 and os.kill(os.getpid(), signal.SIGKILL)\n"
        "train(network(), loss, range(32), RECIPE,"
        "validate=validate, folder=sys.argv[1], watch=kill)"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    resumed = train(network(), loss, range(32), RECIPE, validate=validate, folder=tmp_path)
    whole = train(network(), loss, range(32), RECIPE, validate=validate)
    for a, b in zip(resumed.state_dict().values(), whole.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b)


def test_a_finished_training_is_loaded_not_repeated(tmp_path):
    first = train(network(), loss, range(32), RECIPE, validate=validate, folder=tmp_path)

    def never(*_):
        raise AssertionError("trained again")

    history = []
    again = train(
        network(), never, range(32), RECIPE, validate=never, folder=tmp_path, watch=history.append
    )
    assert same(first, again)
    assert len(history) == 6
    with safe_open(only(tmp_path), "pt") as file:
        assert not [name for name in file.keys() if name.startswith("optimiser")]  # noqa: SIM118


def test_another_training_has_another_place_in_the_folder(tmp_path):
    for rows, recipe, content in (
        (32, RECIPE, ""),
        (31, RECIPE, ""),
        (32, Recipe(epochs=6, batch=8), ""),
        (32, RECIPE, "b"),
    ):
        train(network(), loss, range(rows), recipe, folder=tmp_path, content={"data": content})
    assert len(list(tmp_path.glob(f"*/{FILE}"))) == 4


def test_frozen_weights_are_not_in_the_file(tmp_path):
    module = network()
    module[0].requires_grad_(False)
    before = module[0].weight.clone()
    train(module, loss, range(32), RECIPE, folder=tmp_path)
    with safe_open(only(tmp_path), "pt") as file:
        names = set(file.keys())
        history = json.loads(file.metadata()["state"])["history"]
    assert [entry["epoch"] for entry in history] == [1, 2, 3, 4, 5, 6]
    assert "best.3.weight" in names and "best.0.weight" not in names
    assert torch.equal(module[0].weight, before)


def test_after_a_bad_loss_the_last_good_weights_are_back_and_the_checkpoint_stays(tmp_path):
    calls = []

    def bad(module, rows, generator):
        calls.append(1)
        return loss(module, rows, generator) * (float("nan") if len(calls) > 10 else 1.0)

    module = network()
    with pytest.raises(
        FloatingPointError, match=r"epoch 3: the loss is nan.*last good checkpoint is in"
    ):
        train(module, bad, range(32), RECIPE, validate=validate, folder=tmp_path)
    with safe_open(only(tmp_path), "pt") as file:
        names = [name for name in file.keys() if name.startswith("best.")]  # noqa: SIM118
        kept = {name.removeprefix("best."): file.get_tensor(name) for name in names}
    assert all(torch.equal(value, kept[name]) for name, value in module.state_dict().items())


def test_a_batch_too_large_for_memory_says_what_to_do(tmp_path):
    def huge(module, rows, generator):
        return torch.empty(1 << 50).sum() + module[3].bias.sum()

    with pytest.raises(
        MemoryError,
        match=r"a batch of 8 rows needs more memory.*lower `batch` and raise `accumulate`",
    ):
        train(network(), huge, range(32), RECIPE, folder=tmp_path)
