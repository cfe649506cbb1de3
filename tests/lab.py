"""JupyterLab as `make lab` starts it, on copies of notebooks, and how a browser drives it.

Ports, settings and files are the lab's own, so that nothing of a person's JupyterLab is read or
changed. `screenshots.py` takes pictures of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

from lib.files import ROOT
from lib.report.parameters import find_notebook, profile_runs

if TYPE_CHECKING:
    from playwright.sync_api import Page

SETTINGS = {
    # cells out of sight are there as well
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}
OWN_FOLDERS = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
}
ERRORS = "application/vnd.jupyter.error", "application/vnd.jupyter.stderr"
EXPLORER = ".jp-OutputArea-output:has(.widget-slider)"
ALL_RAN = """() => {  // every code cell has its number, or one has failed
  const prompts = document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt');
  const numbered = [...prompts].every(prompt => /\\d/.test(prompt.textContent));
  const failed = document.querySelector('[data-mime-type="application/vnd.jupyter.error"]');
  return failed || (prompts.length > 0 && numbered); }"""


@contextlib.contextmanager
def jupyterlab(
    notebooks: Sequence[str],
    *,
    cells: Mapping[str, Sequence[str]] | None = None,
    profile: str = "small",
    patience: float = 120,
) -> Iterator[str]:
    """The address of a JupyterLab, started by `make lab`, with copies of these notebooks.

    Their parameters are the profile's. `cells` are the code of further notebooks, by file name.
    Raises RuntimeError with what the server printed where it does not answer within `patience`
    seconds.
    """
    folder = Path(tempfile.mkdtemp(prefix="akin-lab-"))
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    _copy_notebooks(folder, notebooks, profile)
    for name, sources in (cells or {}).items():
        code = [nbformat.v4.new_code_cell(source) for source in sources]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}  # else Lab asks
        made = nbformat.v4.new_notebook(cells=code, metadata=kernel)
        nbformat.write(made, folder / "notebooks" / name)
    _write_settings(folder, port)
    command = ["make", "-C", str(folder), "-f", str(ROOT / "Makefile"), "lab"]
    command += [f"VENV={sys.prefix}", "-o", str(Path(sys.prefix) / ".ready")]  # is installed
    log = folder / "log.txt"
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, env=_environment(folder), stdout=out, stderr=out, start_new_session=True
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/api", server, log, patience)
        yield f"http://127.0.0.1:{port}"
    finally:
        _stop(server)
        shutil.rmtree(folder, ignore_errors=True)


def run_all(page: Page, address: str, notebook: str, *, patience: float = 240) -> list[str]:
    """Open a notebook and choose Run > Run All Cells; returns the errors that its cells show.

    A file name that ends in .ipynb is one of `jupyterlab`'s `cells`.
    """
    name = notebook if notebook.endswith(".ipynb") else find_notebook(notebook).name
    page.goto(f"{address}/lab/tree/{name}", timeout=1000 * patience)
    # without a kernel Run would ask for one
    page.get_by_text("(ipykernel) | Idle").wait_for(timeout=1000 * patience)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.wait_for_function(ALL_RAN, timeout=1000 * patience)
    shown = [page.locator(f'[data-mime-type="{kind}"]').all_inner_texts() for kind in ERRORS]
    return [*shown[0], *shown[1]]


def slide(page: Page, name: str, key: str) -> None:
    """Move one of the explorer's sliders by the keyboard: Home is 0, End is 1."""
    slider = page.locator(EXPLORER).first.locator(".widget-slider", has_text=name)
    slider.locator(".noUi-handle").focus()
    page.keyboard.press(key)


def _copy_notebooks(folder: Path, notebooks: Sequence[str], profile: str) -> None:
    (folder / "notebooks").mkdir()
    for name in notebooks:
        path = find_notebook(name)
        notebook = nbformat.read(path, 4)
        parameters = profile_runs(path, profile)[0]
        given = "".join(f"\n{name} = {value!r}" for name, value in parameters.items())
        for cell in notebook.cells:
            if "parameters" in cell.metadata.get("tags", []):
                cell.source += given
        nbformat.write(notebook, folder / "notebooks" / path.name)


def _write_settings(folder: Path, port: int) -> None:
    server = {"ip": "127.0.0.1", "port": port, "port_retries": 0}
    server |= {"open_browser": False, "allow_root": True}
    lab = {"news_url": None, "extension_manager": "readonly"}
    config = {"ServerApp": server, "IdentityProvider": {"token": ""}, "LabApp": lab}
    _write_json(folder / "config" / "jupyter_server_config.json", config)
    for name, values in SETTINGS.items():
        _write_json(folder / "settings" / f"{name}.jupyterlab-settings", values)


def _write_json(path: Path, values: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")


def _environment(folder: Path) -> dict[str, str]:
    variables = {name: value for name, value in os.environ.items() if name != "AKIN_RUN"}
    variables |= {name: str(folder / place) for name, place in OWN_FOLDERS.items()}
    path = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return variables | {"PYTHONPATH": os.pathsep.join(filter(None, path))}


def _wait_for(address: str, server: subprocess.Popen, log: Path, patience: float) -> None:
    end = time.monotonic() + patience
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.2)
    printed = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"JupyterLab did not answer at {address}; `make lab` printed:\n{printed}")


def _stop(server: subprocess.Popen) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):  # at the first the server ends its kernels
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(20)
            return
