"""issue 4, Where it runs: how the estate names who signs in to Azure."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.config import load
from planner.estate import Loaded, SecretRef

BASE = (Path(__file__).parents[1] / "cases" / "config" / "_base" / "base.yaml").read_text()
CLIENT, OTHER = "3b1c6b0a-52e5-4f6e-9d5e-0d5c2a1f0b12", "7b1c6b0a-52e5-4f6e-9d5e-0d5c2a1f0b11"

FROM_ENV = "{workload_identity: {client_id: env:AZURE_CLIENT_ID, token_file: env:TOKEN}}"


def found(folder: Path, login: str) -> Loaded:
    text = BASE.replace("azure: {tenant: corp.example,", f"azure: {{tenant: corp.example, login: {login},")
    assert text != BASE
    (folder / "a.yaml").write_text(text)
    return load(folder, env={"VC": "x", "AZURE_CLIENT_ID": CLIENT, "TOKEN": "/run/token", "WRONG": "no id"})


@pytest.mark.parametrize(
    ("login", "plan", "engine"),
    [
        (f"{{workload_identity: {{client_id: {CLIENT}, token_file: t}}}}", f"workload identity {CLIENT} by F/t", ""),
        (FROM_ENV, f"workload identity {CLIENT} by /run/token", ""),
        (f"{{plan: env:AZ, engine: {{workload_identity: {{client_id: {OTHER}, token_file: /t}}}}}}", "env:AZ",
         f"workload identity {OTHER} by /t"),
        ("file:az.json", "file:F/az.json", ""),
    ],
)  # fmt: skip
def test_ways_to_sign_in(tmp_path: Path, login: str, plan: str, engine: str) -> None:
    """The estate 11: by secret or workload identity, plan's and engine's apart; files are relative to the estate."""
    estate = found(tmp_path, login).estate
    assert estate is not None
    made = estate.azure.login
    assert made is not None
    assert str(made.plan).replace(str(tmp_path), "F") == plan
    assert str(made.engine).replace(str(tmp_path), "F") == (engine or plan)


@pytest.mark.parametrize(
    ("login", "code", "path"),
    [
        ("keyvault:kv-a/azure", "WL184", "azure.login"),
        ("{plan: env:AZ, engine: keyvault:kv-a/azure}", "WL184", "azure.login.engine"),
        ("{plan: env:AZ}", "WL128", "azure.login"),
        ("{}", "WL127", "azure.login"),
        (f"{{workload_identity: {{client_id: {CLIENT}}}}}", "WL122", "azure.login.workload_identity"),
        ("{workload_identity: {client_id: me, token_file: t}}", "WL125", "azure.login.workload_identity.client_id"),
        ("{workload_identity: {client_id: env:WRONG, token_file: t}}", "WL125", "azure.login.workload_identity.client_id"),
        (FROM_ENV.replace("TOKEN", "NOTHING"), "WL155", "azure.login.workload_identity.token_file"),
        (
            "{plan: env:A, engine: env:B, workload_identity: {client_id: env:AZURE_CLIENT_ID, token_file: t}}",
            "WL128",
            "azure.login",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_before_it_is_used(tmp_path: Path, login: str, code: str, path: str) -> None:
    """The estate 11: `validate` says it, with its place: nothing has to sign in for that."""
    loaded = found(tmp_path, login)
    assert loaded.estate is None
    assert [(d.code, d.path) for d in loaded.diagnostics if d.severity == "error"] == [(code, path)]
    assert all(d.span for d in loaded.diagnostics)


def test_a_vcenter_may_keep_its_login_there(tmp_path: Path) -> None:
    """The estate 11: only the Azure login cannot lie in a Key Vault."""
    (tmp_path / "a.yaml").write_text(BASE.replace("login: env:VC", "login: keyvault:kv-a/vcenter"))
    estate = load(tmp_path, env={}).estate
    assert estate is not None and estate.sources["seoul"].login.plan == SecretRef("keyvault", "kv-a/vcenter")
