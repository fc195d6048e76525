"""vSphere's faults and broken connections, turned into the classes of `replication.model.errors` at the edge.

A fault is matched with its whole family (a subclass that a later vSphere adds is still understood). What nobody knows is
`Temporary`: a cycle that fails is tried again and says why, while `Permanent` would ask a person for help too early.
"""

from __future__ import annotations

import socket
import ssl
from http.client import HTTPException
from typing import NamedTuple
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import ExpatError

from providers.vmware import sdk
from replication.model.errors import Conflict, Denied, NotFound, Permanent, PortError, Temporary

BROKEN = (OSError, HTTPException, ExpatError, ParseError)
"""What a connection that broke (or answered half a document) raises; `ssl.SSLError` and `TimeoutError` are OSErrors."""

NEVER_SENT = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)
"""Of these, what happens before a request can leave: nothing was done."""


class _Rule(NamedTuple):
    kind: type[PortError]
    remedy: str


_TOOLS = "start VMware Tools in the guest, or set the cut-over's shutdown to force"
_STORAGE = "free space on the datastore, or move the VM; our snapshots are removed as soon as they are read"
_RULES: dict[str, _Rule] = {
    "vim.fault.InvalidLogin": _Rule(Denied, "check the user and password of this source's login"),
    "vim.fault.NotAuthenticated": _Rule(Temporary, "the session ended and could not be renewed"),
    "vim.fault.NoPermission": _Rule(Denied, "give the login's role this privilege on the VM and its datastore"),
    "vim.fault.PasswordExpired": _Rule(Denied, "set a new password for this account"),
    "vmodl.fault.ManagedObjectNotFound": _Rule(NotFound, "it was removed or registered anew; plan again"),
    "vmodl.fault.NotSupported": _Rule(Permanent, "this host or this VM cannot do it"),
    "vmodl.fault.InvalidArgument": _Rule(Permanent, ""),
    "vmodl.fault.RequestCanceled": _Rule(Temporary, "somebody cancelled the task in vCenter"),
    "vim.fault.TaskInProgress": _Rule(Temporary, "another task runs on this VM (a backup?); it is tried again"),
    "vim.fault.ConcurrentAccess": _Rule(Conflict, "somebody else changed the VM at the same time"),
    "vim.fault.ToolsUnavailable": _Rule(Permanent, _TOOLS),
    "vim.fault.InvalidPowerState": _Rule(Conflict, "the VM is in another power state than expected"),
    "vim.fault.NoDiskSpace": _Rule(Permanent, _STORAGE),
    "vim.fault.InsufficientResourcesFault": _Rule(Temporary, "the cluster has no room for it now"),
    "vim.fault.TooManySnapshotLevels": _Rule(Permanent, "delete snapshots of this VM"),
    "vim.fault.ApplicationQuiesceFault": _Rule(
        Temporary, "the guest could not be quiesced: see its VSS, or set quiesce: false"
    ),
    "vim.fault.FilesystemQuiesceFault": _Rule(Temporary, "the guest could not be quiesced, or set quiesce: false"),
    "vim.fault.SnapshotIncompatibleDeviceInVm": _Rule(Permanent, "remove the device that forbids snapshots"),
    "vim.fault.FileLocked": _Rule(Temporary, "another process holds the disk (a backup proxy?); stop it"),
    "vmodl.fault.HostCommunication": _Rule(Temporary, "vCenter does not reach the ESXi host"),
}


def translate(error: BaseException, *, subject: str, doing: str) -> PortError:
    """The port error for a vSphere fault or a broken connection met while `doing` something to `subject`."""
    if isinstance(error, PortError):
        return error
    if isinstance(error, BROKEN):
        return Temporary(
            f"{doing}: the connection to vCenter broke ({type(error).__name__}: {error})", subject=subject, code="Broken"
        )
    name = fault_name(error)
    rule = _rule(error)
    message = f"{doing}: {_text(error, name)}"
    if rule is None:
        return Temporary(message, subject=subject, code=name)
    return rule.kind(message, subject=subject, remedy=rule.remedy, code=name)


def fault_name(error: BaseException) -> str:
    """ "FileFault" for vim.fault.FileFault."""
    return type(error).__name__.rpartition(".")[2]


def is_fault(error: BaseException, *names: str) -> bool:
    """True when the fault or an ancestor of its type is called one of `names` ("vim.fault.FileFault")."""
    return any(base.__name__ in names for base in type(error).__mro__)


def is_sdk_fault(error: BaseException) -> bool:
    return isinstance(error, sdk.load().vmodl.MethodFault)


def _rule(error: BaseException) -> _Rule | None:
    return next((_RULES[base.__name__] for base in type(error).__mro__ if base.__name__ in _RULES), None)


def _text(error: BaseException, name: str) -> str:
    text = (getattr(error, "msg", None) or "").strip().rstrip(".")
    details = []
    if privilege := getattr(error, "privilegeId", None):
        details.append(f"privilege {privilege}")
    if file := getattr(error, "file", None):
        details.append(f"file {file}")
    if parameter := getattr(error, "invalidProperty", None):
        details.append(f"parameter {parameter}")
    extra = f" ({', '.join(details)})" if details else ""
    return f"{text} [{name}]{extra}" if text else f"{name}{extra}"
