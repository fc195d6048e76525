"""Where secrets come from: `env:NAME`, `file:PATH`, `keyvault:VAULT/SECRET`: a JSON object. Nothing here ever prints a value."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from planner.estate import SecretRef
from replication.model.errors import NotFound, Permanent

VCENTER_KEYS = ("user", "password")
AZURE_KEYS = ("client_id", "client_secret")

_ADDRESS = re.compile(r"https://\S+|http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?(/\S*)?")
_OTHERS = stat.S_IROTH | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password; the password is left out of `repr`."""

    user: str
    password: str = field(repr=False)


SignIn = Callable[[], Credentials]
"""Reads the credentials where they are kept. Asked again at each login: a password that was changed is changed there too."""

Vault = Callable[[str, str], str]
"""(url of a Key Vault, name of a secret) -> its value, read with the Azure login."""


def resolve(
    ref: SecretRef,
    keys: tuple[str, ...],
    *,
    folder: str = ".",
    environ: Mapping[str, str] | None = None,
    vault: Vault | None = None,
) -> dict[str, str]:
    """The values of `keys` out of the JSON object that `ref` names; a relative file path starts at `folder`.

    Raises `NotFound` when the variable or file is not there, `Permanent` when it is open to others or no such object.
    """
    text = _text(ref, folder, environ, vault)
    wanted = "{" + ", ".join(f'"{key}": …' for key in keys) + "}"
    try:
        value = json.loads(text)
    except ValueError:
        # `from None`: the decoder's error carries the whole text, which is the secret.
        raise Permanent(
            "the secret is not JSON", subject=str(ref), remedy=f"it must be {wanted}", code="BadSecret"
        ) from None
    missing = [key for key in keys if not (isinstance(value, dict) and isinstance(value.get(key), str) and value[key])]
    if missing:
        raise Permanent(
            f"the secret lacks {' and '.join(missing)} as text",
            subject=str(ref),
            remedy=f"it must be {wanted}",
            code="BadSecret",
        )
    return {key: value[key] for key in keys}


def credentials(
    ref: SecretRef, *, folder: str = ".", environ: Mapping[str, str] | None = None, vault: Vault | None = None
) -> Credentials:
    """User and password for a vCenter; errors as `resolve`."""
    values = resolve(ref, VCENTER_KEYS, folder=folder, environ=environ, vault=vault)
    return Credentials(values["user"], values["password"])


def address(written: str, *, folder: str = ".", vault: Vault | None = None) -> str:
    """The web address that is `written`, or that the secret holds which it names ("env:OPS_WEBHOOK"); errors as `resolve`."""
    kind, _, name = written.partition(":")
    if kind not in ("env", "file", "keyvault"):
        return written
    ref = SecretRef(cast(Literal["env", "file", "keyvault"], kind), name)
    found = _text(ref, folder, None, vault).strip()
    if _ADDRESS.fullmatch(found) is None:
        raise Permanent("what stands there is no https address", subject=written, code="BadSecret")
    return found


def _text(ref: SecretRef, folder: str, environ: Mapping[str, str] | None, vault: Vault | None) -> str:
    match ref.kind:
        case "env":
            return _environment(ref, os.environ if environ is None else environ)
        case "file":
            return _file(ref, folder)
        case _:
            return _kept(ref, vault)


def _kept(ref: SecretRef, vault: Vault | None) -> str:
    """Out of a Key Vault: `NAME/SECRET` in the public cloud, or the vault's url before the secret's name."""
    if vault is None:
        text = "the login to Azure cannot be kept in a Key Vault, which is read with it"
        raise Permanent(text, subject=str(ref), remedy="use env: or file:, or a workload identity (no `login`)", code="BadSecret")
    place, _, name = ref.name.rpartition("/")
    return vault(place if place.startswith("https://") else f"https://{place}.vault.azure.net", name)


def _environment(ref: SecretRef, environ: Mapping[str, str]) -> str:
    text = environ.get(ref.name)
    if not text:
        raise NotFound(
            "the environment variable is not set", subject=str(ref), remedy=f"export {ref.name} where this command runs",
            code="NoSecret",
        )  # fmt: skip
    return text


def _file(ref: SecretRef, folder: str) -> str:
    path = Path(folder, ref.name)
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            content = stream.read()
    except OSError as error:
        what = "the file is not there" if isinstance(error, FileNotFoundError) else f"it cannot be read: {error.strerror}"
        raise NotFound(what, subject=str(ref), remedy=f"looked for it at {path}", code="NoSecret") from None
    if mode & _OTHERS:
        raise Permanent(
            f"everybody on this host may read the secret (mode {stat.S_IMODE(mode):o})",
            subject=str(ref),
            remedy=f"chmod 600 {path}",
            code="OpenSecret",
        )
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Permanent(
            "the secret is not UTF-8 text", subject=str(ref), remedy="save it as UTF-8", code="BadSecret"
        ) from None
