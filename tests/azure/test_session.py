"""Signing in and reaching Azure: what is wrong is said with what to do, and never with a secret."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from planner.estate import AzureLogin, SecretRef, WorkloadIdentity
from planner.ports import ResourceRef
from providers.azure.again import Patience, repeated
from providers.azure.artifacts.provider import AzureArtifacts
from providers.azure.errors import translated
from providers.azure.session import AzureSession
from replication.model.errors import Denied, Leaving, NotFound, Permanent, PortError, Temporary
from tests.azure.support import OWNER, LabAzure, World

SECRET = "s3cret-that-must-not-show"


def group(subscription: str) -> ResourceRef:
    return ResourceRef("resource_group.x", "resource_group", f"/subscriptions/{subscription}/resourceGroups/x")


def everything(error: BaseException) -> str:
    """The error with its causes as a log would show it."""
    parts = []
    at: BaseException | None = error
    while at is not None and isinstance(at, PortError):
        parts.append(f"{at} {at!r}")
        at = at.__cause__
    return " ".join(parts)


def test_the_principal_is_who_the_token_says(azure_lab: LabAzure) -> None:
    found = azure_lab.session().principal()
    assert found.object_id == azure_lab.info["object_id"]
    assert found.tenant_id == azure_lab.info["tenant"]


def test_a_wrong_secret_is_denied_with_a_remedy(azure_lab: LabAzure) -> None:
    """Issue: a wrong password."""
    login = {"client_id": azure_lab.info["client_id"], "client_secret": SECRET}
    with pytest.raises(Denied) as caught:
        azure_lab.session(login).principal()
    assert "azure.login" in caught.value.remedy
    assert SECRET not in everything(caught.value)


def test_a_secret_that_was_rotated_is_read_again(azure_lab: LabAzure) -> None:
    """Users, The weeks 1: an engine's session whose secret is rotated goes on when the new one lies where the old one lay."""
    known = dict(azure_lab.control("POST", "azure/principals", {}))
    session = azure_lab.session(known)
    session.principal()
    azure_lab.control("POST", "azure/principals", {**known, "secret": "another-secret"})
    azure_lab.control("POST", "azure/tokens/expire")
    time.sleep(1.1)  # within a second many refusals are one
    with pytest.raises(Denied) as caught:
        session.token("https://vault.azure.net/.default")
    assert "azure.login" in caught.value.remedy and known["client_secret"] not in everything(caught.value)
    known["client_secret"] = "another-secret"
    time.sleep(1.1)
    assert session.token("https://vault.azure.net/.default")


def test_an_unknown_client_is_denied(azure_lab: LabAzure) -> None:
    login = {"client_id": "00000000-0000-0000-0000-000000000001", "client_secret": SECRET}
    with pytest.raises(Denied) as caught:
        azure_lab.session(login).principal()
    assert caught.value.remedy


def test_a_secret_that_lacks_half(azure_lab: LabAzure) -> None:
    with pytest.raises(Denied, match="client_secret"):
        azure_lab.session({"client_id": "x"}).principal()


def test_the_login_of_the_role_is_read(azure_lab: LabAzure) -> None:
    asked: list[str] = []

    def read(ref: SecretRef) -> dict[str, str]:
        asked.append(str(ref))
        return {key: azure_lab.info[key] for key in ("client_id", "client_secret")}

    login = AzureLogin(SecretRef("env", "PLAN"), SecretRef("env", "ENGINE"))
    AzureSession(azure_lab.azure(login=login), "plan", read).principal()
    AzureSession(azure_lab.azure(login=login), "engine", read).principal()
    assert asked == ["env:PLAN", "env:ENGINE"]


def federated(lab: LabAzure, file: Path, seconds: float = 3600) -> AzureSession:
    """A session by workload identity: a token in `file`, as Kubernetes would keep it there."""
    made = lab.control("POST", "azure/principals", {})
    asked = {"client_id": made["client_id"], "subject": "system:serviceaccount:move:engine", "seconds": seconds}
    told = lab.control("POST", "azure/federations", asked)
    file.write_text(told["token"])
    identity = WorkloadIdentity(made["client_id"], str(file))
    session = AzureSession(lab.azure(login=AzureLogin(identity, identity)), "plan", patience=Patience(times=1, pause=0.01))
    if seconds > 0:
        assert session.principal().object_id == made["object_id"]
    return session


def test_a_workload_identity_signs_in_without_a_secret(azure_lab: LabAzure, tmp_path: Path) -> None:
    """issue 4, Where it runs: secrets from workload identity; the platform's token is exchanged, and read anew."""
    file = tmp_path / "token"
    session = federated(azure_lab, file)
    token = file.read_text()
    file.unlink()
    assert session.principal().object_id, "the token of Azure goes on until it ends"
    with pytest.raises(NotFound, match="federated token cannot be read") as caught:
        session.token("https://management.azure.com/.default", fresh=True)
    assert "token_file" in caught.value.remedy
    file.write_text(token)
    assert session.token("https://management.azure.com/.default", fresh=True)


@pytest.mark.parametrize(
    ("rubbish", "code"),
    [
        ("expired", "AADSTS700024"),
        ("subject", "AADSTS700213"),
        ("forged", "AADSTS50013"),
        ("text", "AADSTS50013"),
        ("bytes", "NoSecret"),
    ],
)
def test_a_workload_identity_that_is_not_accepted(azure_lab: LabAzure, tmp_path: Path, rubbish: str, code: str) -> None:
    """issue 4, Where it runs: each reason is told apart, with what to do, and the token is in none of it."""
    file = tmp_path / "token"
    session = federated(azure_lab, file, seconds=-60 if rubbish == "expired" else 3600)
    token = file.read_text()
    if rubbish == "subject":
        other = azure_lab.control("POST", "azure/principals", {})["client_id"]
        asked = {"client_id": other, "subject": "repo:corp/app:ref:refs/heads/main"}
        token = azure_lab.control("POST", "azure/federations", asked)["token"]
    content = {"forged": token[:-4].encode() + b"AAAA", "text": b"no token", "bytes": b"\xff\xfe"}.get(rubbish, token.encode())
    file.write_bytes(content)
    with pytest.raises((Denied, NotFound)) as caught:
        session.token("https://management.azure.com/.default", fresh=True)
    assert caught.value.code == code and caught.value.remedy
    assert token not in everything(caught.value)


@pytest.mark.parametrize("client", ["arm", "blob", "wire", "secret"])
def test_tokens_that_are_refused_before_their_time(azure_world: World, client: str) -> None:
    """S6: Azure's libraries keep a token until it ends; one that is not taken any more is replaced in the same call."""
    session = azure_world.session
    log = azure_world.stores.log(azure_world.endpoint("log_store"), "log")
    documents = azure_world.stores.documents(azure_world.endpoint("gateway_store"), "gateway")
    secrets = session.secrets(azure_world.vault_uri)
    calls: dict[str, Callable[[], object]] = {
        "arm": lambda: list(session.resources(azure_world.lab.subscription).resource_groups.list()),
        "blob": lambda: documents.list("nothing/"),
        "wire": lambda: log.put(f"renewal/{time.monotonic()}", b"x", {}),
        "secret": lambda: secrets.get_secret("log-key"),
    }
    calls[client]()
    time.sleep(1.1)  # refusals within a second count as one (another client's, just before)
    azure_world.lab.control("POST", "azure/tokens/expire")
    calls[client]()


def test_a_server_that_is_not_there(azure_lab: LabAzure) -> None:
    """Issue: a server that is not there; it says so soon and names what to check."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"https://127.0.0.1:{free.getsockname()[1]}"
    session = azure_lab.session(endpoint=nowhere, patience=Patience(times=1, pause=0.01))
    artifacts = AzureArtifacts(session, OWNER)
    with pytest.raises(Temporary) as caught:
        artifacts.observe([group(azure_lab.subscription)])
    assert "azure.endpoint" in caught.value.remedy


def test_an_authority_that_is_not_there(azure_lab: LabAzure) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"https://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(PortError) as caught:
        azure_lab.session(authority=nowhere, patience=Patience(times=1, pause=0.01)).principal()
    assert caught.value.remedy


def test_a_certificate_that_is_not_trusted(azure_lab: LabAzure) -> None:
    """S6: nothing is sent to a server that cannot prove its name."""
    with pytest.raises(Permanent, match="certificate") as caught:
        azure_lab.session(ca=None).principal()
    assert "azure.ca" in caught.value.remedy


def test_a_ca_file_that_is_not_there(azure_lab: LabAzure) -> None:
    with pytest.raises(Permanent, match="no such CA file"):
        azure_lab.session(ca="/nowhere/ca.pem").principal()


def test_a_subscription_of_others(azure_lab: LabAzure) -> None:
    artifacts = AzureArtifacts(azure_lab.session(), OWNER)
    with pytest.raises(PortError) as caught:
        artifacts.observe([group("00000000-0000-0000-0000-00000000000f")])
    assert caught.value.code == "SubscriptionNotFound"
    assert caught.value.remedy


def test_importing_the_provider_costs_no_library() -> None:
    """The command line must not pay for Azure before it needs it."""
    script = (
        "import sys, providers.azure, providers.azure.factory, providers.azure.cloud, providers.azure.artifacts.provider\n"
        "assert not [m for m in sys.modules if m.startswith(('azure', 'msal', 'requests', 'urllib3'))], sorted(sys.modules)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("what", ["arm", "blobs"])
def test_who_waits_for_azure_leaves_when_told_to(azure_lab: LabAzure, what: str) -> None:
    """Issue 3, stopping: neither Azure's own library nor ours sits out a Retry-After of a process that is to stop."""
    session = azure_lab.session()

    def ask() -> object:
        with translated("disks"):
            if what == "arm":
                return list(session.compute(azure_lab.subscription).disks.list())
            raised = Temporary("busy", retry_after=30.0)
            return repeated(lambda: fail(raised), session.patience)

    def fail(error: Exception) -> object:
        raise error

    with azure_lab.fault("arm GET ", "fail", status=429, code="TooManyRequests", retry_after=30, count=100):
        threading.Timer(0.3, session.leave).start()
        began = time.monotonic()
        with pytest.raises(Leaving):
            ask()
        with pytest.raises(Leaving):
            ask()
    assert 0.2 < time.monotonic() - began < 10
