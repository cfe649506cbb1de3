"""Finding a set on this machine, and downloading it from a server that may hang up, lie or know no ranges."""

from __future__ import annotations

import gzip
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
import pytest

import lib.files
from lib.datasets import sources
from lib.datasets.sources import ATTEMPTS, SOURCES, Source, fetch, find

WHOLE = np.random.default_rng(0).bytes(1_000_000)
BUFFER = 2**16  # what a client may lose of the bytes on their way when a connection breaks


class Server(ThreadingHTTPServer):
    """Serves one body at every path; `cuts` says after how many bytes each reply breaks off."""

    body, status, ranges, packs = WHOLE, 200, True, False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.cuts: list[int] = []
        self.asked: list[int] = []  # the first byte that each request asked for

    def source(self, *files: str, sha256: str | None = None) -> Source:
        sha256 = sha256 or hashlib.sha256(WHOLE).hexdigest()
        addresses = {f: f"http://127.0.0.1:{self.server_port}/{f}" for f in files or ["a.bin"]}
        return Source("bytes", "nowhere", dict.fromkeys(addresses, sha256), addresses)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Server = self.server
        start = int(re.sub(r"\D", "", self.headers.get("Range", "0")))
        server.asked.append(start)
        packed = server.packs and "gzip" in self.headers.get("Accept-Encoding", "")
        body = gzip.compress(server.body) if packed else server.body  # a range counts the bytes as they are sent
        start = start if server.ranges else 0
        status = server.status if server.status != 200 else 416 if start >= len(body) else 206 if start else 200
        rest = body[start:] if status in (200, 206) else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(rest)))
        if packed:
            self.send_header("Content-Encoding", "gzip")
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        self.wfile.write(rest[: server.cuts.pop(0)] if server.cuts else rest)

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
    """The project's `data/`, not made yet, and no AKIN_DATA."""
    for module in (sources, lib.files):
        monkeypatch.setattr(module, "DATA", tmp_path / "data")
    monkeypatch.delenv("AKIN_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "data"


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# downloads


def test_a_set_is_downloaded_once_file_by_file(server: Server, data: Path) -> None:
    source = server.source("a.bin", "pairs/b.bin")
    assert find("set", source) is None
    assert fetch("set", source) == data / "set"
    assert files(data) == {"set/a.bin": WHOLE, "set/pairs/b.bin": WHOLE}
    assert fetch("set", source) == find("set", source) == data / "set"
    assert server.asked == [0, 0]


def test_only_the_missing_file_of_a_set_is_downloaded(server: Server, data: Path) -> None:
    source = server.source("a.bin", "b.bin")
    (data / "set").mkdir(parents=True)
    (data / "set/a.bin").write_bytes(WHOLE)
    fetch("set", source)
    assert files(data) == {"set/a.bin": WHOLE, "set/b.bin": WHOLE}
    assert server.asked == [0]


def test_other_bytes_than_expected_leave_nothing_behind(server: Server, data: Path) -> None:
    for _ in range(2):  # the second time starts anew
        with pytest.raises(RuntimeError, match=r"a\.bin gave other bytes than expected"):
            fetch("set", server.source(sha256="0" * 64))
        assert files(data) == {}
    assert server.asked == [0, 0]


def test_a_broken_connection_is_taken_up_where_it_broke(server: Server, data: Path) -> None:
    server.cuts = [500_000, 300_000]
    fetch("set", server.source())
    assert files(data) == {"set/a.bin": WHOLE}
    first, second, third = server.asked
    assert first == 0
    assert 500_000 - BUFFER <= second <= 500_000
    assert second + 300_000 - BUFFER <= third <= second + 300_000


def test_what_arrived_before_giving_up_serves_the_next_call(server: Server, data: Path) -> None:
    server.cuts = [200_000] * ATTEMPTS
    with pytest.raises(RuntimeError, match=r"could not be downloaded .*what has arrived is kept"):
        fetch("set", server.source())
    assert len(server.asked) == ATTEMPTS
    [(name, kept)] = files(data).items()
    assert name != "set/a.bin"
    assert kept == WHOLE[: len(kept)]
    assert len(kept) >= ATTEMPTS * (200_000 - BUFFER)
    fetch("set", server.source())
    assert server.asked[ATTEMPTS:] == [len(kept)]
    assert files(data) == {"set/a.bin": WHOLE}


def test_a_server_that_knows_no_ranges_is_asked_from_the_start(server: Server, data: Path) -> None:
    server.ranges, server.cuts = False, [500_000]
    fetch("set", server.source())
    assert len(server.asked) == 2
    assert server.asked[1] > 0
    assert files(data) == {"set/a.bin": WHOLE}


def test_a_server_that_packs_its_replies_can_be_resumed(server: Server, data: Path) -> None:
    server.body = b"0123456789abcdef" * 1000 + WHOLE[:300_000].hex().encode()
    server.packs, server.cuts = True, [200_000]
    fetch("set", server.source(sha256=hashlib.sha256(server.body).hexdigest()))
    assert files(data) == {"set/a.bin": server.body}


@pytest.mark.parametrize("left", [WHOLE, WHOLE[:1000]])
def test_a_part_left_by_an_earlier_process_is_used(left: bytes, server: Server, data: Path) -> None:
    (data / "set").mkdir(parents=True)
    (data / "set/.a.bin.part").write_bytes(left)
    fetch("set", server.source())
    assert server.asked == [len(left)]
    assert files(data) == {"set/a.bin": WHOLE}


def test_a_part_of_another_file_costs_one_call(server: Server, data: Path) -> None:
    (data / "set").mkdir(parents=True)
    (data / "set/.a.bin.part").write_bytes(b"junk")
    with pytest.raises(RuntimeError, match="other bytes"):
        fetch("set", server.source())
    fetch("set", server.source())
    assert files(data) == {"set/a.bin": WHOLE}


def test_an_address_that_is_not_there_fails_at_once(server: Server, data: Path) -> None:
    server.status = 404
    with pytest.raises(RuntimeError, match=r"127\.0\.0\.1.*404"):
        fetch("set", server.source())
    assert len(server.asked) == 1
    assert files(data) == {}


def test_a_server_that_cannot_be_reached_is_named(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    source = Source("bytes", "nowhere", {"a.bin": "0" * 64}, {"a.bin": f"http://127.0.0.1:{port}/a.bin"})
    with pytest.raises(RuntimeError, match=f"127.0.0.1:{port}/a.bin could not be downloaded"):
        fetch("set", source)


def test_a_set_without_addresses_says_where_to_get_it(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AKIN_DATA", str(tmp_path / "own"))
    with pytest.raises(FileNotFoundError) as error:
        fetch("set", Source("photos", "the museum", {"a.csv": "0" * 64}))
    for said in ("'set'", "the museum", str(tmp_path / "own"), str(data / "set"), "a.csv"):
        assert said in str(error.value)


# folders


@pytest.fixture
def folders(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Path]]:
    """Lays the set of a.txt and b.txt down, one folder of AKIN_DATA for each argument: {file: content}."""

    def lay(*contents: dict[str, bytes]) -> list[Path]:
        homes = [tmp_path / f"home{n}" for n in range(len(contents))]
        for home, content in zip(homes, contents, strict=True):
            (home / "set").mkdir(parents=True)
            for file, text in content.items():
                (home / "set" / file).write_bytes(text)
        monkeypatch.setenv("AKIN_DATA", os.pathsep.join(map(str, [tmp_path / "nowhere", *homes])))
        return homes

    return lay


OWN = Source("two files", "nowhere", {f: hashlib.sha256(f.encode()).hexdigest() for f in ("a", "b")})


def test_the_first_folder_with_all_files_is_taken(folders: Callable[..., list[Path]]) -> None:
    full = {"a": b"a", "b": b"b"}
    homes = folders({"a": b"a"}, full, full)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fetch("set", OWN) == homes[1] / "set"


def test_data_is_looked_in_last(folders: Callable[..., list[Path]], data: Path) -> None:
    [home] = folders({"a": b"a", "b": b"b"})
    (data / "set").mkdir(parents=True)
    for file in OWN.files:
        (data / "set" / file).write_bytes(file.encode())
    assert find("set", OWN) == home / "set"
    (home / "set/a").unlink()
    assert find("set", OWN) == data / "set"


def test_a_changed_file_warns_that_results_do_not_compare(folders: Callable[..., list[Path]]) -> None:
    [home] = folders({"a": b"a", "b": b"changed"})
    with pytest.warns(UserWarning, match="set/b differs from the published 'set'") as caught:
        assert fetch("set", OWN) == home / "set"
    assert len(caught) == 1


# the published sets


@pytest.mark.parametrize("name", SOURCES)
def test_every_published_file_has_a_hash_and_every_address_a_commit(name: str) -> None:
    source = SOURCES[name]
    assert source.files
    assert all(re.fullmatch("[0-9a-f]{64}", h) for h in source.files.values())
    assert len(set(source.files.values())) == len(source.files)
    assert set(source.addresses) in (set(), set(source.files))
    assert all(re.fullmatch(r"https://[\w.]+/[\w-]+/[\w-]+/[0-9a-f]{7,40}/\S+", a) for a in source.addresses.values())
    assert re.search(r"licence|Apache|MIT", source.origin)


@pytest.mark.parametrize("name", SOURCES)
def test_the_files_here_are_the_published_ones(name: str) -> None:
    folder = find(name, SOURCES[name])
    if folder is None:
        pytest.skip(f"{name} is not in AKIN_DATA or data/")
    assert {f: hashlib.sha256((folder / f).read_bytes()).hexdigest() for f in SOURCES[name].files} == SOURCES[name].files
