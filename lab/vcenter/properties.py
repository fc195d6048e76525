"""The property collector: reading many properties of many objects at once, in pages, and waiting for changes.

Answers are put together from serialised values that each object keeps until it changes; an inventory of ten thousand
machines is mostly copying text.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from lab.vcenter.context import Context
from lab.vcenter.entities import Managed
from lab.vcenter.selection import Scope, Selected
from lab.vcenter.soap import Raw, serialise
from lab.vcenter.vimtypes import Fault, invalid_argument, managed_type, support, vmodl

_WAKE_S = 5.0  # how often a wait without end looks whether its session is still there


@dataclass(slots=True, eq=False)
class Filter(Managed):
    """A property filter of one session. `sent` is what the client knows: values by object and path."""

    collector: str = ""
    spec: Any = None
    sent: dict[str, dict[str, str]] = field(default_factory=dict)
    looked: int = -1  # the world's generation when the filter was last evaluated
    objects: list[Selected] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Rest(Managed):
    """What a paged answer has still to give."""

    objects: list[Selected] = field(default_factory=list)
    page: int = 0


def _object_xml(scope: Scope, selected: Selected, version: str) -> str:
    entity = selected.entity
    parts = [f'<obj type="{entity.kind}">{entity.moid}</obj>']
    for path in selected.paths:
        text = scope.value_xml(entity, path, version)
        if text:
            parts.append(f"<propSet><name>{escape(path)}</name>{text}</propSet>")
    return "".join(parts)


def _select_all(scope: Scope, specs: Any) -> list[Selected]:
    return [selected for spec in specs for selected in scope.select(spec)]


def retrieve_ex(context: Context, parameters: dict[str, Any]) -> Any:
    """RetrievePropertiesEx: None when nothing fits, else a page and perhaps a token."""
    scope = context.scope
    selected = _select_all(scope, parameters["specSet"])
    asked = (parameters["options"].maxObjects if parameters["options"] else None) or 0
    own = context.world.defaults.page_size
    page = min(filter(None, (asked, own)), default=len(selected))
    return _page(context, selected, page) if selected else None


def continue_retrieve(context: Context, parameters: dict[str, Any]) -> Any:
    rest = context.session.state.pop(parameters["token"], None)
    if not isinstance(rest, Rest):
        raise invalid_argument("token")
    return _page(context, rest.objects, rest.page)


def cancel_retrieve(context: Context, parameters: dict[str, Any]) -> None:
    if context.session.state.pop(parameters["token"], None) is None:
        raise invalid_argument("token")


def _page(context: Context, selected: list[Selected], page: int) -> Raw:
    scope, version = context.scope, context.version
    token = ""
    if len(selected) > page > 0:
        token = str(uuid.uuid4())
        context.session.state[token] = Rest(token, objects=selected[page:], page=page)
        selected = selected[:page]
    head = f"<token>{token}</token>" if token else ""
    body = "".join(f"<objects>{_object_xml(scope, entry, version)}</objects>" for entry in selected)
    return Raw(f"<returnval>{head}{body}</returnval>")


def retrieve(context: Context, parameters: dict[str, Any]) -> Raw:
    """RetrieveProperties: everything in one answer."""
    scope, version = context.scope, context.version
    selected = _select_all(scope, parameters["specSet"])
    return Raw("".join(f"<returnval>{_object_xml(scope, entry, version)}</returnval>" for entry in selected))


def fetch(context: Context, entity: Managed, path: str) -> Raw:
    """One property of one object, as attribute access on a pyVmomi object asks for it."""
    value = context.scope.value(entity, path)
    if value is None:
        return Raw("")
    kind = support.GetPropertyInfo(managed_type(entity.kind), path).type
    return Raw(serialise("returnval", value, kind, context.version))


# Filters and updates


def create_filter(context: Context, collector: str, parameters: dict[str, Any]) -> Any:
    moid = f"session[{context.session.key}]{uuid.uuid4()}"
    context.scope.select(parameters["spec"])  # an object that is not there is refused now
    context.session.state[moid] = Filter(moid, "PropertyFilter", collector=collector, spec=parameters["spec"])
    return vmodl.query.PropertyCollector.Filter(moid)


def create_collector(context: Context) -> Any:
    moid = f"session[{context.session.key}]{uuid.uuid4()}"
    context.session.state[moid] = Managed(moid, "PropertyCollector")
    return vmodl.query.PropertyCollector(moid)


def destroy(context: Context, moid: str) -> None:
    """Destroy a filter, a view or a collector (with its filters)."""
    state = context.session.state
    state.pop(moid, None)
    for key in [
        key for key, entry in list(state.items()) if isinstance(entry, Filter) and entry.collector == moid
    ]:
        state.pop(key, None)


def wait_for_updates(context: Context, collector: str, version: str | None, options: Any, block: bool) -> Any:
    """What changed since `version` ("" or None: everything), or None when nothing did in time."""
    seconds = options.maxWaitSeconds if options is not None and options.maxWaitSeconds is not None else None
    if not block:
        seconds = 0
    limit = (options.maxObjectUpdates if options is not None else None) or 0
    if not version:
        for one in _filters(context, collector):
            one.sent, one.looked = {}, -1
    deadline = None if seconds is None else time.monotonic() + seconds
    while True:
        generation = context.world.generation
        updates, cut = _updates(context, collector, limit)
        if updates:
            return _update_set(updates, cut)
        if not _wait(context, generation, deadline):
            return None


def _wait(context: Context, generation: int, deadline: float | None) -> bool:
    """Wait for the world to change; False when the time is up or the session is gone."""
    world = context.world
    with world.changed:
        while world.generation == generation:
            left = _WAKE_S if deadline is None else deadline - time.monotonic()
            if left <= 0 or not context.is_alive():
                return False
            world.changed.wait(min(left, _WAKE_S))
    return True


def _filters(context: Context, collector: str) -> list[Filter]:
    entries = list(context.session.state.values())
    return [one for one in entries if isinstance(one, Filter) and one.collector == collector]


def _updates(context: Context, collector: str, limit: int) -> tuple[list[str], bool]:
    """Serialised filterSets, and whether `limit` objects were not enough."""
    found: list[str] = []
    room = limit
    with context.session.lock:
        for one in _filters(context, collector):
            objects, cut = _object_updates(context, one, room)
            if objects:
                found.append(
                    f'<filterSet><filter type="PropertyFilter">{one.moid}</filter>{"".join(objects)}</filterSet>'
                )
                room -= len(objects)
            if cut or (limit and room <= 0):
                return found, cut
    return found, False


def _object_updates(context: Context, one: Filter, limit: int) -> tuple[list[str], bool]:
    generation = context.world.generation
    if one.looked == generation:
        return [], False
    try:
        one.objects = context.scope.select(one.spec)
    except Fault:
        one.objects = []  # the object that the filter started from is gone
    updates: list[str] = []
    present = {selected.entity.moid for selected in one.objects}
    for moid in [moid for moid in one.sent if moid not in present]:
        kind = one.sent.pop(moid).get("", "ManagedEntity")
        updates.append(f'<objectSet><kind>leave</kind><obj type="{kind}">{moid}</obj></objectSet>')
    for selected in one.objects:
        if limit and len(updates) >= limit:
            return updates, True
        # Nothing of an object that was not touched since can have changed.
        if selected.entity.moid in one.sent and 0 < selected.entity.generation <= one.looked:
            continue
        text = _one_update(context, one, selected)
        if text:
            updates.append(text)
    one.looked = generation
    return updates, False


def _one_update(context: Context, one: Filter, selected: Selected) -> str:
    entity = selected.entity
    known = one.sent.get(entity.moid)
    values = {path: context.scope.value_xml(entity, path, context.version) for path in selected.paths}
    changed = {path: text for path, text in values.items() if known is None or known.get(path) != text}
    one.sent[entity.moid] = {"": entity.kind, **values}
    if known is not None and not changed:
        return ""
    changes = "".join(
        f"<changeSet><name>{escape(path)}</name><op>assign</op>{text}</changeSet>"
        for path, text in changed.items()
        if text or known is not None
    )
    kind = "modify" if known is not None else "enter"
    return f'<objectSet><kind>{kind}</kind><obj type="{entity.kind}">{entity.moid}</obj>{changes}</objectSet>'


def _update_set(updates: list[str], cut: bool) -> Raw:
    version = str(time.monotonic_ns())
    truncated = "<truncated>true</truncated>" if cut else ""
    return Raw(f"<returnval><version>{version}</version>{''.join(updates)}{truncated}</returnval>")


Method = Callable[[Context, Managed, dict[str, Any]], Any]

METHODS: dict[str, Method] = {
    "RetrievePropertiesEx": lambda context, this, given: retrieve_ex(context, given),
    "ContinueRetrievePropertiesEx": lambda context, this, given: continue_retrieve(context, given),
    "CancelRetrievePropertiesEx": lambda context, this, given: cancel_retrieve(context, given),
    "RetrieveProperties": lambda context, this, given: retrieve(context, given),
    "Fetch": lambda context, this, given: fetch(context, this, given["prop"]),
    "CreateFilter": lambda context, this, given: create_filter(context, this.moid, given),
    "CreatePropertyCollector": lambda context, this, given: create_collector(context),
    "DestroyPropertyFilter": lambda context, this, given: destroy(context, this.moid),
    "DestroyPropertyCollector": lambda context, this, given: destroy(context, this.moid),
    "WaitForUpdatesEx": lambda context, this, given: wait_for_updates(
        context, this.moid, given["version"], given["options"], block=True
    ),
    "WaitForUpdates": lambda context, this, given: wait_for_updates(
        context, this.moid, given["version"], None, block=True
    ),
    "CheckForUpdates": lambda context, this, given: wait_for_updates(
        context, this.moid, given["version"], None, block=False
    ),
    "CancelWaitForUpdates": lambda context, this, given: context.world.touch(),
}
