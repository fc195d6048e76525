"""A login that can be begun anew. Azure's libraries keep a token until it ends by their own clock and give out the same one
again when it is refused before that (revoked, a service that restarted, clocks that moved); only a new credential asks anew.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.policies import HTTPPolicy

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential
    from azure.core.pipeline import PipelineRequest, PipelineResponse

_PAUSE = 1.0
"""Seconds in which many refusals are one: forty workers find out together that their token is not taken any more."""


class Login:
    """A `TokenCredential` around the one that `make` makes. Safe for threads."""

    def __init__(self, make: Callable[[], TokenCredential]) -> None:
        self._make = make
        self._inner = make()
        self._lock = threading.Lock()
        self._since, self._renewed = time.monotonic(), 0.0

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A login that is refused after it has stood for a while is read anew: its secret may have been rotated."""
        used = self._inner
        try:
            return used.get_token(*scopes, **options)
        except ClientAuthenticationError:
            if used is self._inner and time.monotonic() - self._since <= _PAUSE:
                raise
            self.renew()
            return self._inner.get_token(*scopes, **options)

    def renew(self) -> None:
        """A token or the login itself was refused: forget all."""
        with self._lock:
            if time.monotonic() - self._renewed > _PAUSE:
                self._inner = self._make()
                self._since = self._renewed = time.monotonic()


class StorageLogin:
    """For storage clients, which answer a refused token's challenge by asking for the challenge's tenant, and only then."""

    def __init__(self, login: Login) -> None:
        self._login = login

    def get_token(self, *scopes: str, tenant_id: str | None = None, **options: Any) -> AccessToken:
        if tenant_id is None:
            return self._login.get_token(*scopes, **options)
        self._login.renew()
        return self._login.get_token(*scopes, tenant_id=tenant_id, **options)


class Renewal(HTTPPolicy[Any, Any]):
    """For the other clients: a request that ends in 401 is made once more with a new token (401 means: not carried out)."""

    def __init__(self, login: Login) -> None:
        super().__init__()
        self._login = login

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        answer = self.next.send(request)
        if answer.http_response.status_code == 401:
            self._login.renew()
            answer = self.next.send(request)
        return answer
