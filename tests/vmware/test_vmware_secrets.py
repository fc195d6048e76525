"""Secrets come from the environment or a file and are never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.estate import SecretRef
from providers.secrets import AZURE_KEYS, Credentials, credentials, resolve
from replication.model.errors import NotFound, Permanent

GOOD = '{"user": "svc-ro", "password": "hunter2"}'


def test_from_the_environment_and_from_a_file(tmp_path: Path) -> None:
    """Users 11: environment or file, plan's and engine's separately; a relative path starts at the estate's folder."""
    (tmp_path / "vc.json").write_text(GOOD)
    (tmp_path / "vc.json").chmod(0o600)
    wanted = Credentials("svc-ro", "hunter2")
    assert credentials(SecretRef("env", "VC_RO"), environ={"VC_RO": GOOD}) == wanted
    assert credentials(SecretRef("file", "vc.json"), folder=str(tmp_path)) == wanted
    azure = {"AZ": '{"client_id": "a", "client_secret": "b"}'}
    assert resolve(SecretRef("env", "AZ"), AZURE_KEYS, environ=azure) == {"client_id": "a", "client_secret": "b"}


def test_a_password_is_not_in_any_text(tmp_path: Path) -> None:
    """Pitfall 20: redact. Neither repr nor an error (with its whole chain) carries it."""
    assert "hunter2" not in repr(credentials(SecretRef("env", "X"), environ={"X": GOOD}))
    with pytest.raises(Permanent) as caught:
        credentials(SecretRef("env", "X"), environ={"X": '{"user": "u", "password": "hunter2"'})
    assert "hunter2" not in f"{caught.value}{caught.value.__cause__!r}"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("mode", [0o644, 0o602, 0o604])
def test_an_open_file_is_refused(tmp_path: Path, mode: int) -> None:
    """Pitfall 20: a secret that everybody may read or write is none; the remedy is a command."""
    path = tmp_path / "vc.json"
    path.write_text(GOOD)
    path.chmod(mode)
    with pytest.raises(Permanent, match="chmod 600"):
        credentials(SecretRef("file", str(path)))


@pytest.mark.parametrize(
    "text", ["svc:hunter2", "[]", '{"user": "u"}', '{"user": "u", "password": ""}', '{"user": 1, "password": "x"}']
)
def test_what_is_no_credentials_says_the_wanted_form(text: str) -> None:
    """Bad input: the message shows the form that is wanted, not what was found."""
    with pytest.raises(Permanent, match='"user": …, "password": …'):
        credentials(SecretRef("env", "X"), environ={"X": text})


def test_a_missing_secret_is_named() -> None:
    """Bad input: which variable, which file."""
    with pytest.raises(NotFound, match=r"env:VC_RO.*export VC_RO"):
        credentials(SecretRef("env", "VC_RO"), environ={})
    with pytest.raises(NotFound, match=r"file:/nowhere/vc\.json.*not there"):
        credentials(SecretRef("file", "/nowhere/vc.json"))
