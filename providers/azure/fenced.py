"""The transport of every client: what changes something asks the fence last of all, after token, retries and waits.

An answer is not awaited for ever (the library's own limit is five minutes), and a wait, which the library asks its transport for,
can be given up. Every answer says what time it is there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from azure.core.pipeline.transport import RequestsTransport

CONNECT = 8.0
"""Seconds for a connection: fewer than a holder stops before its lease ends, so that what was allowed is out by then."""

READ = 120.0
"""Seconds without a byte of the answer."""


class FencedTransport(RequestsTransport):  # type: ignore[misc]  # the library imports it late and hides its type
    """`may` raises when nothing may be changed any more; what only reads is never asked about. `pause` is every wait between two
    tries and between two looks at an operation; what it raises ends the call. `heard` gets each answer's Date."""

    def __init__(
        self, may: Callable[[], object], pause: Callable[[float], None], heard: Callable[[str], object], **options: Any
    ) -> None:
        super().__init__(connection_timeout=CONNECT, read_timeout=READ, **options)
        self._may, self._pause, self._heard = may, pause, heard

    def sleep(self, duration: float) -> None:
        self._pause(duration)

    def send(self, request: Any, **options: Any) -> Any:
        if request.method not in ("GET", "HEAD"):
            self._may()
        answer = super().send(request, **options)
        self._heard(answer.headers.get("Date", ""))
        return answer
