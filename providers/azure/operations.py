"""Changes under way: something that Azure works on (and can be asked about again later), or something still to be done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from planner.ports import Made, Operation
from providers.azure.errors import translated
from replication.model.errors import NotFound

if TYPE_CHECKING:
    from azure.core.polling import LROPoller


class Pending:
    """A long-running operation of Azure. `finish` does what is left once it has succeeded, and must be idempotent.

    `again` begins it anew when Azure has forgotten the operation that a token speaks of (it keeps them for about a day).
    """

    def __init__(
        self,
        poller: LROPoller[Any],
        finish: Callable[[Any], Made],
        subject: str,
        again: Callable[[], Operation] | None = None,
    ) -> None:
        self._again = again
        self._poller = poller
        self._finish = finish
        self._subject = subject
        self._made: Made | None = None

    @property
    def token(self) -> str | None:
        return None if self._made else self._poller.continuation_token()

    def result(self) -> Made:
        if self._made is None:
            try:
                with translated(self._subject):
                    self._made = self._finish(self._poller.result())
            except NotFound:
                if self._again is None:
                    raise
                self._made = self._again().result()
        return self._made


class Deferred:
    """Something idempotent without an operation of its own: done when its result is asked for."""

    token = None

    def __init__(self, do: Callable[[], Made], subject: str) -> None:
        self._do = do
        self._subject = subject
        self._made: Made | None = None

    def result(self) -> Made:
        if self._made is None:
            with translated(self._subject):
                self._made = self._do()
        return self._made
