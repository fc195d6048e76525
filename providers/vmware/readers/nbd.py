"""The `nbd` reader: an NBD server at the other end, above all nbdkit with its vddk plugin.

Options (all texts may hold {machine}, {moref}, {snapshot}, {key}, {file}, {uuid}, {host} and, for a command, {socket}):

- `socket`, or `host` and `port`, with `export`: a server that runs already; `ca` (a PEM file) switches TLS on.
- `command`: a list of words that starts a server for this disk, in the foreground, listening on the unix socket {socket}:
  `["nbdkit", "-f", "-r", "-U", "{socket}", "vddk", "vm=moref={moref}", "snapshot={snapshot}", "file={file}", ...]`.
  Passwords do not belong on a command line: nbdkit reads them from a file (`password=+FILE`).
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from providers.vmware.readers import OpenRequest
from providers.vmware.readers.nbd_client import NbdAddress, NbdConnection, NbdError
from replication.model.errors import Permanent, Temporary

REQUEST_BYTES = 2 * 1024 * 1024
"""Most bytes of one request: larger ones exhaust the NFC buffers of ESXi hosts (virt-v2v met it, and settled on 2 MiB)."""

START_SECONDS = 30.0
END_SECONDS = 15.0
_TRIES = 3
_BACK_OFF = ("ENOMEM", "EIO")
"""What NFC's exhausted memory looks like from here: not a failure but a reason to wait."""


class NbdReader:
    """Reads one disk; see `replication.ports.DiskReader`. One connection per request under way."""

    def __init__(self, request: OpenRequest, address: NbdAddress) -> None:
        self._request = request
        self._address = address
        self._lock = threading.Lock()
        self._idle: list[NbdConnection] = []
        connection = self._connect()
        if connection.size < request.disk.capacity:
            connection.close()
            raise Permanent(
                f"{address} serves {connection.size} bytes, the disk has {request.disk.capacity}",
                subject=request.subject,
                remedy="check the nbd reader's options: it serves another disk",
                code="WrongExport",
            )
        self._idle.append(connection)

    def read(self, offset: int, length: int) -> bytes:
        end = offset + length
        self._request.check_range(offset, length)
        parts = []
        while offset < end:
            part = self._request_one(offset, min(REQUEST_BYTES, end - offset))
            parts.append(part)
            offset += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def confirm(self) -> None:
        """Our snapshot is still there with the same backings (the server holds the chain open, so no more can change)."""
        disk = self._request.disk
        now = self._request.disk_now()
        if now is None or (now.file, now.uuid) != (disk.file, disk.uuid):
            raise self._request.changed("the snapshot's backing is another one now")

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _request_one(self, offset: int, length: int) -> bytes:
        problem: Exception | None = None
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(0.5 * attempt)
            connection = self._borrow()
            try:
                data = connection.read(offset, min(length, connection.max_read))
            except NbdError as error:
                self._give_back(connection)
                if error.name not in _BACK_OFF:
                    raise Permanent(str(error), subject=self._request.subject, code=error.name) from error
                problem = error
            except OSError as error:
                connection.close()
                problem = error
            except BaseException:  # left in the middle of an answer: the engine stops, or has lost its lease
                connection.close()
                raise
            else:
                self._give_back(connection)
                return data
        raise Temporary(
            f"reading from {self._address} failed: {problem}", subject=self._request.subject, code="Nbd"
        ) from problem

    def _borrow(self) -> NbdConnection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._connect()

    def _give_back(self, connection: NbdConnection) -> None:
        with self._lock:
            self._idle.append(connection)

    def _connect(self) -> NbdConnection:
        try:
            return NbdConnection(self._address)
        except NbdError as error:
            raise Permanent(
                f"{self._address} refuses: {error}",
                subject=self._request.subject,
                remedy="check the nbd reader's options and the server's log",
                code="NbdRefused",
            ) from error
        except OSError as error:
            raise Temporary(
                f"{self._address} cannot be reached: {error}",
                subject=self._request.subject,
                remedy="start the NBD server, or check the nbd reader's options",
                code="NbdUnreachable",
            ) from error


@contextmanager
def open_disk(request: OpenRequest) -> Iterator[NbdReader]:
    """Opens the disk (starting a server when `command` says so, and ending it afterwards)."""
    with _served(request) as address:
        reader = NbdReader(request, address)
        try:
            yield reader
        finally:
            reader.close()


@contextmanager
def _served(request: OpenRequest) -> Iterator[NbdAddress]:
    command = request.options.get("command")
    if command is None:
        yield _address(request)
        return
    with tempfile.TemporaryDirectory(prefix="wavelift-nbd-") as folder:
        path = Path(folder, "nbd.sock")
        words = [_filled(word, request, str(path)) for word in command]
        with tempfile.TemporaryFile() as log:
            try:
                server = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            except OSError as error:
                raise Permanent(
                    f"{words[0]} cannot be started: {error.strerror}",
                    subject=request.subject,
                    remedy="install it, or correct the nbd reader's command",
                    code="NbdCommand",
                ) from error
            try:
                _await_socket(server, path, log, request)
                yield NbdAddress(socket=str(path), export=_option(request, "export"))
            finally:
                _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    """Ask it to end; one that hangs (VMware's library may) is ended, for the snapshot of its disk waits to be removed."""
    server.terminate()
    try:
        server.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _await_socket(server: subprocess.Popen[bytes], path: Path, log: Any, request: OpenRequest) -> None:
    until = time.monotonic() + START_SECONDS
    while not _listens(path):
        if server.poll() is not None or time.monotonic() > until:
            log.seek(0)
            said = log.read(2000).decode("utf-8", "replace").strip()
            raise Temporary(
                f"the NBD server did not come up: {said or 'it said nothing'}",
                subject=request.subject,
                remedy="check the nbd reader's command",
                code="NbdCommand",
            )
        time.sleep(0.02)


def _listens(path: Path) -> bool:
    """A socket's file is there before anybody listens on it, so only a connection tells."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(path)) == 0


def _address(request: OpenRequest) -> NbdAddress:
    options: Mapping[str, Any] = request.options
    if "socket" not in options and "host" not in options:
        raise Permanent(
            "the nbd reader has neither socket, host nor command",
            subject=request.subject,
            remedy="say where the NBD server is, or how to start one",
            code="NbdOptions",
        )
    tls = None
    if ca := options.get("ca"):
        import ssl

        tls = ssl.create_default_context(cafile=ca)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
    return NbdAddress(
        socket=_option(request, "socket") or None,
        host=_option(request, "host") or "localhost",
        port=int(options.get("port", 10809)),
        export=_option(request, "export"),
        tls=tls,
    )


def _option(request: OpenRequest, name: str) -> str:
    return _filled(str(request.options.get(name, "")), request, "")


def _filled(text: str, request: OpenRequest, unix_socket: str) -> str:
    return text.format(
        machine=request.machine,
        moref=request.machines.managed(request.machine)._GetMoId(),
        snapshot=request.snapshot.ref,
        key=request.disk.key,
        file=request.disk.file,
        uuid=request.disk.uuid,
        host=request.session.endpoint.host,
        socket=unix_socket,
    )
