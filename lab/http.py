"""A small threaded HTTPS server: one thread a connection, keep-alive, streaming both ways.

It exists because the standard library's `http.server` spends more time on parsing headers than the lab does
on answering, and because a lab must be able to drop a connection in the middle of a body.

A handler gets a `Request` and returns a `Response`. It may raise `DropConnection`; any other exception is a
fault of the lab itself and becomes a bare 500, with the traceback in the lab's own log.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http.client import responses as REASONS
from io import BufferedReader
from typing import Any
from urllib.parse import parse_qsl, unquote

from lab.tls import CaFiles, server_context

log = logging.getLogger("lab.http")

_BUFFER = 1 << 18
_MAX_HEAD = 1 << 17
_DRAIN_LIMIT = 8 << 20  # an unread body up to this size is read away to keep the connection; above it, closed
_SOCKET_BUFFER = 4 << 20
_HANDSHAKE_S = 30.0  # a client that connects and then says nothing holds a thread no longer than this
_ZEROS = bytes(_BUFFER)


class DropConnection(Exception):
    """Raised by a handler (or an ordered fault): close the client's connection without an answer."""


class Headers(Mapping[str, str]):
    """Header fields by case-insensitive name; a repeated field is joined with ', '."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: dict[str, str] = {}
        for name, value in fields:
            key = name.lower()
            self._fields[key] = f"{self._fields[key]}, {value}" if key in self._fields else value

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._fields


class Request:
    """One request. `path` is decoded and has no query; `target` is what stood on the request line.

    The body can be streamed once with `read(n)` or taken whole with `body` (which keeps it: after `body`,
    `read` reads from the kept bytes, so a request can be carried out after its connection is gone).
    """

    def __init__(self, method: str, target: str, headers: Headers, stream: _Body) -> None:
        self.method = method
        self.target = target
        raw_path, _, self.raw_query = target.partition("?")
        self.raw_path = raw_path
        self.path = unquote(raw_path)
        self.query: dict[str, str] = dict(parse_qsl(self.raw_query, keep_blank_values=True))
        self.headers = headers
        self._stream = stream
        self._body: bytes | None = None
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes of the body (all that is left with -1); b"" at its end."""
        if self._body is None:
            return self._stream.read(size)
        end = len(self._body) if size < 0 else self._position + size
        piece = self._body[self._position : end]
        self._position += len(piece)
        return piece

    @property
    def body(self) -> bytes:
        """The whole body, read on first use and kept."""
        if self._body is None:
            self._body = self._stream.read(-1)
        return self._body

    def replace_body(self, body: bytes) -> None:
        """Let the handler see other bytes than the client sent (an ordered bit flip)."""
        self._body = body
        self._position = 0


@dataclass(frozen=True, slots=True)
class FileRange:
    """A response body: `length` bytes of a file from `offset`. Holes are sent without being read."""

    path: str | os.PathLike[str]
    offset: int
    length: int


@dataclass(slots=True)
class Response:
    """An answer. An iterable body is sent chunked unless `headers` has Content-Length."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] | FileRange = b""
    # Stop after this many bytes of the body and drop the connection: an ordered break in mid-body.
    break_after: int | None = None


Handler = Callable[[Request], Response]


class _Body:
    """A request's body on the wire: by Content-Length, chunked, or none."""

    def __init__(self, stream: BufferedReader[Any], headers: Headers) -> None:
        self._stream = stream
        self._chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        self.left = 0 if self._chunked else int(headers.get("content-length", "0") or "0")
        self._ended = not self._chunked

    def read(self, size: int) -> bytes:
        if self._chunked:
            return self._read_chunked(size)
        wanted = self.left if size < 0 else min(size, self.left)
        data = self._stream.read(wanted)
        self.left -= len(data)
        if len(data) < wanted:
            raise DropConnection("the client went away in mid-body")
        return data

    def _read_chunked(self, size: int) -> bytes:
        pieces: list[bytes] = []
        while size != 0 and not self._ended:
            if self.left == 0:
                self._next_chunk()
                continue
            piece = self._stream.read(self.left if size < 0 else min(size, self.left))
            if not piece:
                raise DropConnection("the client went away in mid-body")
            self.left -= len(piece)
            size = size if size < 0 else size - len(piece)
            pieces.append(piece)
            if self.left == 0:
                self._stream.readline()
        return b"".join(pieces)

    def _next_chunk(self) -> None:
        line = self._stream.readline()
        try:
            self.left = int(line.split(b";")[0], 16)
        except ValueError:
            raise DropConnection("bad chunk header") from None
        if self.left == 0:
            self._ended = True
            while self._stream.readline().strip():
                pass  # trailers are of no use to the lab

    def drain(self) -> bool:
        """Read away what the handler left; False when that is too much to be worth it."""
        if self.left > _DRAIN_LIMIT:
            return False
        while self.read(_BUFFER):
            pass
        return True


class LabServer:
    """HTTPS on 127.0.0.1. With `port=0` the system chooses; `port` then says which."""

    def __init__(self, handler: Handler, certs: CaFiles, port: int = 0) -> None:
        self._handler = handler
        self._context = server_context(certs)
        self._listener = _listen(port)
        self.port: int = self._listener.getsockname()[1]
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()

    def serve_forever(self) -> None:
        """Accept connections until `shutdown`."""
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                break  # shutdown woke us
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
        self._listener.close()

    def shutdown(self) -> None:
        """Stop accepting and end every connection."""
        self._stopped.set()
        _hang_up(self._listener)
        self.drop_connections()

    def drop_connections(self) -> None:
        """End every open connection, as a restart of the real service would; new ones are welcome.

        Only each connection's own thread closes its socket: a descriptor closed under a thread that still reads or
        writes TLS on it is soon some other file's, and that file would get the TLS records.
        """
        with self._lock:
            for connection in self._connections:
                _hang_up(connection)

    def _serve(self, plain: socket.socket) -> None:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)
        plain.settimeout(_HANDSHAKE_S)
        try:
            connection = self._context.wrap_socket(plain, server_side=True)
            connection.settimeout(None)
        except (OSError, ValueError):
            plain.close()  # not TLS, a CA the client does not trust, or gone
            return
        with self._lock:
            self._connections.add(connection)
        try:
            with BufferedReader(socket.SocketIO(connection, "rb"), _BUFFER) as stream:
                while self._one(connection, stream):
                    pass
        except (DropConnection, OSError, ValueError) as error:
            log.debug("connection dropped: %s", error)
        finally:
            with self._lock:
                self._connections.discard(connection)  # from here on nobody else touches the socket
            _hang_up(connection)
            connection.close()

    def _one(self, connection: ssl.SSLSocket, stream: BufferedReader[Any]) -> bool:
        """Answer one request; False when the connection must not be used again."""
        head = _read_head(stream)
        if head is None:
            return False
        method, target, version, headers = head
        if headers.get("expect", "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = _Body(stream, headers)
        request = Request(method, target, headers, body)
        response = self._answer(request)
        keep = version != "HTTP/1.0" and headers.get("connection", "").lower() != "close" and body.drain()
        _send(connection, response, head_only=method == "HEAD", keep=keep)
        return keep

    def _answer(self, request: Request) -> Response:
        try:
            return self._handler(request)
        except DropConnection:
            raise
        except Exception:  # the server's outermost edge: a bug of the lab answers 500 and lands in its log
            log.exception("the lab failed at %s %s", request.method, request.path)
            return Response(500, {"Content-Type": "text/plain"}, b"the lab itself failed; see its log\n")


def run_until_stopped(servers: Iterable[LabServer], on_stop: Callable[[], None] | None = None) -> None:
    """Serve in threads until SIGTERM or SIGINT; then shut the servers down and call `on_stop`."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    servers = list(servers)
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    stop.wait()
    for server in servers:
        server.shutdown()
    if on_stop is not None:
        on_stop()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.bind(("127.0.0.1", 0))  # somebody else took the port we had: a lab that moves beats none
    listener.listen(512)
    return listener


def _hang_up(connection: socket.socket) -> None:
    """End both directions at the TCP level. `SSLSocket.shutdown` would also drop the TLS state that is in use."""
    try:
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        log.debug("already closed by the other side")


def _read_head(stream: BufferedReader[Any]) -> tuple[str, str, str, Headers] | None:
    line = stream.readline(_MAX_HEAD)
    while line in (b"\r\n", b"\n"):
        line = stream.readline(_MAX_HEAD)
    if not line:
        return None
    parts = line.decode("latin-1").split()
    if len(parts) != 3:
        raise DropConnection("not an HTTP request line")
    fields: list[tuple[str, str]] = []
    while (raw := stream.readline(_MAX_HEAD)) not in (b"\r\n", b"\n", b""):
        name, _, value = raw.decode("latin-1").partition(":")
        fields.append((name.strip(), value.strip()))
    return parts[0], parts[1], parts[2], Headers(fields)


def _send(connection: ssl.SSLSocket, response: Response, *, head_only: bool, keep: bool) -> None:
    headers = dict(response.headers)
    names = {name.lower() for name in headers}
    length = _length(response.body)
    chunked = length is None and "content-length" not in names
    bodiless = head_only or response.status in (204, 304) or response.status < 200
    if chunked and not bodiless:
        headers["Transfer-Encoding"] = "chunked"
    elif "content-length" not in names and response.status not in (204, 304) and length is not None:
        headers["Content-Length"] = str(length)
    if "date" not in names:
        headers["Date"] = formatdate(usegmt=True)
    if not keep:
        headers["Connection"] = "close"
    reason = REASONS.get(response.status, "Unknown")
    lines = [f"HTTP/1.1 {response.status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    if bodiless:
        connection.sendall(head)
        return
    if isinstance(response.body, bytes) and response.break_after is None and len(response.body) < _BUFFER:
        connection.sendall(head + response.body)  # one TLS record and one segment for small answers
        return
    connection.sendall(head)
    _send_body(connection, response, chunked=chunked)


def _send_body(connection: ssl.SSLSocket, response: Response, *, chunked: bool) -> None:
    left = response.break_after
    for piece in pieces(response.body):
        if left is not None:
            if len(piece) >= left:
                connection.sendall(piece[:left])
                raise DropConnection("ordered break in mid-body")
            left -= len(piece)
        if chunked:
            connection.sendall(b"%x\r\n" % len(piece))
            connection.sendall(piece)
            connection.sendall(b"\r\n")
        else:
            connection.sendall(piece)
    if left is not None:
        raise DropConnection("ordered break in mid-body")
    if chunked:
        connection.sendall(b"0\r\n\r\n")


def _length(body: bytes | Iterable[bytes] | FileRange) -> int | None:
    match body:
        case bytes():
            return len(body)
        case FileRange():
            return body.length
        case _:
            return None


def pieces(body: bytes | Iterable[bytes] | FileRange) -> Iterator[bytes | memoryview]:
    """The non-empty pieces of a body, in order."""
    match body:
        case bytes():
            if body:
                yield body
        case FileRange():
            yield from _file_pieces(body)
        case _:
            yield from filter(None, body)


def _file_pieces(body: FileRange) -> Iterator[memoryview]:
    """Pieces of a file range; a hole costs no read, a file that is too short is filled up with zeros."""
    buffer = memoryview(bytearray(_BUFFER))
    zeros = memoryview(_ZEROS)
    position, end = body.offset, body.offset + body.length
    descriptor = os.open(body.path, os.O_RDONLY)
    try:
        while position < end:
            data_start = _seek_data(descriptor, position, end)
            while position < data_start:
                step = min(_BUFFER, data_start - position)
                yield zeros[:step]
                position += step
            data_end = _seek_hole(descriptor, position, end)
            while position < data_end:
                count = os.preadv(descriptor, [buffer[: min(_BUFFER, data_end - position)]], position)
                if count == 0:
                    break  # the file shrank meanwhile: the next round sees a hole
                yield buffer[:count]
                position += count
    finally:
        os.close(descriptor)


def _seek_data(descriptor: int, position: int, end: int) -> int:
    try:
        return min(os.lseek(descriptor, position, os.SEEK_DATA), end)
    except OSError:
        return end  # ENXIO: nothing but a hole from here on


def _seek_hole(descriptor: int, position: int, end: int) -> int:
    try:
        return min(os.lseek(descriptor, position, os.SEEK_HOLE), end)
    except OSError:
        return position
