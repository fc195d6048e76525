"""Plain HTTPS on kept connections, for the requests that move disks.

One Put Page through azure-storage-blob costs 3 ms of processor time, one of these 0.3, and a terabyte is 262,144 of them.
What is left to do by hand is little: a token, a version, the code of an error, and never to repeat what must not be.
Under a throttle a body goes out, and comes in, slice by slice as the line lets it.
"""

from __future__ import annotations

import re
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from providers.azure.again import Patience
from providers.azure.errors import UNTRUSTED, redacted, refused, retry_after, unreachable
from replication import line
from replication.model.errors import PortError, Temporary, UnknownFate

if TYPE_CHECKING:
    import urllib3

VERSION = "2024-11-04"
"""x-ms-version of every request: what an answer looks like must not change under us."""

_CONNECT, _READ = 15.0, 120.0
_POOL = 64
_CODE = re.compile(rb"<Code>([^<]*)</Code>")
_MESSAGE = re.compile(rb"<Message>([^<]*)")

Body = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Answer:
    """A success: status below 300. Header names compare without case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """Connections to storage. `token(fresh)` gives a bearer token; urls that carry a signature go without one."""

    def __init__(self, ca: str | None, token: Callable[[bool], str], patience: Patience) -> None:
        self._token = token
        self._patience = patience
        self._context = ssl.create_default_context(cafile=ca)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._pools: dict[str, urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: Body = b"", *, subject: str, repeat: bool
    ) -> Answer:
        """Send until answered. `repeat`: doing it twice is harmless; otherwise a lost answer is `UnknownFate` at once."""
        for wait in self._patience.tries():
            try:
                return self.once(method, url, headers, body, subject=subject)
            except UnknownFate as error:
                if not repeat:
                    raise
                wait(error)
            except Temporary as error:
                wait(error)
        raise AssertionError("the last try returns or raises")

    def once(self, method: str, url: str, headers: Mapping[str, str], body: Body = b"", *, subject: str) -> Answer:
        """One try; for callers that must look between two of them."""
        signed = "sig=" in url
        answer, error = self._exchange(method, url, headers, body, subject, None if signed else self._token(False))
        if error is not None and answer == 401 and not signed:
            answer, error = self._exchange(method, url, headers, body, subject, self._token(True))
        if error is not None:
            raise error
        assert isinstance(answer, Answer)
        return answer

    def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: Body, subject: str, token: str | None
    ) -> tuple[Answer | int, PortError | None]:
        """One request: the answer, or (status, what it means). Raises when there was no answer."""
        import urllib3.exceptions as failures

        fields = {"x-ms-version": VERSION, "x-ms-date": formatdate(usegmt=True), **headers}
        if token is not None:
            fields["Authorization"] = f"Bearer {token}"
        slow = line.limited()
        carried: Body | Iterator[bytes] = body
        if slow and body:
            carried, fields["Content-Length"] = line.sliced(body), str(len(body))
        try:
            got = self._pool(url).urlopen(
                method, url, body=carried, headers=fields, retries=False, redirect=False, preload_content=not slow
            )
            data = line.received(got.read, _length(got)) if slow else got.data
            if slow:
                line.extra(len(url) + line.head(fields.items()) + line.head(got.headers.items()))
        except (failures.NewConnectionError, failures.ConnectTimeoutError, failures.ProxyError) as error:
            raise unreachable(redacted(str(error)), subject) from error
        except (failures.HTTPError, OSError) as error:
            if isinstance(error, failures.SSLError) and UNTRUSTED in str(error):
                raise unreachable(redacted(str(error)), subject) from error
            # Part or all of the request is out and nothing came back. TLS can break after that, too: a record that is damaged.
            raise UnknownFate(f"no answer: {redacted(str(error))}", subject=subject) from error
        if got.status < 300:
            return Answer(got.status, got.headers, data), None
        return got.status, _refusal(got, data, subject)

    def _pool(self, url: str) -> urllib3.PoolManager:
        """The connections to a host; found once, since looking for a proxy costs as much as the request."""
        host = urlsplit(url).hostname or ""
        pool = self._pools.get(host)
        if pool is None:
            with self._lock:
                pool = self._pools.setdefault(host, self._connections(host))
        return pool

    def _connections(self, host: str) -> urllib3.PoolManager:
        import urllib3

        timeout = urllib3.Timeout(connect=_CONNECT, read=_READ)
        proxy = None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get("https")
        if proxy:
            return urllib3.ProxyManager(proxy, maxsize=_POOL, ssl_context=self._context, timeout=timeout)
        return urllib3.PoolManager(maxsize=_POOL, ssl_context=self._context, timeout=timeout)


def _length(got: urllib3.BaseHTTPResponse) -> int | None:
    said = got.headers.get("Content-Length", "")
    return int(said) if said.isdigit() else None


def _refusal(got: urllib3.BaseHTTPResponse, data: bytes, subject: str) -> PortError:
    code = got.headers.get("x-ms-error-code") or _first(_CODE, data)
    return refused(got.status, code, redacted(_first(_MESSAGE, data)), subject, retry_after(got.headers))


def _first(pattern: re.Pattern[bytes], data: bytes) -> str:
    found = pattern.search(data)
    return found.group(1).decode("utf-8", "replace") if found else ""
