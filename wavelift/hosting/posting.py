"""A POST of a small JSON document to an address that the files name. The address may be a secret: no text holds it."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from replication.model.errors import Permanent


class _Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are not followed: what is sent goes where the files say."""

    def redirect_request(self, *_: Any) -> None:
        return None


def post(address: str, document: Mapping[str, object], *, timeout: float, key: str = "") -> None:
    """2xx is success; `Permanent` otherwise."""
    headers = {"Content-Type": "application/json", "User-Agent": "wavelift", **({"Idempotency-Key": key} if key else {})}
    body = json.dumps(document, sort_keys=True).encode()
    request = urllib.request.Request(address, body, headers, method="POST")
    try:
        with urllib.request.build_opener(_Stay()).open(request, timeout=timeout):
            return
    except urllib.error.HTTPError as error:
        error.close()
        raise Permanent(f"it was answered with {error.code}", code="HookAnswer") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Permanent(f"it cannot be reached ({type(error).__name__})", code="HookUnreachable") from error
