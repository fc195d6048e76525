"""A signed-in connection to one vCenter, shared by all threads.

pyVmomi's SOAP stub keeps a pool of connections under a lock and shares one session cookie, so calls may run side by side. A
session that vCenter ended is renewed by one thread while the others wait; the call is then made again (a call refused with
NotAuthenticated was not carried out). A connection that broke after a request was sent leaves that request's fate unknown:
such calls are repeated only where the caller says that it may be (`replay`).
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import reduce
from typing import Any, TypeVar

from providers.secrets import Credentials, SignIn
from providers.vmware import sdk
from providers.vmware.errors import BROKEN, NEVER_SENT, is_fault, is_sdk_fault, translate
from providers.vmware.tls import Endpoint, context, probe
from replication.model.errors import Denied, Permanent, PortError, UnknownFate

log = logging.getLogger("wavelift.vmware")

T = TypeVar("T")

REQUEST_SECONDS = 120
"""Longest wait for one SOAP answer. Tasks answer at once and are polled, so only a sick vCenter needs this long."""

IDLE_SECONDS = 30
"""A pooled connection older than this is not reused: proxies cut idle ones, which would look like a lost answer."""

KEEP_ALIVE_SECONDS = 300.0
"""vCenter ends a session after 30 min without SOAP calls; datastore reads do not count as such."""

LOCKOUT_SECONDS = 60.0
"""After a refused login nobody tries the same again for this long: vCenter locks accounts after a few wrong passwords."""

_TRIES = 3
_POOL = 16


class Session:
    """Use `call` for everything; `close` logs out. Nothing is contacted before the first call."""

    def __init__(self, endpoint: Endpoint, credentials: SignIn) -> None:
        self.endpoint = endpoint
        self._credentials = credentials
        self._lock = threading.Lock()
        self._stub: Any = None
        self._content: Any = None
        self._context: ssl.SSLContext | None = None
        self._generation = 0
        self._signed_in = False
        self._last_call = 0.0
        self._refused: tuple[float, Denied, Credentials] | None = None

    def call(self, doing: str, act: Callable[[Any], T], *, subject: str = "", replay: bool = True) -> T:
        """`act(content)` with vCenter's ServiceContent, its errors translated.

        `doing` is a phrase for messages ("making a snapshot"), `subject` the VM's name. `replay=False`: a broken connection
        raises `UnknownFate` instead of trying again.
        """
        subject = subject or self.endpoint.subject
        tries = 0
        while True:
            tries += 1
            content, generation = self._sign_in()
            try:
                answer = act(content)
            except BROKEN as error:
                if isinstance(error, ssl.SSLCertVerificationError):
                    self._distrust(generation)
                if not replay and not isinstance(error, NEVER_SENT):
                    raise UnknownFate(
                        f"{doing}: no answer came ({type(error).__name__}: {error})", subject=subject
                    ) from error
                if tries >= _TRIES:
                    raise translate(error, subject=subject, doing=doing) from error
                time.sleep(0.2 * tries)
            except PortError:
                raise
            except Exception as error:
                if not is_sdk_fault(error):
                    raise
                if not is_fault(error, "vim.fault.NotAuthenticated") or tries >= _TRIES:
                    raise translate(error, subject=subject, doing=doing) from error
                self.expire(generation)
            else:
                self._last_call = time.monotonic()
                return answer

    @property
    def stub(self) -> Any:
        """pyVmomi's SOAP stub: `cookie`, `versionId`, and what binds a managed object to this vCenter."""
        return self._stub

    @property
    def generation(self) -> int:
        """Rises with every login; names the session that a cookie belongs to."""
        return self._generation

    def managed(self, kind: str, ref: str) -> Any:
        """The managed object `ref` of type `kind` ("VirtualMachine", "vm.Snapshot"), bound to this session."""
        self._sign_in()
        return reduce(getattr, kind.split("."), sdk.load().vim)(ref, self._stub)

    def tls(self) -> ssl.SSLContext:
        """The context of this vCenter, for other connections to it."""
        if self._context is None:
            self._context = context(self.endpoint)
        return self._context

    def expire(self, generation: int) -> None:
        """vCenter said that session `generation` ended; whoever comes first signs in anew."""
        with self._lock:
            if self._generation == generation:
                self._signed_in = False

    def _distrust(self, generation: int) -> None:
        """vCenter shows another certificate: whoever comes first connects anew."""
        self.expire(generation)
        with self._lock:
            if self._generation == generation:
                self._stub = None

    def cookie(self) -> tuple[str, int]:
        """The session's cookie header and its generation, signing in when needed."""
        _, generation = self._sign_in()
        return str(self._stub.cookie).partition(";")[0], generation

    def keep_alive(self) -> None:
        """Cheap unless the last SOAP call was long ago; long datastore reads call it now and then."""
        if time.monotonic() - self._last_call > KEEP_ALIVE_SECONDS:
            service = sdk.load().vim.ServiceInstance("ServiceInstance", self._stub)
            self.call("keeping the session alive", lambda _: service.CurrentTime())

    def instance_uuid(self) -> str:
        """vCenter's own identity, so that a restored or exchanged vCenter is noticed."""
        return str(self.call("reading about.instanceUuid", lambda content: content.about.instanceUuid) or "")

    def close(self) -> None:
        """Log out and drop connections; an unreachable vCenter is no reason to fail here."""
        with self._lock:
            stub, content, signed_in = self._stub, self._content, self._signed_in
            self._stub = self._content = None
            self._signed_in = False
        if stub is None:
            return
        if signed_in:
            with suppress(*BROKEN, sdk.load().vmodl.MethodFault):
                content.sessionManager.Logout()
        stub.DropConnections()

    def _sign_in(self) -> tuple[Any, int]:
        if self._signed_in:
            return self._content, self._generation
        with self._lock:
            if self._signed_in:
                return self._content, self._generation
            credentials = self._credentials()
            self._still_refused(credentials)
            if self._stub is None:
                self._connect()
            self._login(credentials)
            self._generation += 1
            self._signed_in = True
            return self._content, self._generation

    def _connect(self) -> None:
        self._context = None  # the CA file is read again: it may have been mended since
        probe(self.endpoint, self.tls())
        try:
            self._stub = _stub(self.endpoint, self.tls())
            self._content = sdk.load().vim.ServiceInstance("ServiceInstance", self._stub).RetrieveContent()
        except BROKEN as error:
            raise translate(error, subject=self.endpoint.subject, doing="connecting") from error

    def _login(self, credentials: Credentials) -> None:
        user = credentials.user
        try:
            self._content.sessionManager.Login(userName=user, password=credentials.password)
        except BROKEN as error:
            if isinstance(error, ssl.SSLCertVerificationError):
                self._stub = None
            raise translate(error, subject=self.endpoint.subject, doing="signing in") from error
        except sdk.load().vmodl.MethodFault as fault:
            known = translate(fault, subject=self.endpoint.subject, doing=f"signing in as {user}")
            if not isinstance(known, Denied):
                raise known from fault
            denied = Denied(
                f"the user name or password of {user} was refused",
                subject=self.endpoint.subject,
                remedy=f"check the secret that the login of source {self.endpoint.name} names",
                code=known.code,
            )
            self._refused = (time.monotonic(), denied, credentials)
            raise denied from fault
        self._last_call = time.monotonic()
        log.debug("signed in at %s as %s", self.endpoint.subject, user)

    def _still_refused(self, credentials: Credentials) -> None:
        if self._refused is None:
            return
        since, known, tried = self._refused
        if tried == credentials and time.monotonic() - since < LOCKOUT_SECONDS:
            raise Denied(known.message, subject=known.subject, remedy=known.remedy, code=known.code)


def _stub(endpoint: Endpoint, with_context: ssl.SSLContext) -> Any:
    """A stub that speaks the newest version both sides know."""
    make = sdk.load().connect.SmartStubAdapter
    try:
        return make(
            host=endpoint.host,
            port=endpoint.port,
            sslContext=with_context,
            httpConnectionTimeout=REQUEST_SECONDS,
            connectionPoolTimeout=IDLE_SECONDS,
            poolSize=_POOL,
        )
    except BROKEN:
        raise
    except Exception as error:
        # pyVim raises a bare Exception ("is down or is not a VIM server") and lets through whatever its parser says.
        raise Permanent(
            "what answers there is no vCenter",
            subject=endpoint.subject,
            remedy="check the source's vcenter host and port",
            code="NotVcenter",
        ) from error
