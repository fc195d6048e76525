"""Which objects a property filter means: views, traversals, and what may be asked of each object."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

from lab.vcenter import values
from lab.vcenter.device_xml import devices_xml
from lab.vcenter.entities import Managed
from lab.vcenter.inventory import World
from lab.vcenter.machine import Vm
from lab.vcenter.sessions import Session
from lab.vcenter.soap import value_xml
from lab.vcenter.vimtypes import Fault, array, managed_type, not_found, reference, vim, vmodl

SINGLETONS = {
    "ServiceInstance": "ServiceInstance",
    "propertyCollector": "PropertyCollector",
    "ViewManager": "ViewManager",
    "SessionManager": "SessionManager",
    "AuthorizationManager": "AuthorizationManager",
    "SearchIndex": "SearchIndex",
    "virtualDiskManager": "VirtualDiskManager",
}


_TRAVERSAL: Any = vmodl.query.PropertyCollector.TraversalSpec


@dataclass(slots=True, eq=False)
class View(Managed):
    """A container view: everything of some types below one object."""

    container: str = ""
    types: tuple[Any, ...] = ()
    recursive: bool = True


@dataclass(slots=True, eq=False)
class Singleton(Managed):
    """One of the service objects."""


@dataclass(frozen=True, slots=True)
class Selected:
    """An object and the properties wanted of it."""

    entity: Managed
    paths: tuple[str, ...]


@dataclass(slots=True)
class Scope:
    """What one session sees: the world, and its own views and filters."""

    world: World
    session: Session | None
    singletons: dict[str, Singleton] = field(
        default_factory=lambda: {moid: Singleton(moid, kind, moid) for moid, kind in SINGLETONS.items()}
    )

    def find(self, moid: str, kind: str) -> Managed:
        """Raises the ManagedObjectNotFound fault."""
        own = self.session.state.get(moid) if self.session else None
        found = own or self.world.objects.get(moid) or self.singletons.get(moid)
        if not isinstance(found, Managed):
            raise not_found(moid, kind)
        return found

    def value(self, entity: Managed, path: str) -> Any:
        """The value of a property; None when unset. Raises InvalidProperty."""
        match entity, path:
            case View(), "view":
                return array("vim.ManagedEntity", [self.reference(moid) for moid in self.members(entity)])
            case View(), "container":
                return self.reference(entity.container)
            case Singleton(moid="ServiceInstance"), _ if path.split(".")[0] == "content":
                found = values.service_content(self.world)
                for name in path.split(".")[1:]:
                    found = getattr(found, name, None)
                return found
            case Singleton(moid="ServiceInstance"), "serverClock":
                return values.now()
            case Singleton(moid="SessionManager"), "currentSession":
                return None if self.session is None else user_session(self.session)
            case _:
                return values.value(self.world, entity, path)

    def reference(self, moid: str) -> Any:
        return reference(self.world.objects[moid].kind, moid)

    def members(self, view: View) -> list[str]:
        """Moids of a container view's objects."""
        container = self.world.objects.get(view.container)
        if container is None:
            raise not_found(view.container, "ManagedEntity")
        found: list[str] = []
        todo = self.world.children(container)[::-1]
        wanted = tuple(view.types)
        while todo:
            entity = self.world.objects.get(todo.pop())
            if entity is None:
                continue
            if not wanted or issubclass(managed_type(entity.kind), wanted):
                found.append(entity.moid)
            if view.recursive:
                todo.extend(self.world.children(entity)[::-1])
        return found

    def value_xml(self, entity: Managed, path: str, version: str) -> str:
        """`<val …>…</val>` of a property, "" when unset; kept until the object changes."""
        cache = entity.cache  # replaced, not emptied, when the entity is touched: a late value cannot get in
        key = (version, path)
        found = cache.get(key)
        if found is None:
            found = self._build_xml(entity, path, version)
            if values.cacheable(entity, path):
                cache[key] = found
        return found

    def _build_xml(self, entity: Managed, path: str, version: str) -> str:
        if path == "config.hardware.device" and isinstance(entity, Vm):
            return devices_xml(self.world, entity, version)
        return value_xml(self.value(entity, path), version)

    def select(self, spec: Any) -> list[Selected]:
        """The objects of a PropertyFilterSpec with their property paths, each once, in order.

        Raises ManagedObjectNotFound for a starting object that is gone, unless the spec says to leave it out.
        """
        found: dict[str, Managed] = {}
        for start in spec.objectSet:
            entity = self._start(spec, start)
            if entity is not None:
                named = {one.name: one for one in start.selectSet if getattr(one, "name", None)}
                _collect_names(start.selectSet, named)
                self._walk(entity, bool(start.skip), start.selectSet, named, found, set())
        selected = (self._paths(spec, entity) for entity in found.values())
        return [entry for entry in selected if entry is not None]

    def _start(self, spec: Any, start: Any) -> Managed | None:
        moid, kind = start.obj._moId, type(start.obj)._wsdlName
        try:
            return self.find(moid, kind)
        except Fault:
            if spec.reportMissingObjectsInResults:
                return None
            raise

    def _walk(
        self,
        entity: Managed,
        skip: bool,
        steps: Any,
        named: dict[str, Any],
        found: dict[str, Managed],
        seen: set[tuple[str, int]],
    ) -> None:
        """Follow the selection set from one object; a (object, selection set) pair is followed once."""
        if not skip:
            found.setdefault(entity.moid, entity)
        kind = managed_type(entity.kind)
        for one in steps:
            step = one if isinstance(one, _TRAVERSAL) else named.get(one.name)
            if step is None or not issubclass(kind, step.type) or (entity.moid, id(step)) in seen:
                continue
            seen.add((entity.moid, id(step)))
            for moid in self._links(entity, step.path):
                below = self.world.objects.get(moid)
                if below is not None:
                    self._walk(below, bool(step.skip), step.selectSet, named, found, seen)

    def _links(self, entity: Managed, path: str) -> list[str]:
        if isinstance(entity, View) and path == "view":
            return self.members(entity)
        found = self.value(entity, path)
        if found is None:
            return []
        many = found if isinstance(found, list) else [found]
        return [one._moId for one in many if hasattr(one, "_moId")]

    def _paths(self, spec: Any, entity: Managed) -> Selected | None:
        kind = managed_type(entity.kind)
        fitting = [one for one in spec.propSet if issubclass(kind, one.type)]
        if not fitting:
            return None
        nearest = max(fitting, key=lambda one: len(one.type.__mro__))
        if nearest.all:
            return Selected(entity, tuple(values.all_paths(entity)))
        return Selected(entity, tuple(nearest.pathSet))


def _collect_names(steps: Any, named: dict[str, Any]) -> None:
    for one in steps:
        if isinstance(one, _TRAVERSAL):
            if one.name:
                named[one.name] = one
            _collect_names(one.selectSet, named)


def user_session(session: Session) -> Any:
    """vim.UserSession."""
    return vim.UserSession(
        key=session.key,
        userName=session.user,
        fullName="Administrator vsphere.local",
        loginTime=session.login_time,
        lastActiveTime=datetime.datetime.now(datetime.UTC),
        locale="en",
        messageLocale="en",
    )
