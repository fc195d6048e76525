"""What all kinds of artifacts share: one list per scope to observe, and never a change to what is not ours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from planner.ports import Json, Made, Observed, Operation, ResourceRef
from providers.azure.errors import translated
from providers.azure.ids import ArmId, parse
from providers.azure.operations import Deferred, Pending
from providers.azure.session import AzureSession
from providers.azure.tags import Owner
from replication.model.errors import NotFound, Permanent

if TYPE_CHECKING:
    from azure.core.polling import LROPoller

Spec = Mapping[str, Json]


class Observes(Protocol):
    def observe(self, refs: Sequence[ResourceRef]) -> dict[str, Observed]:
        """Lower-cased `ref.id` -> what is there; what is not there is missing."""
        ...


class Deletes(Protocol):
    def delete(self, ref: ResourceRef) -> None: ...


class Makes(Observes, Deletes, Protocol):
    def begin(self, ref: ResourceRef, spec: Spec) -> Operation: ...

    def resume(self, ref: ResourceRef, spec: Spec, token: str) -> Operation: ...


class Listed(ABC):
    """A tagged ARM resource in a resource group: listed by group, deleted when it is ours."""

    addressed: ClassVar[bool] = True
    """Its tags say under which address it is recorded."""

    def __init__(self, session: AzureSession, owner: Owner) -> None:
        self.session = session
        self.owner = owner

    # --- what a kind says about itself

    @abstractmethod
    def listing(self, at: ArmId) -> Iterable[Any]:
        """All of this kind in the group of `at`."""

    @abstractmethod
    def get(self, at: ArmId) -> Any: ...

    @abstractmethod
    def remove(self, at: ArmId) -> LROPoller[Any] | None:
        """Begin the DELETE; None when it is done at once."""

    @abstractmethod
    def properties(self, found: Any) -> dict[str, Json]:
        """What it is, under the keys of the spec."""

    def settings(self, found: Any) -> dict[str, tuple[Json, Json]]:
        """Settings that are the same for all of the kind: name -> (as we make it, as it is). None unless a kind says so."""
        return {}

    def beside(self, found: Any) -> dict[str, Json]:
        """What others may put on it and we never set. Nothing unless a kind says so."""
        return {}

    # --- and what follows from it

    def observe(self, refs: Sequence[ResourceRef]) -> dict[str, Observed]:
        seen: dict[str, Observed] = {}
        wanted = {ref.id.lower(): ref for ref in refs}
        for at in _one_per_group(refs):
            try:
                with translated(f"resource group {at.group}"):
                    found = list(self.listing(at))
            except NotFound:
                continue  # no such group: nothing in it
            for item in found:
                if ref := wanted.get(item.id.lower()):
                    seen[item.id.lower()] = self.seen(item, ref)
        return seen

    def seen(self, found: Any, ref: ResourceRef) -> Observed:
        """What a listing says of one. A setting that the service does not name is at its default."""
        tags = dict(found.tags or {})
        settings = self.settings(found) | (self.owner.address(tags, ref.address) if self.addressed else {})
        strayed = {name: pair for name, pair in settings.items() if pair[1] is not None and pair[0] != pair[1]}
        beside = self.beside(found)
        return Observed(found.id, self.properties(found), tags, self.owner.owns(tags), strayed=strayed, beside=beside)

    def delete(self, ref: ResourceRef) -> None:
        at = parse(ref.id)
        if not self.require_ours(at):
            return
        with translated(at.name):
            poller = self.remove(at)
            if poller is not None:
                poller.result()

    def require_ours(self, at: ArmId) -> bool:
        """Whether it exists; `Permanent` when it does and is not ours."""
        return self._ours(at) is not None

    def tags(self, at: ArmId, address: str, spec: Spec) -> dict[str, str]:
        """The tags to write: ours over those that others have put on it meanwhile, which a PUT would take away.

        Raises `Permanent` when it exists and is not ours.
        """
        found = self._ours(at)
        held = dict(found.tags or {}) if found is not None else {}
        ours = self.owner.tags(address, spec.get("tags"))
        names = {name.lower() for name in ours}
        return {**{name: value for name, value in held.items() if name.lower() not in names}, **ours}

    def _ours(self, at: ArmId) -> Any | None:
        try:
            with translated(at.name):
                found = self.get(at)
        except NotFound:
            return None
        if not self.owner.owns(found.tags):
            remedy = "choose another name or resource group, or remove it yourself"
            raise Permanent("it exists and does not carry this estate's tags", subject=at.text, remedy=remedy, code="NotOurs")
        return found


class GroupKind(Listed):
    """One that is made by PUT, as a long-running operation."""

    @abstractmethod
    def put(self, at: ArmId, spec: Spec, tags: dict[str, str], **poll: Any) -> LROPoller[Any]:
        """Begin the PUT; `poll` goes to the client library."""

    def attributes(self, found: Any) -> dict[str, Json]:
        """What others refer to; nothing unless a kind says so."""
        return {}

    def finish(self, at: ArmId, spec: Spec, found: Any) -> None:
        """What must follow the PUT; idempotent. Nothing unless a kind says so."""
        return

    def begin(self, ref: ResourceRef, spec: Spec) -> Operation:
        at = parse(ref.id)
        if spec.get("existing"):
            return Deferred(lambda: self._theirs(at), at.name)
        tags = self.tags(at, ref.address, spec)
        with translated(at.name):
            return self._pending(at, spec, self.put(at, spec, tags))

    def resume(self, ref: ResourceRef, spec: Spec, token: str) -> Operation:
        at = parse(ref.id)
        tags = self.owner.tags(ref.address, spec.get("tags"))
        try:
            with translated(at.name):
                poller = self.put(at, spec, tags, continuation_token=token)
        except (NotFound, ValueError):
            return self.begin(ref, spec)  # not a token of this library's version: a PUT again says how it ended
        return self._pending(at, spec, poller, lambda: self.begin(ref, spec))

    def _theirs(self, at: ArmId) -> Made:
        """What somebody else has made: looked at, and nothing else."""
        with translated(at.name):
            found = self.get(at)
        return Made(str(found.id or at.text), self.attributes(found))

    def _pending(
        self, at: ArmId, spec: Spec, poller: LROPoller[Any], again: Callable[[], Operation] | None = None
    ) -> Pending:
        def finish(found: Any) -> Made:
            # Some services answer a finished PUT without the resource.
            there = found if getattr(found, "id", None) else self.get(at)
            self.finish(at, spec, there)
            return Made(there.id, self.attributes(there))

        return Pending(poller, finish, at.name, again)


def plain(value: Any) -> str | None:
    """An enumeration of a client library as the text that it stands for."""
    return None if value is None else str(getattr(value, "value", value))


def place(location: str | None) -> str:
    """A region's name as the planner writes it: "Korea Central" is "koreacentral"."""
    return (location or "").replace(" ", "").lower()


def _one_per_group(refs: Sequence[ResourceRef]) -> list[ArmId]:
    groups = {(at.subscription.lower(), at.group.lower()): at for at in (parse(ref.id) for ref in refs)}
    return list(groups.values())
