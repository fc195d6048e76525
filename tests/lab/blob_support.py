"""A blob service in this process, and the unmodified SDK and plain HTTP to talk to it."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient, generate_blob_sas

from lab.azure.blob.accounts import Accounts
from lab.azure.blob.disks import DiskFiles
from lab.azure.blob.service import BlobService
from lab.faults import Faults
from lab.http import LabServer
from lab.tls import ensure_ca

ACCOUNT = "seedstore"
MIB = 1 << 20
VERSION = "2025-11-05"


class Blobs:
    """One running service with the account `seedstore`; bearer token "reader" may read, "writer" may all."""

    def __init__(self, root: Path) -> None:
        self.root = root
        certs = ensure_ca(root)
        self.ca = str(certs.ca_pem)
        self.accounts = Accounts(root / "azure")
        self.accounts.create(ACCOUNT)
        self.faults = Faults()
        self.server = LabServer(lambda request: self.service.handler(request), certs)
        self.url = f"https://127.0.0.1:{self.server.port}"
        self.disks = DiskFiles(root / "azure", self.url)
        self.service = BlobService(
            root / "azure",
            self.accounts,
            self.disks,
            self.faults,
            lambda token, account, write: token == "writer" or (token == "reader" and not write),
        )
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def key(self) -> str:
        return self.accounts.keys(ACCOUNT)[0]

    def client(self, credential: Any = None, account: str = ACCOUNT, **options: Any) -> BlobServiceClient:
        return BlobServiceClient(
            f"{self.url}/{account}",
            credential=credential or {"account_name": account, "account_key": self.key},
            connection_verify=self.ca,
            retry_total=0,
            **options,
        )

    def sas(self, container: str, blob: str, permission: str, **options: Any) -> str:
        """The address of a blob with a service SAS that is good for an hour."""
        token = generate_blob_sas(
            ACCOUNT,
            container,
            blob,
            account_key=self.key,
            permission=permission,
            **{"expiry": datetime.now(UTC) + timedelta(hours=1), **options},
        )
        return f"{self.url}/{ACCOUNT}/{container}/{blob}?{token}"


@contextmanager
def running(root: Path) -> Iterator[Blobs]:
    blobs = Blobs(root)
    try:
        yield blobs
    finally:
        blobs.server.shutdown()


@dataclass(frozen=True)
class Token:
    """A credential with a fixed token."""

    token: str

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(self.token, int(datetime.now(UTC).timestamp()) + 3600)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return self.headers.get("x-ms-error-code", "")


class Raw:
    """Plain HTTPS with a kept connection, as a fast uploader would do it."""

    def __init__(self, ca: str, port: int) -> None:
        self._connection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=30, context=ssl.create_default_context(cafile=ca)
        )

    def send(
        self, method: str, url: str, headers: dict[str, str] | None = None, body: bytes = b"", **query: str
    ) -> Answer:
        """`url` with its SAS; `query` is added to it."""
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" + "".join(f"&{name}={value}" for name, value in query.items())
        all_headers = {"x-ms-version": VERSION, "Content-Length": str(len(body)), **(headers or {})}
        self._connection.request(method, target, body, all_headers)
        response = self._connection.getresponse()
        return Answer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        )

    def put_page(self, url: str, start: int, data: bytes, **headers: str) -> Answer:
        return self.send(
            "PUT",
            url,
            {
                "x-ms-page-write": "update",
                "x-ms-range": f"bytes={start}-{start + len(data) - 1}",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
            data,
            comp="page",
        )

    def close(self) -> None:
        self._connection.close()


@contextmanager
def refused(code: str, status: int | None = None) -> Iterator[None]:
    """The call inside must be refused with that error code."""
    with pytest.raises(HttpResponseError) as caught:
        yield
    found = getattr(caught.value, "error_code", None) or (
        caught.value.response.headers.get("x-ms-error-code") if caught.value.response else None
    )
    found = getattr(found, "value", found)
    assert found == code, f"refused with {found}: {caught.value.message}"
    if status is not None:
        assert caught.value.status_code == status


def answered(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.code) == (status, code), answer.body
    assert f"<Code>{code}</Code>".encode() in answer.body
