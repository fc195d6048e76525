"""The transport of every client: what changes something asks the fence last of all, after token, retries and waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from azure.core.pipeline.transport import RequestsTransport

CONNECT = 8.0
"""Seconds for a connection: fewer than a holder stops before its lease ends, so that what was allowed is out by then."""


class FencedTransport(RequestsTransport):  # type: ignore[misc]  # the library imports it late and hides its type
    """`may` raises when nothing may be changed any more; what only reads is never asked about."""

    def __init__(self, may: Callable[[], object], **options: Any) -> None:
        super().__init__(connection_timeout=CONNECT, **options)
        self._may = may

    def send(self, request: Any, **options: Any) -> Any:
        if request.method not in ("GET", "HEAD"):
            self._may()
        return super().send(request, **options)
