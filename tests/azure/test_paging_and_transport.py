"""Long answers come in pages, broken ones are asked for again, and nothing is said to a server that speaks old TLS (S6)."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import uuid
from pathlib import Path

import pytest

from lab.tls import ensure_ca
from providers.azure.again import Patience
from providers.azure.wire import Wire
from replication.model.errors import PortError, UnknownFate
from replication.model.extents import MIB, Extent
from tests.azure.support import World


def test_page_ranges_of_many_pages(azure_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk's ranges are listed to the end, not to the end of the first answer."""
    monkeypatch.setattr("providers.azure.replica._RANGES_PAGE", 4)
    replicas = azure_world.stores.replicas(azure_world.endpoint("seed_store"), "seeds")
    replicas.ensure(name := f"{uuid.uuid4()}.vhd", 16 * MIB)
    written = [Extent(at * 256 * 1024, 4096) for at in range(23)]
    for extent in written:
        replicas.write(name, extent.offset, b"x" * extent.length, 0)
    assert replicas.allocated(name, replicas.checkpoint(name), 16 * MIB) == written


def test_listings_of_many_pages(azure_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.azure.stores._PAGE", 3)
    log = azure_world.stores.log(azure_world.endpoint("log_store"), "log")
    prefix = f"many/{uuid.uuid4()}/"
    names = [f"{prefix}{n:02}" for n in range(10)]
    for name in names:
        log.put(name, b"-", {})
    assert sorted(log.list(prefix)) == names
    assert log.delete_prefix(prefix) == 10
    assert list(log.list(prefix)) == []


def test_a_read_that_breaks_off_is_read_again(azure_world: World) -> None:
    """A short answer is never taken for the whole."""
    log = azure_world.stores.log(azure_world.endpoint("log_store"), "log")
    replicas = azure_world.stores.replicas(azure_world.endpoint("seed_store"), "seeds")
    name, data = str(uuid.uuid4()), os.urandom(3 * MIB)
    log.put(name, data, {})
    replicas.ensure(name, 3 * MIB)
    replicas.write(name, 0, data, 0)
    with azure_world.lab.fault("blob GetBlob", "break", count=1):
        assert log.get(name)[0] == data
    with azure_world.lab.fault("blob GetBlob", "break", count=1):
        assert replicas.read(name, None, 0, 3 * MIB) == data


def old(context: ssl.SSLContext) -> ssl.SSLContext:
    """Let it speak TLS 1.1 and nothing newer."""
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_is_refused(tmp_path: Path) -> None:
    """S6: TLS 1.2 or newer on every connection. A client that does not mind shows that the server does answer."""
    files = ensure_ca(tmp_path)
    context = old(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    context.load_cert_chain(files.cert_pem, files.key_pem)
    said: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for _ in range(2):
                connection, _ = server.accept()
                try:
                    with context.wrap_socket(connection, server_side=True) as secured:
                        said.append(secured.recv(100))
                except (ssl.SSLError, OSError):
                    connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        lax = old(ssl.create_default_context(cafile=str(files.ca_pem)))
        with (
            socket.create_connection(server.getsockname()) as plain,
            lax.wrap_socket(plain, server_hostname="127.0.0.1") as s,
        ):
            s.sendall(b"hello")
        wire = Wire(str(files.ca_pem), lambda fresh: "token", Patience(times=1))
        with pytest.raises(PortError):
            wire.send("GET", f"https://127.0.0.1:{server.getsockname()[1]}/x", {}, subject="old", repeat=True)
        thread.join(5)
    assert said == [b"hello"]


def test_tls_that_breaks_after_the_request_is_no_refusal(tmp_path: Path) -> None:
    """Design: a copy whose answer was lost is never sent again. A record that is damaged on its way back is a lost answer, not
    a server that nobody reached."""
    files, asked = ensure_ca(tmp_path), 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert_pem, files.key_pem)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            nonlocal asked
            while True:
                try:
                    plain, _ = server.accept()
                except OSError:
                    return
                with plain:
                    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
                    side = context.wrap_bio(into, out, server_side=True)
                    request = b""
                    while b"\r\n\r\n" not in request:
                        try:
                            if side.version() is None:
                                side.do_handshake()
                            request += side.read(4096)
                        except ssl.SSLWantReadError:
                            plain.sendall(out.read())
                            into.write(plain.recv(65536))
                    asked += 1
                    plain.sendall(b"\x17\x03\x03\x00\x20" + os.urandom(32))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        wire = Wire(str(files.ca_pem), lambda fresh: "token", Patience(times=3, pause=0.01))
        with pytest.raises(UnknownFate):
            wire.send("PUT", f"https://127.0.0.1:{server.getsockname()[1]}/x", {}, subject="a copy", repeat=False)
    assert asked == 1
