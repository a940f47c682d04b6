"""A server of this machine and a register with one data set, for tests of downloads."""

import hashlib
import http.server
import threading
from contextlib import contextmanager

from neurospyke.datasets import registry
from neurospyke.datasets.registry import Dataset

CONTENT = bytes(range(256)) * 5000


def md5(content):
    """Checksum as the register writes it."""
    return f"md5:{hashlib.md5(content, usedforsecurity=False).hexdigest()}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "http://example.org/elsewhere")
            self.end_headers()
            return
        self.send_response(404 if self.path == "/absent" else 200)
        if self.path != "/unsized":
            self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: 1000 if self.path in {"/short", "/unsized"} else None])

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Nothing: a client that hangs up early is part of the tests."""


@contextmanager
def serving():
    """Address of a server of this machine."""
    with Server(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def nowhere_else(folder, monkeypatch):
    """Let there be no folder of data sets but those under `folder`."""
    monkeypatch.delenv("NEUROSPYKE_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(registry, "_SHARED", folder / "shared" / "data")
    monkeypatch.setattr(registry, "_SYSTEM", folder / "system")


def offer_only(monkeypatch, *files):
    """Let a data set called "set" be the only one there is."""
    dataset = Dataset("set", "A set", "CC0", "Us (2026)", "https://example.org", files)
    monkeypatch.setattr(registry, "read_registry", lambda: {"set": dataset})
