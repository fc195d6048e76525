"""The lab's Azure in this process, and the unmodified SDK clients that talk to it."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential

from lab.azure.main import AzureLab
from tests.lab.arm_models import problems

REGION = "koreacentral"
POLLING = 0.02


def arm_client(kind: Callable[..., Any], credential: Any, subscription: str, arm: str, ca: str, **options: Any) -> Any:
    """An SDK client for one subscription of the lab, configured with endpoint, CA and credential and nothing else."""
    return kind(
        credential,
        subscription,
        base_url=arm,
        credential_scopes=["https://management.azure.com/.default"],
        connection_verify=ca,
        **{"polling_interval": POLLING, "retry_total": 0, **options},
    )


class Azure:
    """A running lab Azure with credentials; `client(Class)` makes an SDK client for the first subscription."""

    def __init__(self, root: Path, latency: float = 0.03) -> None:
        self.root = root
        self.lab = AzureLab(root, latency=latency)
        self.lab.cloud.run()
        for server in self.lab.servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        document = self.lab.registry.read()
        self.info: dict[str, Any] = document["azure"]
        self.ca: str = document["ca"]
        self.control_token: str = document["control_token"]
        self.subscription: str = self.info["subscriptions"][0]

    def stop(self) -> None:
        for server in self.lab.servers:
            server.shutdown()
        self.lab.cloud.close()

    def credential(self, client_id: str = "", secret: str = "") -> ClientSecretCredential:
        return ClientSecretCredential(
            self.info["tenant"],
            client_id or self.info["client_id"],
            secret or self.info["client_secret"],
            authority=self.info["authority"],
            disable_instance_discovery=True,
            connection_verify=self.ca,
            retry_total=0,
        )

    def client(self, kind: Callable[..., Any], credential: Any = None, subscription: str = "", **options: Any) -> Any:
        return arm_client(
            kind, credential or self.credential(), subscription or self.subscription, self.info["arm"], self.ca, **options
        )

    def principal(self, *roles: tuple[str, str]) -> dict[str, str]:
        """A new service principal with (role name, scope) pairs."""
        body = {"roles": [{"role": role, "scope": scope} for role, scope in roles]}
        made: dict[str, str] = self.control("POST", "azure/principals", body)
        return made

    def credential_of(self, made: dict[str, str]) -> ClientSecretCredential:
        return self.credential(made["client_id"], made["client_secret"])

    def control(self, method: str, path: str, body: Any = None) -> Any:
        status, answer, _ = self.http(method, f"/lab/v1/{path}", body, {"Authorization": f"Bearer {self.control_token}"})
        assert status == 200, answer
        return answer

    def token(self, scope: str = "https://management.azure.com/.default") -> str:
        return self.credential().get_token(scope).token

    def http(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        """A plain request to the "arm" server: (status, JSON or None, headers in lower case)."""
        connection = http.client.HTTPSConnection(
            urlsplit(self.info["arm"]).netloc, context=ssl.create_default_context(cafile=self.ca)
        )
        text = json.dumps(body) if body is not None else None
        connection.request(method, path, text, {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return (
            response.status,
            json.loads(content) if content else None,
            {k.lower(): v for k, v in response.getheaders()},
        )

    def arm(self, method: str, path: str, body: Any = None) -> tuple[int, Any, dict[str, str]]:
        """A plain ARM request with a token and an api-version."""
        join = "&" if "?" in path else "?"
        return self.http(method, f"{path}{join}api-version=2026-01-01", body, {"Authorization": f"Bearer {self.token()}"})

    def group(self, name: str = "", region: str = REGION) -> str:
        """Make a resource group and return its name."""
        name = name or f"rg-{uuid.uuid4().hex[:8]}"
        status, answer, _ = self.arm(
            "PUT", f"/subscriptions/{self.subscription}/resourceGroups/{name}", {"location": region}
        )
        assert status in (200, 201), answer
        return name


@contextmanager
def running(root: Path, **options: Any) -> Iterator[Azure]:
    azure = Azure(root, **options)
    try:
        yield azure
    finally:
        azure.stop()


@contextmanager
def refused(status: int, code: str) -> Iterator[None]:
    """The block must end in an SDK error with this HTTP status and Azure error code."""
    try:
        yield
    except HttpResponseError as error:
        assert error.error is not None, error
        assert (error.status_code, error.error.code) == (status, code), error
        return
    raise AssertionError(f"expected {status} {code}, but it was accepted")


@contextmanager
def fails(code: str) -> Iterator[None]:
    """The block must end in a failed long-running operation with this error code."""
    try:
        yield
    except HttpResponseError as error:
        assert error.error is not None, error
        assert error.error.code == code, error
        return
    raise AssertionError(f"expected the operation to fail with {code}, but it succeeded")


def name(prefix: str) -> str:
    """A name that no other test uses."""
    return f"{prefix}{uuid.uuid4().hex[:10]}"


def check_json(model: Any, document: Any) -> None:
    """An answer must be exactly what the SDK's model says."""
    found = problems(model, document)
    assert not found, found
