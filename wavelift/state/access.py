"""What is said when a login may not read or write a state in blobs: who, which role, on which account, and the command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol

from replication.model.errors import Denied, PortError
from wavelift.problems import DENIED, UserProblem, coded

if TYPE_CHECKING:
    from planner.estate import Estate, Identities, StateBlob
    from planner.store import StateStore
    from providers.azure.session import AzureSession


class Opened(Protocol):
    """What is needed of a workspace (which needs this module)."""

    @property
    def estate(self) -> Estate: ...

    @property
    def role(self) -> Literal["plan", "engine"]: ...

    @property
    def store(self) -> StateStore: ...


@contextmanager
def allowed(workspace: Opened) -> Iterator[None]:
    """`UserProblem` (denied) when it is the state that may not be read or written; other refusals pass."""
    try:
        yield
    except Denied as error:
        blob = workspace.estate.state_blob
        if blob is None or not error.subject.startswith(workspace.store.where.removesuffix(f"/{blob.key}")):
            raise
        raise UserProblem(_text(workspace, blob, error), DENIED) from error


def _text(workspace: Opened, blob: StateBlob, error: Denied) -> str:
    from planner.desired.shared import BLOB_ROLE, READ_ROLE
    from wavelift.planning.access import grant
    from wavelift.state.opening import session_of

    session = session_of(workspace.estate.azure, workspace.role)
    try:
        me = session.principal().object_id
    except PortError:
        return coded(f"the state {workspace.store.where} may not be used: {error.message}. Nothing was changed.", "WL427")
    reads = workspace.role == "plan" or _only_engine(workspace.estate.azure.identities, me)
    role, does = (READ_ROLE, "read") if reads else (BLOB_ROLE, "write")
    text = (
        f"{me} may not {does} the state {workspace.store.where}: {error.message} It needs {role} on storage account "
        f"{blob.account} (a new role takes some minutes). Nothing was changed."
    )
    return f"{coded(text, 'WL427')}\n    {grant(me, role, _account(blob, session))}"


def _only_engine(declared: Identities, me: str) -> bool:
    """Whether the files say that this is whom the engine runs as, and nobody who applies: the engine writes no state."""
    return me.lower() == (declared.engine or "").lower() != (declared.apply or "").lower()


def _account(blob: StateBlob, session: AzureSession) -> str:
    """Its ARM id: as listed, for it may be in another group than we would make it in."""
    from wavelift.state.opening import listed

    try:
        found = listed(blob, session)
    except PortError:
        found = None
    group = f"/subscriptions/{blob.subscription}/resourceGroups/{blob.group}"
    return str(found.id) if found is not None else f"{group}/providers/Microsoft.Storage/storageAccounts/{blob.account}"
