"""HTTP for Azure's client libraries: an answer is not awaited for ever, and a wait can be given up.

Their own limits are five minutes for a connection and five for an answer, and they wait with `time.sleep` between two tries and
two looks at an operation: an engine whose Azure has gone would not end for as long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from azure.core.pipeline.transport import RequestsTransport

CONNECT, READ = 15.0, 120.0
"""Seconds for a connection, and without a byte of the answer."""


def transport(pause: Callable[[float], None], **options: Any) -> Any:
    """`pause` is called for every wait of the library; what it raises ends the call."""
    made = RequestsTransport(connection_timeout=CONNECT, read_timeout=READ, **options)
    made.sleep = pause
    return made
