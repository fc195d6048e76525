"""TLS to a vCenter: at least 1.2, checked against a CA file, the system's CAs, or one pinned certificate."""

from __future__ import annotations

import hashlib
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replication.model.errors import Permanent, Temporary

CONNECT_SECONDS = 10.0
_DIGESTS = {40: "sha1", 64: "sha256"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a vCenter is and how it is known. `ca` is a PEM file; `thumbprint` hex (SHA-256 or SHA-1), colons allowed."""

    name: str
    host: str
    port: int = 443
    ca: str | None = None
    thumbprint: str | None = None

    @property
    def subject(self) -> str:
        return f"vCenter {self.host}:{self.port}"


class _PinnedContext(ssl.SSLContext):
    """Accepts the one certificate with this digest and no other.

    pyVmomi has a thumbprint of its own, but checks it only where the chain does not verify, and after its first use no more
    (it switches verification off in the shared context). Here every handshake is checked, the datastore's too.
    """

    pin: str = ""

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        wrapped = super().wrap_socket(*args, **kwargs)
        certificate = wrapped.getpeercert(binary_form=True) or b""
        found = hashlib.new(_DIGESTS[len(self.pin)], certificate).hexdigest()
        if found != self.pin:
            wrapped.close()
            raise ssl.SSLCertVerificationError(f"the server's thumbprint is {_colons(found)}")
        return wrapped


def context(endpoint: Endpoint) -> ssl.SSLContext:
    """A client context for `endpoint`; `Permanent` when the CA file or the thumbprint cannot be used."""
    if endpoint.thumbprint is not None:
        return _pinned(endpoint)
    if endpoint.ca is None:
        made = ssl.create_default_context()
    else:
        try:
            made = ssl.create_default_context(cafile=endpoint.ca)
        except (OSError, ssl.SSLError) as error:
            there = Path(endpoint.ca).exists()
            raise Permanent(
                f"the CA file {endpoint.ca} {'holds no usable certificate' if there else 'is not there'}",
                subject=endpoint.subject,
                remedy="name a PEM file with the CA that signed vCenter's certificate (tls: {ca: …})",
                code="BadCa",
            ) from error
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def _pinned(endpoint: Endpoint) -> ssl.SSLContext:
    pin = (endpoint.thumbprint or "").replace(":", "").lower()
    if len(pin) not in _DIGESTS or set(pin) - set("0123456789abcdef"):
        raise Permanent(
            "the thumbprint is not the hexadecimal SHA-256 (or SHA-1) of a certificate",
            subject=endpoint.subject,
            remedy="openssl x509 -noout -fingerprint -sha256 prints it",
            code="BadThumbprint",
        )
    made = _PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE  # the pin is the check
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.pin = pin
    return made


def probe(endpoint: Endpoint, with_context: ssl.SSLContext) -> None:
    """One handshake, so that a wrong name, a closed port and a wrong certificate are told apart in plain words."""
    try:
        with (
            socket.create_connection((endpoint.host, endpoint.port), CONNECT_SECONDS) as plain,
            with_context.wrap_socket(plain, server_hostname=endpoint.host),
        ):
            return
    except socket.gaierror as error:
        raise Permanent(
            f"the name {endpoint.host} cannot be resolved ({error.strerror})",
            subject=endpoint.subject,
            remedy="check the source's vcenter name and this host's DNS",
            code="NoSuchHost",
        ) from error
    except ssl.SSLCertVerificationError as error:
        raise Permanent(
            f"its certificate is not trusted: {getattr(error, 'verify_message', '') or error.args[-1]}",
            subject=endpoint.subject,
            remedy="set tls: {ca: …} to the CA that signed it, or tls: {thumbprint: …} to its SHA-256",
            code="BadCertificate",
        ) from error
    except ssl.SSLError as error:
        raise Permanent(
            f"no TLS 1.2 or newer is spoken there ({error.reason or error})",
            subject=endpoint.subject,
            remedy="check the port; vCenter listens on 443",
            code="NoTls",
        ) from error
    except ConnectionRefusedError as error:
        raise Temporary(
            "nothing listens there (connection refused)",
            subject=endpoint.subject,
            remedy="check the source's vcenter host and port, and that vCenter runs",
            code="Refused",
        ) from error
    except OSError as error:
        raise Temporary(
            f"it cannot be reached ({error.strerror or type(error).__name__})",
            subject=endpoint.subject,
            remedy="check the network, firewall and proxy between this host and vCenter (port 443)",
            code="Unreachable",
        ) from error


def _colons(digest: str) -> str:
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2)).upper()
