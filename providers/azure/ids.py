"""ARM ids, taken apart once. Ids are the same in any case; the caller's spelling is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass

from replication.model.errors import Permanent

_SCOPE = re.compile(r"/subscriptions/(?P<subscription>[^/]+)(/resourceGroups/(?P<group>[^/]+))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ArmId:
    """An id in its parts. `names` are those after the provider, outermost first; [] for a group or subscription."""

    text: str
    subscription: str
    group: str
    kind: str
    """Lower-cased full type: "microsoft.compute/disks"; "" for a group or subscription."""
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The resource's own name; a group's name for a group."""
        return self.names[-1] if self.names else self.group

    @property
    def group_id(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    def up_to(self, depth: int) -> str:
        """The id of the ancestor (or self) that has `depth` names."""
        parts = self.text.split("/")
        at = [index for index, part in enumerate(parts) if part.lower() == "providers"][-1]
        return "/".join(parts[: at + 2 + 2 * depth])


def parse(text: str) -> ArmId:
    """Take an id apart. `Permanent` for what is none. The last provider counts: a lock's id holds its resource's."""
    found = _SCOPE.match(text)
    if not found:
        raise Permanent("not an ARM id", subject=text, remedy="it begins with /subscriptions/<guid>")
    parts = text.split("/")
    places = [index for index, part in enumerate(parts) if part.lower() == "providers"]
    rest = parts[places[-1] + 1 :] if places else []
    types, names = rest[1::2], rest[2::2]
    kind = "/".join(rest[:1] + types).lower()
    return ArmId(text, found["subscription"], found["group"] or "", kind, tuple(names))


def scope_of(text: str) -> str:
    """What an extension resource (lock, role assignment) is on."""
    at = text.lower().rfind("/providers/microsoft.authorization/")
    return text[:at] if at >= 0 else text


def same(left: str, right: str) -> bool:
    return left.lower() == right.lower()
