"""A small NBD client: fixed newstyle handshake, NBD_OPT_GO, READ; TLS where asked for.

Numbers below are the protocol's (the NBD project's proto.md).
One connection carries one request at a time; the reader keeps several connections.
"""

from __future__ import annotations

import socket
import ssl
import struct
from dataclasses import dataclass

from replication import line

_MAGIC = b"NBDMAGIC"
_OPTION_MAGIC = b"IHAVEOPT"
_REPLY_MAGIC = 0x3E889045565A9
_REQUEST_MAGIC = 0x25609513
_SIMPLE_MAGIC = 0x67446698

_FLAG_FIXED_NEWSTYLE, _FLAG_NO_ZEROES = 1, 2
_OPT_ABORT, _OPT_STARTTLS, _OPT_GO = 2, 5, 7
_REP_ACK, _REP_INFO = 1, 3
_REP_ERROR = 1 << 31
_INFO_EXPORT, _INFO_BLOCK_SIZE = 0, 3
_CMD_READ, _CMD_DISC = 0, 2

_OPTION_ERRORS = {
    1: "unsupported",
    2: "denied by policy",
    3: "invalid",
    5: "TLS is required",
    6: "no such export",
    7: "shutting down",
}
_ERRNO = {1: "EPERM", 5: "EIO", 12: "ENOMEM", 22: "EINVAL", 28: "ENOSPC", 75: "EOVERFLOW", 95: "ENOTSUP", 108: "ESHUTDOWN"}

MAX_READ = 32 * 1024 * 1024
"""What every server takes unless it says less (NBD_INFO_BLOCK_SIZE)."""

_SECONDS = 60.0


class NbdError(Exception):
    """The server refused; `name` is its error's name ("ENOMEM")."""

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True, slots=True)
class NbdAddress:
    """A unix socket (`socket`) or TCP `host` and `port`; `export` is the export's name; `tls` verifies the server."""

    socket: str | None = None
    host: str = "localhost"
    port: int = 10809
    export: str = ""
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"nbd+unix:{self.socket}" if self.socket else f"nbd://{self.host}:{self.port}/{self.export}"


class NbdConnection:
    """One connection in transmission phase; `size` bytes, `max_read` bytes a request. Not for several threads."""

    def __init__(self, address: NbdAddress, *, seconds: float = _SECONDS) -> None:
        self._socket = _connect(address, seconds)
        self._cookie = 0
        self.size = 0
        self.max_read = MAX_READ
        try:
            self._handshake(address)
        except BaseException:
            self._socket.close()
            raise

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes; raises `NbdError` when the server says no, OSError when the connection broke."""
        self._cookie += 1
        self._socket.sendall(struct.pack(">IHHQQI", _REQUEST_MAGIC, 0, _CMD_READ, self._cookie, offset, length))
        magic, error, cookie = struct.unpack(">IIQ", self._exactly(16))
        if magic != _SIMPLE_MAGIC or cookie != self._cookie:
            raise OSError("the server's answer is not one to our request")
        if error:
            name = _ERRNO.get(error, f"error {error}")
            raise NbdError(f"the server answers {name} to a read of {length} bytes at {offset}", name)
        return line.received(self._exactly, length) if line.limited() else self._exactly(length)

    def close(self) -> None:
        """Say good-bye; a connection that is broken already is closed all the same."""
        try:
            self._socket.sendall(struct.pack(">IHHQQI", _REQUEST_MAGIC, 0, _CMD_DISC, 0, 0, 0))
        except OSError:
            pass  # nobody is there to be told
        finally:
            self._socket.close()

    def _handshake(self, address: NbdAddress) -> None:
        if self._exactly(8) != _MAGIC or self._exactly(8) != _OPTION_MAGIC:
            raise NbdError("it speaks no newstyle NBD")
        (flags,) = struct.unpack(">H", self._exactly(2))
        if not flags & _FLAG_FIXED_NEWSTYLE:
            raise NbdError("it does not speak the fixed newstyle handshake")
        self._socket.sendall(struct.pack(">I", _FLAG_FIXED_NEWSTYLE | (flags & _FLAG_NO_ZEROES)))
        if address.tls is not None:
            self._option(_OPT_STARTTLS, b"")
            kind, _ = self._reply(_OPT_STARTTLS)
            if kind != _REP_ACK:
                raise NbdError("it did not agree to TLS")
            self._socket = address.tls.wrap_socket(self._socket, server_hostname=address.host)
        self._go(address.export.encode())

    def _go(self, export: bytes) -> None:
        wanted = struct.pack(">H", _INFO_BLOCK_SIZE)
        self._option(_OPT_GO, struct.pack(">I", len(export)) + export + struct.pack(">H", 1) + wanted)
        while True:
            kind, data = self._reply(_OPT_GO)
            if kind == _REP_ACK:
                return
            if kind != _REP_INFO or len(data) < 2:
                raise NbdError(f"it answers NBD_OPT_GO with reply {kind}")
            (info,) = struct.unpack_from(">H", data)
            if info == _INFO_EXPORT:
                (self.size,) = struct.unpack_from(">Q", data, 2)
            elif info == _INFO_BLOCK_SIZE:
                (largest,) = struct.unpack_from(">I", data, 10)
                self.max_read = min(self.max_read, largest)

    def _option(self, option: int, data: bytes) -> None:
        self._socket.sendall(_OPTION_MAGIC + struct.pack(">II", option, len(data)) + data)

    def _reply(self, option: int) -> tuple[int, bytes]:
        magic, answered, kind, length = struct.unpack(">QIII", self._exactly(20))
        if magic != _REPLY_MAGIC or answered != option or length > 65536:
            raise NbdError("its answer to an option is malformed")
        data = self._exactly(length)
        if kind & _REP_ERROR:
            why = _OPTION_ERRORS.get(kind & ~_REP_ERROR, f"error {kind & ~_REP_ERROR}")
            raise NbdError(f"{why}{': ' + data.decode('utf-8', 'replace') if data else ''}", why)
        return kind, data

    def _exactly(self, length: int) -> bytes:
        buffer = bytearray(length)
        view = memoryview(buffer)
        done = 0
        while done < length:
            count = self._socket.recv_into(view[done:])
            if not count:
                raise ConnectionError(f"the connection ended after {done} of {length} bytes")
            done += count
        return bytes(buffer)


def _connect(address: NbdAddress, seconds: float) -> socket.socket:
    if address.socket is None:
        made = socket.create_connection((address.host, address.port), seconds)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(seconds)
    try:
        made.connect(address.socket)
    except BaseException:
        made.close()
        raise
    return made
