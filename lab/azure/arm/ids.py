"""Resource ids: parsed once, compared without case, shown as the caller wrote them.

A path is `{scope}/providers/{namespace}/{type}/{name}[/{type}/{name}…][/{action}]`, where the scope is nothing, a
subscription, a resource group or a whole resource (locks and role assignments hang on anything). The last
`/providers/` divides scope and type. An odd number of segments after the namespace is a collection, or an action.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.azure.arm.errors import ArmError


@dataclass(frozen=True, slots=True)
class Target:
    """What an ARM path speaks of. `tail` is the last odd segment: a collection's type or an action."""

    path: str
    scope: str
    namespace: str = ""
    types: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    tail: str = ""
    subscription: str = ""
    group: str = ""
    location: str = ""

    @property
    def full_type(self) -> str:
        """`Microsoft.Network/virtualNetworks/subnets`, without the tail, in the caller's case."""
        return "/".join((self.namespace, *self.types))

    @property
    def name(self) -> str:
        """The resource's own name: the last one."""
        return self.names[-1] if self.names else ""

    @property
    def full_name(self) -> str:
        """`vnet/subnet`: all names."""
        return "/".join(self.names)

    @property
    def resource_id(self) -> str:
        """The resource's id without the tail, in the caller's case."""
        pairs = "".join(f"/{kind}/{name}" for kind, name in zip(self.types, self.names, strict=True))
        return f"{self.scope}/providers/{self.namespace}{pairs}" if self.namespace else self.scope

    @property
    def parent_id(self) -> str:
        """The id of the resource that a child hangs on; the scope for a top-level resource."""
        if len(self.types) < 2:
            return self.scope
        pairs = "".join(f"/{k}/{n}" for k, n in list(zip(self.types, self.names, strict=True))[:-1])
        return f"{self.scope}/providers/{self.namespace}{pairs}"


def parse(path: str) -> Target:
    """Parse an ARM path. Raises ArmError 404 for what is no ARM path."""
    parts = [part for part in path.split("/") if part]
    for position, word in ((0, "subscriptions"), (2, "resourceGroups")):  # ARM spells these two itself
        if len(parts) > position and parts[position].lower() == word.lower():
            parts[position] = word
    path = "/" + "/".join(parts)
    lowered = path.lower()
    at = lowered.rfind("/providers/")
    if at < 0:
        return _place(Target(path, path.rstrip("/")))
    rest = path[at + len("/providers/") :].split("/")
    namespace, segments = rest[0], rest[1:]
    location = ""
    if len(segments) >= 2 and segments[0].lower() == "locations":
        location, segments = segments[1], segments[2:]
        target = Target(path, path[:at], namespace, tail="/".join(segments), location=location)
        return _place(target)
    tail = segments.pop() if len(segments) % 2 else ""
    target = Target(path, path[:at], namespace, tuple(segments[0::2]), tuple(segments[1::2]), tail)
    return _place(target)


def parse_id(text: object, what: str = "id") -> Target:
    """Parse a resource id out of a request body. Raises ArmError 400 LinkedInvalidPropertyId."""
    if not isinstance(text, str) or not text.startswith("/subscriptions/"):
        raise ArmError(
            400,
            "LinkedInvalidPropertyId",
            f"Property id '{text}' at path '{what}' is invalid. Expect fully qualified resource Id that start "
            "with '/subscriptions/{subscriptionId}' or '/providers/{resourceProviderNamespace}/'.",
        )
    target = parse(text)
    if not target.names or target.tail:
        raise ArmError(400, "LinkedInvalidPropertyId", f"Property id '{text}' at path '{what}' is invalid.")
    return target


def _place(target: Target) -> Target:
    """Fill in subscription and group from the scope."""
    parts = target.scope.split("/")
    subscription = parts[2] if len(parts) > 2 and parts[1].lower() == "subscriptions" else ""
    group = parts[4] if len(parts) > 4 and parts[3].lower() == "resourcegroups" else ""
    return Target(
        target.path,
        target.scope,
        target.namespace,
        target.types,
        target.names,
        target.tail,
        subscription,
        group,
        target.location,
    )
