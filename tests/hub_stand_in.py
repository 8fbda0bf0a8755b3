"""A small stand-in of Hugging Face's Hub on this machine: as much of its HTTP as making, sending and fetching asks for.

Repositories lie in ``Hub.repositories`` as name -> Held; ``Hub.status`` is an answer that it gives to everything, with
an error code. What was asked is in ``Hub.asked``.
"""

import base64
import hashlib
import http.server
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field

TOKEN = "hf_" + "a" * 34
OWNER = "ada"
RESOLVE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


@dataclass
class Held:
    """A repository: its files; whether it is private or gated; how often it was committed to."""

    files: dict = field(default_factory=dict)
    private: bool = False
    gated: bool = False
    commits: int = 0

    @property
    def commit(self):
        return hashlib.sha1(f"{self.commits}".encode()).hexdigest()


class Hub(http.server.BaseHTTPRequestHandler):
    """One request."""

    repositories: dict
    uploads: dict
    asked: list
    status: tuple | None = None
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.give(body=False)

    def do_GET(self):
        self.give(body=True)

    def do_PUT(self):
        self.asked.append(f"PUT {self.path}")
        self.uploads[self.path.rpartition("/")[2]] = self.body()
        self.answer(200)

    def do_POST(self):
        self.asked.append(f"POST {self.path}")
        sent = self.body()
        if self.status:
            self.refuse(*self.status)
        elif self.headers["Authorization"] != f"Bearer {TOKEN}":
            self.refuse(401, "")
        elif self.path == "/api/repos/create":
            self.create(json.loads(sent))
        elif self.path == "/api/validate-yaml":
            self.answer(200, {"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            kinds = [(one["path"], one["path"].endswith(".safetensors")) for one in json.loads(sent)["files"]]
            modes = [
                {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
                for path, large in kinds
            ]
            self.answer(200, {"files": modes})
        elif self.path.endswith("/info/lfs/objects/batch"):
            href = f"http://{self.headers['Host']}/upload/"
            objects = [
                {**one, "actions": {"upload": {"href": href + one["oid"]}}} for one in json.loads(sent)["objects"]
            ]
            self.answer(200, {"transfer": "basic", "objects": objects})
        elif "/commit/" in self.path:
            self.commit(sent)
        else:
            self.refuse(404, "")

    def create(self, asked):
        owner, _, name = f"{asked.get('organization') or OWNER}/{asked['name']}".rpartition("/")
        if owner != OWNER:
            self.refuse(403, "", "You don't have the rights to create a model under this namespace")
            return
        full = f"{owner}/{name}"
        there = full in self.repositories
        if not there:
            private = asked.get("private", False) or asked.get("visibility") == "private"
            self.repositories[full] = Held(private=private)
        self.answer(409 if there else 200, {"url": f"http://{self.headers['Host']}/{full}", "name": full})

    def commit(self, sent):
        full = "/".join(self.path.split("/")[3:5])
        held = self.repositories[full]
        for line in map(json.loads, sent.decode().splitlines()):
            value = line["value"]
            if line["key"] == "file":
                held.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                held.files[value["path"]] = self.uploads[value["oid"]]
        held.commits += 1
        self.answer(
            200, {"commitUrl": f"http://{self.headers['Host']}/{full}/commit/{held.commit}", "commitOid": held.commit}
        )

    def give(self, *, body):
        self.asked.append(f"{self.command} {self.path}")
        found = RESOLVE.fullmatch(self.path)
        held = self.repositories.get(found[1]) if found else None
        known = self.headers["Authorization"] == f"Bearer {TOKEN}"
        if self.status:
            self.refuse(*self.status)
        elif held is None or (held.private and not known):
            self.refuse(401 if not known else 404, "RepoNotFound")
        elif held.gated:
            self.refuse(403, "GatedRepo")
        elif found[2] not in ("main", held.commit):
            self.refuse(404, "RevisionNotFound")
        elif found[3] not in held.files:
            self.refuse(404, "EntryNotFound")
        else:
            content = held.files[found[3]]
            self.send_response(200)
            self.send_header("X-Repo-Commit", held.commit)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if body:
                self.wfile.write(content)

    def body(self):
        return self.rfile.read(int(self.headers["Content-Length"] or 0))

    def answer(self, status, document=None):
        text = json.dumps(document or {}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def refuse(self, status, code, message=""):
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", message or code or "refused")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def running(monkeypatch, folder, token=TOKEN):
    """The stand-in, an empty cache, and the environment of somebody who is logged in (or not, without a token)."""
    for name in ("LENEXT_OFFLINE", "HF_HUB_OFFLINE", "HF_HOME", "HF_HUB_CACHE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    Hub.repositories, Hub.uploads, Hub.asked, Hub.status = {}, {}, [], None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setattr(
            "huggingface_hub.constants.HF_HUB_DISABLE_XET", True
        )  # the older way, which HTTP can follow
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("HF_HUB_CACHE", str(folder / "cache"))
        if token:
            monkeypatch.setenv("HF_TOKEN", token)
        yield Hub
        server.shutdown()
