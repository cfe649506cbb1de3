"""Two processes learn what one does."""

import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from lib.files import ROOT
from lib.training import Recipe, train
from lib.training.distributed import share

SCRIPT = """
import sys, torch
from safetensors.torch import save_file
from tests.test_distributed import *
module = train(network(), loss, range(40), RECIPE, folder=sys.argv[1])
if torch.distributed.get_rank() == 0:
    save_file(module.state_dict(), sys.argv[1] + "/weights.safetensors")
torch.distributed.destroy_process_group()
"""
RECIPE = Recipe(epochs=3, batch=7, learning_rate=0.05)  # 40 rows: batches of 7 and one of 5, shared unequally


def network():
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(1, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))


def loss(module, rows, generator):
    x = rows[:, None] / 40
    return ((module(x) - x**2) ** 2).mean()


@pytest.mark.parametrize("processes", [2])
def test_several_processes_end_with_the_weights_of_one(tmp_path, processes):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [*command, str(tmp_path / "script.py"), str(tmp_path)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    alone = train(network(), loss, range(40), RECIPE).state_dict()
    together = load_file(tmp_path / "weights.safetensors")
    for name, value in alone.items():
        torch.testing.assert_close(together[name], value, rtol=1e-4, atol=1e-6)


def test_one_process_sees_the_whole_batch():
    assert share(range(5)) == range(5)
