"""Which room may import which: the contracts of pyproject.toml hold."""

import shutil
import subprocess
import sys
from pathlib import Path

from lib.files import ROOT


def test_the_core_imports_no_wing_and_data_flow_one_way():
    beside = Path(sys.executable).with_name("lint-imports")
    command = beside if beside.exists() else shutil.which("lint-imports")
    done = subprocess.run([command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
