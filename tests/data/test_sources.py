"""Finding a set on this machine, and downloading it from a server that may hang up or lie."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pooch
import pytest

import lib.files
from lib.data import sources
from lib.data.sources import SOURCES, Source, fetch, find, registry, where

WHOLE = np.random.default_rng(0).bytes(300_000)
HASH = hashlib.sha256(WHOLE).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves one body at every path; `cuts` says after how many bytes each reply breaks off."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.cuts: list[int] = []
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Server = self.server
        server.asked.append(self.path)
        self.send_response(server.status)
        self.send_header("Content-Length", str(len(WHOLE)))
        self.end_headers()
        self.wfile.write(WHOLE[: server.cuts.pop(0)] if server.cuts else WHOLE)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's `data/`, not made yet, and no AKIN_DATA; downloads are retried at once."""
    for module in (sources, lib.files):
        monkeypatch.setattr(module, "DATA", tmp_path / "data")
    monkeypatch.setattr(pooch.core.time, "sleep", lambda seconds: None)
    monkeypatch.delenv("AKIN_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "data"


@pytest.fixture
def publish(data: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Publishes a set called "set" of these files; one without a folder of addresses has none."""

    def published(*names: str, at: str | None = None, sha256: str = HASH) -> None:
        files = [f"set/{name}" for name in names]
        made = pooch.create(
            path=data,
            base_url="",
            registry=dict.fromkeys(files, sha256),
            urls={file: f"{at}/{file}" for file in files if at},
            retry_if_failed=registry().retry_if_failed,
        )
        monkeypatch.setattr(sources, "registry", lambda: made)
        monkeypatch.setitem(SOURCES, "set", Source("photos", "the museum"))

    return published


def files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


# downloads


def test_a_set_is_downloaded_once_file_by_file(
    server: Server, data: Path, publish: Callable[..., None]
) -> None:
    publish("a.bin", "pairs/b.bin", at=server.address)
    assert find("set") is None
    assert where("set") == "akin data set"
    assert fetch("set") == data / "set"
    assert files(data) == {"set/a.bin": WHOLE, "set/pairs/b.bin": WHOLE}
    assert fetch("set") == find("set") == data / "set"
    assert server.asked == ["/set/a.bin", "/set/pairs/b.bin"]


def test_a_file_that_is_there_is_never_replaced(
    server: Server, data: Path, publish: Callable[..., None]
) -> None:
    publish("a.bin", "b.bin", at=server.address)
    (data / "set").mkdir(parents=True)
    (data / "set/a.bin").write_bytes(b"my own")
    fetch("set")
    assert files(data) == {"set/a.bin": b"my own", "set/b.bin": WHOLE}


def test_other_bytes_than_expected_leave_nothing_behind(
    server: Server, data: Path, publish: Callable[..., None]
) -> None:
    publish("a.bin", at=server.address, sha256="0" * 64)
    with pytest.raises(RuntimeError, match=r"a\.bin gave other bytes than expected"):
        fetch("set")
    assert files(data) == {}


def test_a_broken_connection_is_tried_again(
    server: Server, data: Path, publish: Callable[..., None]
) -> None:
    publish("a.bin", at=server.address)
    server.cuts = [100_000, 200_000]
    fetch("set")
    assert files(data) == {"set/a.bin": WHOLE}
    assert len(server.asked) == 3


def test_a_server_that_always_hangs_up_leaves_nothing_behind(
    server: Server, data: Path, publish: Callable[..., None]
) -> None:
    publish("a.bin", at=server.address)
    server.cuts = [100_000] * 10
    with pytest.raises(RuntimeError, match=r"a\.bin could not be downloaded"):
        fetch("set")
    assert files(data) == {}
    assert len(server.asked) == 3


def test_an_address_that_is_not_there_is_named(
    server: Server, data: Path, publish: Callable[..., None]
) -> None:
    publish("a.bin", at=server.address)
    server.status = 404
    with pytest.raises(RuntimeError, match=r"127\.0\.0\.1.*404"):
        fetch("set")
    assert files(data) == {}


def test_a_server_that_cannot_be_reached_is_named(publish: Callable[..., None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    publish("a.bin", at=f"http://127.0.0.1:{port}")
    with pytest.raises(RuntimeError, match=f"127.0.0.1:{port}/set/a.bin could not be downloaded"):
        fetch("set")


def test_a_set_without_addresses_says_where_to_get_it(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, publish: Callable[..., None]
) -> None:
    publish("a.csv")
    monkeypatch.setenv("AKIN_DATA", str(tmp_path / "own"))
    with pytest.raises(FileNotFoundError) as error:
        fetch("set")
    for said in ("'set'", "the museum", str(tmp_path / "own"), str(data), "set/a.csv"):
        assert said in str(error.value)
    assert where("set") == "get it from the museum"


# folders


@pytest.fixture
def folders(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, publish: Callable[..., None]
) -> Callable[..., list[Path]]:
    """Publishes the files a and b, and lays {file: content} down in one folder of AKIN_DATA for
    each argument.
    """

    def lay(*contents: dict[str, bytes]) -> list[Path]:
        publish("a", "b", sha256=hashlib.sha256(b"right").hexdigest())
        homes = [tmp_path / f"home{n}" for n in range(len(contents))]
        for home, content in zip(homes, contents, strict=True):
            (home / "set").mkdir(parents=True)
            for file, text in content.items():
                (home / "set" / file).write_bytes(text)
        monkeypatch.setenv("AKIN_DATA", os.pathsep.join(map(str, [tmp_path / "nowhere", *homes])))
        return homes

    return lay


def test_the_first_folder_with_all_files_is_taken(folders: Callable[..., list[Path]]) -> None:
    full = {"a": b"right", "b": b"right"}
    homes = folders({"a": b"right"}, full, full)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fetch("set") == homes[1] / "set"
    assert where("set") == str(homes[1] / "set")


def test_data_is_looked_in_last(folders: Callable[..., list[Path]], data: Path) -> None:
    [home] = folders({"a": b"right", "b": b"right"})
    (data / "set").mkdir(parents=True)
    for file in ("a", "b"):
        (data / "set" / file).write_bytes(b"right")
    assert find("set") == home / "set"
    (home / "set/a").unlink()
    assert find("set") == data / "set"


def test_a_changed_file_warns_that_results_do_not_compare(
    folders: Callable[..., list[Path]],
) -> None:
    [home] = folders({"a": b"right", "b": b"changed"})
    with pytest.warns(UserWarning, match="set/b differs from the published 'set'") as caught:
        assert fetch("set") == home / "set"
    assert len(caught) == 1


# the published sets


def test_every_file_belongs_to_a_set_and_has_a_hash_and_every_address_names_a_commit() -> None:
    assert {file.split("/")[0] for file in registry().registry} == set(SOURCES)
    assert all(re.fullmatch("[0-9a-f]{64}", sha) for sha in registry().registry.values())
    assert len(set(registry().registry.values())) == len(registry().registry)
    for file, address in registry().urls.items():
        assert re.fullmatch(r"https://[\w.]+/[\w-]+/[\w-]+/[0-9a-f]{7,40}/\S+", address)
        assert Path(address).name == Path(file).name
    assert all(re.search(r"licence|Apache|MIT", source.origin) for source in SOURCES.values())


@pytest.mark.parametrize("name", SOURCES)
def test_the_files_here_are_the_published_ones(name: str) -> None:
    if find(name) is None:
        pytest.skip(f"{name} is not in AKIN_DATA or data/")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a file of another hash warns
        assert fetch(name) == find(name)
