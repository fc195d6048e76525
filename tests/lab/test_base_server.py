"""What both lab servers stand on: HTTPS, lab.json, certificates, the control API and faults on order."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.control import Control, ControlError
from lab.faults import Faults
from lab.http import FileRange, LabServer, Request, Response
from lab.registry import Registry
from lab.tls import client_context, ensure_ca

MIB = 1 << 20


class Store:
    """A tiny service: PUT keeps a body, GET gives it, with the base's faults around both."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.faults = Faults()
        self.bodies: dict[str, bytes] = {}
        self.registry = Registry(root)
        control = Control(self.registry.control_token(), self.faults, lambda: {"bodies": len(self.bodies)})
        control.route("POST", "echo/{name}", lambda body, given: {**body, **given})
        control.route("POST", "refuse", self.refuse)
        self.server = LabServer(control.before(self.handle), ensure_ca(root))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def refuse(self, body: dict[str, Any], given: dict[str, str]) -> None:
        raise ControlError("no such thing", 409)

    def handle(self, request: Request) -> Response:
        operation = "Put" if request.method == "PUT" else "Get"
        return self.faults.wrap("blob", operation, request.path, request, lambda: self.answer(request))

    def answer(self, request: Request) -> Response:
        if request.method == "PUT":
            self.bodies[request.path] = request.body
            return Response(201, {"X-Length": str(len(request.body))})
        if request.path == "/file":
            first, length = (int(request.query[key]) for key in ("first", "length"))
            return Response(200, {}, FileRange(self.root / "file", first, length))
        if request.path == "/parts":
            return Response(200, {}, (bytes([number]) * 10 for number in range(5)))
        if request.path == "/bug":
            raise KeyError("a bug")
        return Response(200, {}, self.bodies[request.path])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made.server.shutdown()


@pytest.fixture
def client(store: Store) -> Iterator[http.client.HTTPSConnection]:
    context = client_context(store.registry.read()["ca"])
    connection = http.client.HTTPSConnection("127.0.0.1", store.server.port, context=context, timeout=20)
    yield connection
    connection.close()


def ask(
    client: http.client.HTTPSConnection, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, bytes]:
    client.request(method, path, body, headers)
    answer = client.getresponse()
    return answer.status, answer.read()


def order(
    store: Store, client: http.client.HTTPSConnection, path: str, body: Any = None, method: str = "POST"
) -> Any:
    token = store.registry.control_token()
    text = None if body is None else json.dumps(body)
    status, answer = ask(client, method, f"/lab/v1/{path}", text, Authorization=f"Bearer {token}")
    return status, json.loads(answer)


def test_one_connection_serves_many_requests(client: http.client.HTTPSConnection) -> None:
    """Keep-alive, bodies with a length, in chunks, and HEAD, on one TLS 1.2+ connection."""
    assert ask(client, "PUT", "/a%20b?x=1", b"one") == (201, b"")
    first = client.sock
    assert ask(client, "GET", "/a%20b") == (200, b"one")
    assert ask(client, "PUT", "/c", iter([b"two", b"", b"three"])) == (201, b"")
    assert ask(client, "GET", "/c") == (200, b"twothree")
    assert ask(client, "HEAD", "/c") == (200, b"")
    assert ask(client, "GET", "/parts") == (200, b"".join(bytes([n]) * 10 for n in range(5)))
    assert ask(client, "GET", "/bug")[0] == 500
    assert client.sock is first and isinstance(first, ssl.SSLSocket)
    assert first.version() in ("TLSv1.2", "TLSv1.3")


def test_old_tls_and_strangers_are_refused(store: Store) -> None:
    """S6: below TLS 1.2 no connection; a client that trusts other CAs refuses the lab."""
    stranger = http.client.HTTPSConnection("127.0.0.1", store.server.port, context=ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError):
        stranger.request("GET", "/a")
    old = client_context(store.registry.read()["ca"])
    with pytest.warns(DeprecationWarning):
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError):
        http.client.HTTPSConnection("127.0.0.1", store.server.port, context=old).request("GET", "/a")


def test_ranges_of_sparse_files(store: Store, client: http.client.HTTPSConnection) -> None:
    """A file range is sent as it is, holes and all, and past the file's end as zeros."""
    data = os.urandom(300_000)
    with open(store.root / "file", "wb") as stream:
        stream.truncate(8 * MIB)
        stream.seek(3 * MIB + 5)
        stream.write(data)
    whole = (store.root / "file").read_bytes() + bytes(MIB)
    for first, length in ((0, 9 * MIB), (3 * MIB, MIB), (3 * MIB + 5, 1), (5 * MIB, 4 * MIB), (0, 0)):
        status, body = ask(client, "GET", f"/file?first={first}&length={length}")
        assert status == 200 and body == whole[first : first + length]


def test_dropped_connections_leave_other_files_alone(store: Store, tmp_path: Path) -> None:
    """A connection ended by the server while its thread reads or writes: no TLS record lands in another file."""
    store.bodies["/big"] = bytes(4 * MIB)
    context = client_context(store.registry.read()["ca"])
    for number in range(30):
        clients = [
            http.client.HTTPSConnection("127.0.0.1", store.server.port, context=context) for _ in range(3)
        ]
        for one in clients:
            one.request("GET", "/big")
        store.server.drop_connections()
        streams = [open(tmp_path / f"f{number}-{n}", "w+b") for n in range(20)]  # noqa: SIM115  # held open on purpose
        for one in clients:
            one.close()
        for stream in streams:
            stream.close()
    assert all(path.stat().st_size == 0 for path in tmp_path.glob("f*-*"))


def test_control_needs_its_token(store: Store, client: http.client.HTTPSConnection) -> None:
    """The control API: bearer token, JSON, path parameters, refusals with a text."""
    assert ask(client, "GET", "/lab/v1/status")[0] == 401
    assert order(store, client, "status", method="GET") == (200, {"bodies": 0})
    assert order(store, client, "echo/a%20b?q=1", {"x": 2}) == (200, {"x": 2, "name": "a b", "q": "1"})
    assert order(store, client, "refuse", {}) == (409, {"error": "no such thing"})
    assert order(store, client, "nothing")[0] == 404
    status, answer = order(store, client, "faults", {"match": "x", "action": "explode"})
    assert status == 400 and "explode" in answer["error"] and "delay" in answer["error"]


def test_failures_before_and_after(store: Store, client: http.client.HTTPSConnection) -> None:
    """The Nth matching call fails, without being done or after having been done."""
    order(store, client, "faults", {"match": "blob Put /k", "action": "fail", "nth": 2, "retry_after": 3})
    assert ask(client, "PUT", "/k", b"1")[0] == 201
    client.request("PUT", "/k", b"2")
    answer = client.getresponse()
    assert answer.status == 503 and answer.headers["Retry-After"] == "3" and b"ServerBusy" in answer.read()
    assert store.bodies["/k"] == b"1"
    assert ask(client, "PUT", "/k", b"3")[0] == 201
    order(store, client, "faults", {"match": "Put", "action": "fail", "when": "after", "status": 500})
    assert ask(client, "PUT", "/k", b"4")[0] == 500 and store.bodies["/k"] == b"4"
    rules = order(store, client, "faults", method="GET")[1]["rules"]
    assert [(rule["seen"], rule["hits"]) for rule in rules] == [(4, 1), (1, 1)]


def test_a_write_held_on_the_wire_lands_late(store: Store, client: http.client.HTTPSConnection) -> None:
    """Issue 2: the client sees its connection die; the write is carried out when it is released."""
    assert ask(client, "PUT", "/p", b"old")[0] == 201
    order(store, client, "faults", {"id": "late", "match": "Put /p", "action": "hold"})
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(client, "PUT", "/p", b"held")
    client.close()
    assert ask(client, "PUT", "/p", b"newer")[0] == 201
    assert order(store, client, "faults", method="GET")[1]["held"] == [{"rule": "late", "call": "blob Put /p"}]
    assert store.bodies["/p"] == b"newer"
    released = order(store, client, "faults/release", {"id": "late"})[1]
    assert released == {"released": [{"call": "blob Put /p", "status": 201}]} and store.bodies["/p"] == b"held"
    assert order(store, client, "faults/release", {})[1] == {"released": []}


def test_breaks_flips_and_delays(store: Store, client: http.client.HTTPSConnection) -> None:
    """A body that ends in the middle, one bit changed in what is stored, a call that takes its time."""
    order(store, client, "faults", {"match": "Put", "action": "break"})
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(client, "PUT", "/b", bytes(MIB))
    assert "/b" not in store.bodies
    client.close()
    body = os.urandom(1000)
    order(store, client, "faults", {"match": "Put", "action": "flip"})
    assert ask(client, "PUT", "/b", body)[0] == 201
    changed = [a ^ b for a, b in zip(body, store.bodies["/b"], strict=True) if a != b]
    assert len(changed) == 1 and changed[0].bit_count() == 1
    order(store, client, "faults", {"match": "Get", "action": "break", "when": "after"})
    with pytest.raises(http.client.IncompleteRead) as broken:
        ask(client, "GET", "/b")
    assert len(broken.value.partial) == 500
    client.close()
    order(store, client, "faults", {"match": "Get", "action": "delay", "seconds": 0.2, "count": 0})
    assert ask(client, "GET", "/b") == (200, store.bodies["/b"])
    order(store, client, "faults", method="DELETE")
    assert order(store, client, "faults", method="GET")[1]["rules"] == []


def test_registry_is_shared_private_and_kept(tmp_path: Path) -> None:
    """lab.json: mode 600, one section a process, secrets and token made once."""
    first, second = Registry(tmp_path), Registry(tmp_path)
    first.update("vcenter", {"port": 1, "pid": 10})
    second.update("azure", {"arm": "x"})
    assert first.control_token() == second.control_token()
    password = first.secret("vcenter", "password")
    first.update("vcenter", {"pid": None})
    assert second.secret("vcenter", "password") == password
    document = second.read()
    assert document["vcenter"] == {"port": 1, "password": password} and document["azure"] == {"arm": "x"}
    assert document["version"] == 1 and Path(document["ca"]).exists()
    assert stat.S_IMODE(os.stat(tmp_path / "lab.json").st_mode) == 0o600
    assert ensure_ca(tmp_path).ca_pem.read_bytes() == Path(document["ca"]).read_bytes()
