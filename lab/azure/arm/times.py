"""Times as ARM writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def now_text() -> str:
    """Now, in UTC, ISO 8601."""
    return text(datetime.now(UTC).timestamp())


def text(seconds: float) -> str:
    """Epoch seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
