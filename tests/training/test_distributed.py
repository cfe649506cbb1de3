"""Two processes learn what one does."""

import json
import os
import subprocess
import sys

import numpy as np
import torch
from safetensors.torch import load_file

from lib.files import ROOT
from lib.training import Recipe, objective, train
from lib.training.distributed import share

PRODUCTS = """
import json, sys, torch
from tests.training.test_distributed import *
module = torch.nn.ModuleDict({"used": vectors(), "unused": network()})
losses = []
train(module, products, batches, RECIPE, watch=losses.append)
everybody = [None, None]
torch.distributed.all_gather_object(everybody, SEEN)
if torch.distributed.get_rank() == 0:
    print(json.dumps([[entry["loss"] for entry in losses], everybody]))
torch.distributed.destroy_process_group()
"""
SEEN = []
SCRIPT = """
import sys, torch
from safetensors.torch import save_file
from tests.training.test_distributed import *
module = train(network(), loss, range(40), RECIPE, folder=sys.argv[1])
if torch.distributed.get_rank() == 0:
    save_file(module.state_dict(), sys.argv[1] + "/weights.safetensors")
torch.distributed.destroy_process_group()
"""
RECIPE = Recipe(
    epochs=3, batch=7, learning_rate=0.05
)  # 40 rows: batches of 7 and one of 5, shared unequally


def network():
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(1, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))


def loss(module, rows, generator):
    x = rows[:, None] / 40
    return ((module(x) - x**2) ** 2).mean()


def vectors():
    torch.manual_seed(1)
    return torch.nn.Embedding(40, 3)


def products(module, rows, generator):
    """Two rows of one product, 2 i and 2 i + 1, should be alike."""
    SEEN.append(rows.tolist())
    return objective("infonce")(torch.nn.functional.normalize(module["used"](rows)), rows // 2)


def batches(rng):
    yield from np.arange(40).reshape(5, 8)


def two_processes(folder, script):
    """What two processes print that run the script."""
    (folder / "script.py").write_text(script)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [*command, str(folder / "script.py"), str(folder)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_products_stay_together_and_a_tower_may_go_unused(tmp_path):
    losses, seen = json.loads(two_processes(tmp_path, PRODUCTS).splitlines()[-1])
    assert losses[0] > losses[1] > losses[2] > 0
    first, second = seen
    assert len(first) == len(second) == 3 * 5  # epochs and batches
    for shares in zip(first, second, strict=True):
        assert len(set(shares[0] + shares[1])) == 8, "every row of the batch is seen by one process"
        for own in shares:
            assert len(own) == 4 and len({row // 2 for row in own}) == 2, "two whole products"


def test_several_processes_end_with_the_weights_of_one(tmp_path):
    two_processes(tmp_path, SCRIPT)
    alone = train(network(), loss, range(40), RECIPE).state_dict()
    together = load_file(tmp_path / "weights.safetensors")
    for name, value in alone.items():
        torch.testing.assert_close(together[name], value, rtol=1e-4, atol=1e-6)


def test_one_process_sees_the_whole_batch():
    np.testing.assert_array_equal(share(np.arange(5)), np.arange(5))
