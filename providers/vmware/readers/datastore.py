"""Files of a datastore over HTTPS (`/folder/…?dcPath&dsName`), with the SOAP session's cookie and ranges.

Connections are kept alive and shared: one per request under way, reused by whoever comes next. Reading is idempotent, so a
connection that breaks is simply replaced and the range asked for again.
"""

from __future__ import annotations

import threading
import time
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import quote, urlencode

from providers.vmware.session import Session
from replication import line
from replication.model.errors import Denied, NotFound, Permanent, Temporary

SECONDS = 60.0
_TRIES = 4
_LARGEST_TEXT = 1024 * 1024


class DatastoreFiles:
    """Reads through `session`'s host; safe for threads. `close` drops idle connections."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._idle: list[HTTPSConnection] = []

    def text(self, datacenter: str, datastore: str, path: str, *, subject: str) -> str:
        """A small text file as a whole; refuses one larger than 1 MiB."""
        body = self._get(_target(datacenter, datastore, path), None, subject, f"[{datastore}] {path}")
        return body.decode("utf-8", errors="replace")

    def read(self, datacenter: str, datastore: str, path: str, offset: int, length: int, *, subject: str) -> bytes:
        """Exactly `length` bytes; a shorter answer is `Temporary`."""
        return self._get(_target(datacenter, datastore, path), (offset, length), subject, f"[{datastore}] {path}")

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _get(self, target: str, span: tuple[int, int] | None, subject: str, file: str) -> bytes:
        self._session.keep_alive()
        problem: Temporary | None = None
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(0.2 * 3 ** (attempt - 1))
            cookie, generation = self._session.cookie()
            connection = self._borrow(fresh=attempt > 0)
            try:
                body, status = _exchange(connection, target, span, cookie)
            except (OSError, HTTPException) as error:
                connection.close()
                problem = Temporary(
                    f"reading {file} broke off ({type(error).__name__}: {error})", subject=subject, code="Broken"
                )
                continue
            except BaseException:
                connection.close()
                raise
            if body is not None and (span is None or len(body) == span[1]):
                self._give_back(connection)
                return body
            connection.close()
            problem = self._judge(status, body, span, generation, subject, file)
        if problem is None:
            raise AssertionError("no attempt was made")
        raise problem

    def _judge(
        self, status: int, body: bytes | None, span: tuple[int, int] | None, generation: int, subject: str, file: str
    ) -> Temporary:
        """What a refusal means: raised when asking again is of no use, returned when it may be."""
        if status == 401:
            self._session.expire(generation)
            return Temporary(f"reading {file}: the session had ended", subject=subject, code="NotAuthenticated")
        if status == 403:
            raise Denied(
                f"reading {file} was refused",
                subject=subject,
                remedy="give the login Datastore.Browse and Datastore.FileManagement on this datastore",
                code="NoPermission",
            )
        if status == 404:
            raise NotFound(
                f"there is no file {file}", subject=subject, remedy="it was moved or removed; the next cycle looks again"
            )
        if status == 200 and span is not None:
            raise Permanent(
                f"{self._session.endpoint.host} does not serve ranges of {file}",
                subject=subject,
                remedy="use the nbd reader for this source",
                code="NoRanges",
            )
        if body is not None:
            return Temporary(
                f"reading {file} gave {len(body)} bytes instead of {span and span[1]}", subject=subject, code="Short"
            )
        return Temporary(f"reading {file} was answered with HTTP {status}", subject=subject, code=f"Http{status}")

    def _borrow(self, *, fresh: bool) -> HTTPSConnection:
        with self._lock:
            if self._idle and not fresh:
                return self._idle.pop()
        endpoint = self._session.endpoint
        return HTTPSConnection(endpoint.host, endpoint.port, timeout=SECONDS, context=self._session.tls())

    def _give_back(self, connection: HTTPSConnection) -> None:
        with self._lock:
            self._idle.append(connection)


def _exchange(
    connection: HTTPSConnection, target: str, span: tuple[int, int] | None, cookie: str
) -> tuple[bytes | None, int]:
    """(body, status); body None when the status is not the wanted one (nothing of it is read then)."""
    headers = {"Cookie": cookie}
    if span is not None:
        headers["Range"] = f"bytes={span[0]}-{span[0] + span[1] - 1}"
    connection.request("GET", target, headers=headers)
    response: HTTPResponse = connection.getresponse()
    if response.status != (206 if span else 200):
        return None, response.status
    if span is None:
        body = response.read(_LARGEST_TEXT + 1)
        if len(body) > _LARGEST_TEXT:
            raise OSError(f"the answer is larger than {_LARGEST_TEXT} bytes")
        return body, response.status
    wanted = f"bytes {span[0]}-"
    if not response.getheader("Content-Range", wanted).startswith(wanted):
        raise OSError(f"the answer holds {response.getheader('Content-Range')}, asked for was {headers['Range']}")
    if not line.limited():
        return response.read(span[1]), response.status
    line.extra(len(target) + line.head(headers.items()) + line.head(response.getheaders()))
    return line.received(response.read, span[1]), response.status


def _target(datacenter: str, datastore: str, path: str) -> str:
    return f"/folder/{quote(path)}?" + urlencode({"dcPath": datacenter, "dsName": datastore}, quote_via=quote, safe="/")
