"""JupyterLab as `make lab` starts it, on copies of notebooks, and how a browser drives it: for tests and screenshots.

Ports, settings and files are the lab's own, so that nothing of a person's JupyterLab is read or changed.
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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

from lib.files import ROOT
from lib.parameters import find_notebook, profile_parameters

if TYPE_CHECKING:
    from playwright.sync_api import Page

SETTINGS = {
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},  # cells out of sight are there as well
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}
ERRORS = "application/vnd.jupyter.error", "application/vnd.jupyter.stderr"
EXPLORER = ".jp-OutputArea-output:has(.widget-slider)"
RUN = """() => {  // every code cell has its number, or one has failed
  const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')].map(p => p.textContent);
  const failed = document.querySelector('[data-mime-type="application/vnd.jupyter.error"]');
  return failed || (prompts.length > 0 && prompts.every(p => /\\d/.test(p))); }"""


@contextlib.contextmanager
def jupyterlab(notebooks: Sequence[str], *, profile: str = "small", patience: float = 120) -> Iterator[str]:
    """The address of a JupyterLab, started by `make lab`, that holds copies of these notebooks at a profile's parameters.

    Raises RuntimeError with what it printed where it does not answer within `patience` seconds.
    """
    folder = Path(tempfile.mkdtemp(prefix="akin-lab-"))
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    _prepare(folder, port, notebooks, profile)
    log = folder / "log.txt"
    ready = Path(sys.prefix) / ".ready"
    command = ["make", "-C", str(folder), "-f", str(ROOT / "Makefile"), "-o", str(ready), "lab", f"VENV={sys.prefix}"]
    with log.open("wb") as out:
        server = subprocess.Popen(command, env=_environment(folder), stdout=out, stderr=out, start_new_session=True)
    try:
        _wait_for(f"http://127.0.0.1:{port}/api", server, log, patience)
        yield f"http://127.0.0.1:{port}"
    finally:
        _stop(server)
        shutil.rmtree(folder, ignore_errors=True)


def run_all(page: Page, address: str, notebook: str, *, patience: float = 240) -> list[str]:
    """Open a notebook in the lab and choose Run > Run All Cells; returns the errors that its cells show, once all have run."""
    page.goto(f"{address}/lab/tree/{find_notebook(notebook).name}", timeout=1000 * patience)
    page.get_by_text("(ipykernel) | Idle").wait_for(timeout=1000 * patience)  # before, Run would ask which kernel
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.wait_for_function(RUN, timeout=1000 * patience)
    return [text for kind in ERRORS for text in page.locator(f'[data-mime-type="{kind}"]').all_inner_texts()]


def take_pictures(page: Page, folder: Path, *, profile: str = "default") -> list[Path]:
    """Run the quickstart in JupyterLab and keep what it shows: gallery.jpg and explorer.jpg, sliders moved, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    page.set_viewport_size({"width": 1280, "height": 900})
    with jupyterlab(["00_quickstart"], profile=profile) as address:
        errors = run_all(page, address, "00_quickstart")
        if errors:
            raise RuntimeError(f"00_quickstart fails in JupyterLab: {errors[0][:500]}")
        page.keyboard.press("Control+b")  # the files beside it take up room
        gallery = page.locator(".jp-RenderedHTML .akin-gallery")
        gallery.get_by_label("Query product", exact=True).select_option("6")
        gallery.screenshot(path=folder / "gallery.jpg", quality=85)
        explorer = page.locator(EXPLORER).first
        explorer.get_by_role("option").nth(6).click()
        slide(page, "minilm", "Home")
        slide(page, "photo", "End")
        page.get_by_text("0.67 · photo").wait_for()
        explorer.scroll_into_view_if_needed()
        page.wait_for_timeout(500)  # photos are decoded
        page.screenshot(path=folder / "explorer.jpg", quality=85)
        page.goto("about:blank")  # before the server goes
    return [folder / "gallery.jpg", folder / "explorer.jpg"]


def slide(page: Page, name: str, key: str) -> None:
    """Move one of the explorer's sliders by the keyboard: Home is 0, End is 1."""
    page.locator(EXPLORER).first.locator(".widget-slider", has_text=name).locator(".noUi-handle").focus()
    page.keyboard.press(key)


def _prepare(folder: Path, port: int, notebooks: Sequence[str], profile: str) -> None:
    (folder / "notebooks").mkdir()
    for name in notebooks:
        path = find_notebook(name)
        notebook = nbformat.read(path, 4)
        given = "".join(f"\n{k} = {v!r}" for k, v in profile_parameters(path, profile).items())
        for cell in notebook.cells:
            if "parameters" in cell.metadata.get("tags", []):
                cell.source += given
        nbformat.write(notebook, folder / "notebooks" / path.name)
    server = {"ip": "127.0.0.1", "port": port, "port_retries": 0, "open_browser": False, "allow_root": True}
    lab = {"news_url": None, "extension_manager": "readonly"}
    config = {"ServerApp": server, "IdentityProvider": {"token": ""}, "LabApp": lab}
    _write_json(folder / "config" / "jupyter_server_config.json", config)
    for name, values in SETTINGS.items():
        _write_json(folder / "settings" / f"{name}.jupyterlab-settings", values)


def _write_json(path: Path, values: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")


def _environment(folder: Path) -> dict[str, str]:
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    kept = {name: value for name, value in os.environ.items() if name != "AKIN_RUN"}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return kept | {name: str(folder / value) for name, value in own.items()} | {"PYTHONPATH": path}


def _wait_for(address: str, server: subprocess.Popen, log: Path, patience: float) -> None:
    end = time.monotonic() + patience
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.2)
    printed = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"JupyterLab did not answer at {address}; `make lab` printed:\n{printed}")


def _stop(server: subprocess.Popen) -> None:
    for signal_number in (signal.SIGTERM, signal.SIGKILL):  # at the first the server ends its kernels
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal_number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(20)
            return
