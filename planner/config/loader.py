"""A folder of YAML files -> the resolved estate, or every problem that stands in the way."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from enum import Enum
from operator import attrgetter
from os.path import normpath
from pathlib import Path
from typing import Any

from planner.config.checks import check_machines, check_waves
from planner.config.collect import Problems
from planner.config.context import Context
from planner.config.drift import read_drift
from planner.config.files import LOCK_NAME, lock_name
from planner.config.guards import read_forecast, read_prices, read_rules
from planner.config.machines import resolve_waves
from planner.config.policies import Policies
from planner.config.reading import Files, read_files
from planner.config.removed import read_removed
from planner.config.sites import (
    check_time_zone,
    resolve_appliances,
    resolve_azure,
    resolve_sources,
    resolve_targets,
)
from planner.config.tree import Item, Tree, entries, text
from planner.estate import (
    Azure,
    AzureLogin,
    Diagnostic,
    Estate,
    Loaded,
    Login,
    SecretRef,
    Source,
    Span,
    StateBlob,
    WorkloadIdentity,
)
from planner.garbage import paused_gc
from planner.wording import PATH, nearest, quote

STATE_FILE = ".wavelift/state.json"

_PARTS = {"estate": "estate: {name: …, schema: 1}", "azure": "azure: {tenant: …, project: {…}}"}
"""Top-level keys that every estate has, and how they begin."""

_PARTS_OF_WAVES = {"sources": "sources: {…}", "targets": "targets: {…}"}
"""Top-level keys that an estate with waves has."""

_NEED_ALL_FILES = frozenset({"WL140", "WL141", "WL142", "WL143", "WL144", "WL145", "WL159", "WL160"})
"""Problems that are none when another file declares what is missing, or a section whose name is mistyped."""

_DECLARING = {
    "": ("estate", "azure", "targets", "policies", "appliances", "sources", "waves"),
    "policies.": ("throttle", "blackout", "cutover", "schedule", "limits"),
}
"""Sections whose entries are referred to by name, by what stands before them in a path."""

_MISSING = frozenset({"WL127", "WL128"})
"""Codes that say of a mapping or list that there is too little in it."""

_UNMEASURED = frozenset(
    {"span", "spans", "folder", "digest", "prices", "forecast", "drift", "webhook", "state_blob", "lock_file"}
)
"""Fields that say where something stands what it costs or how it is judged, not what it is: no part of the digest."""


def load(folder: Path, *, env: Mapping[str, str] | None = None) -> Loaded:
    """Reads *.yaml and *.yml of `folder` and of its waves/ as one estate, with the overlay that WAVELIFT_OVERLAY names.

    `env` is where that and values written `env:NAME` come from (the process's environment when None); secrets are never
    looked up. The estate is None when any diagnostic is an error. Raises nothing for what stands in the files.
    """
    problems = Problems()
    with paused_gc():
        files = read_files(folder, os.environ if env is None else env, problems)
        sense = Problems(files.removed)
        estate = _resolve(folder, files, os.environ if env is None else env, sense) if files.paths else None
        if not files.whole or any(map(_misnamed, problems.found)):
            # what a name refers to may stand in the file that could not be read, or under the mistyped name
            sense.found = [d for d in sense.found if d.code not in _NEED_ALL_FILES]
        # what was wrong has been left out: that it is missing there is no problem of its own
        sense.found = [d for d in sense.found if d.code not in _MISSING or not any(_within(p, d) for p in problems.found)]
    found = problems.found + sense.found
    order = {str(path): number for number, path in enumerate(files.paths)}
    wrong = any(diagnostic.severity == "error" for diagnostic in found)
    return Loaded(None if wrong else estate, _in_file_order(found, order))


def _misnamed(problem: Diagnostic) -> bool:
    """Whether it says that such a section has a name that is none, and almost one of these."""
    before, dot, name = problem.path.rpartition(".")
    return problem.code == "WL120" and nearest(name, _DECLARING.get(before + dot, ())) is not None


def _within(problem: Diagnostic, other: Diagnostic) -> bool:
    """Whether it stands in a part of what the other one is about."""
    return problem.path.startswith(f"{other.path}.")


def _in_file_order(found: list[Diagnostic], order: Mapping[str, int]) -> tuple[Diagnostic, ...]:
    def place(diagnostic: Diagnostic) -> tuple[int, int, int, str]:
        span = diagnostic.span or Span("", 0, 0)
        return order.get(span.file, -1), span.line, span.column, diagnostic.code

    return tuple(sorted(dict.fromkeys(found), key=place))


def _resolve(folder: Path, files: Files, env: Mapping[str, str], problems: Problems) -> Estate | None:
    """Everything that can be told from the merged tree."""
    tree = files.tree
    _check_parts(folder, tree, problems)
    settings = entries(tree, "estate")
    context = Context(tree, env, problems)
    zone = check_time_zone(context, settings, "estate.time_zone") or "UTC"
    context = replace(context, time_zone=zone)
    policies = Policies(context)
    azure = resolve_azure(context)
    sources = resolve_sources(context)
    appliances = resolve_appliances(context, policies)
    targets = resolve_targets(context, azure.project_subscription if azure else None)
    waves, machines = resolve_waves(context, policies)
    check_waves(context, waves, machines)
    check_machines(problems, waves, machines, targets)
    rules, prices, assumed = read_rules(context), read_prices(context), read_forecast(context)
    removed, webhook = read_removed(context, machines), _webhook(context, entries(tree, "notify"))
    name = text(settings, "name")
    if problems.any_error or azure is None or name is None:
        return None
    path, blob = _state_path(tree, context, name if files.overlay else ""), _state_blob(tree, context, name, azure)
    if files.overlay:
        _check_apart(files, context, azure, path, blob)
    estate = Estate(
        name=name,
        schema=1,
        time_zone=zone,
        folder=str(folder),
        state_path=path,
        azure=azure,
        sources=sources,
        appliances=appliances,
        targets=targets,
        waves=waves,
        machines=machines,
        rules=rules,
        removed=removed,
        prices=prices,
        forecast=assumed,
        digest="",
        drift=read_drift(context),
        webhook=webhook,
        state_blob=blob,
        lock_file=lock_name(name) if files.overlay else LOCK_NAME,
    )
    return _placed(replace(estate, digest=_digest(estate)), folder)


def _webhook(context: Context, items: Mapping[str, Item]) -> str | None:
    if "webhook" in items:
        context.nothing_carried(items["webhook"], "notify.webhook")
    return text(items, "webhook")


def _check_parts(folder: Path, tree: Tree, problems: Problems) -> None:
    first = min((item.key for item in tree.values()), default=None)
    for part, start in (_PARTS | (_PARTS_OF_WAVES if "waves" in tree else {})).items():
        if part not in tree:
            detail = f"No file of {quote(folder, PATH)} holds `{part}`. Begin it with `{start}`."
            problems.add("WL160", detail, Span(first.file, 1, 1) if first else None, part, missing=part)


def _state_path(tree: Tree, context: Context, overlaid: str = "") -> str:
    """`overlaid` is the name of an estate that an overlay makes: its file is another one."""
    local = entries(entries(tree, "state"), "local")
    own = f"{STATE_FILE.removesuffix('.json')}.{overlaid}.json" if overlaid else STATE_FILE
    return context.place(local, "path", "state.local.path") or own


def _check_apart(files: Files, context: Context, azure: Azure, path: str, blob: StateBlob | None) -> None:
    """Two estates never keep their records in one place; the overlay's has to be its own."""
    tree = files.below("estate", "state")
    below = replace(context, tree=tree, problems=Problems())
    theirs = _state_blob(tree, below, text(entries(tree, "estate"), "name") or "", azure)
    if blob is not None and theirs is not None:
        shared = (blob.account, blob.container, blob.key) == (theirs.account, theirs.container, theirs.key)
        key, told = "azure_blob.key", f"the blob {quote(blob.key)} in {quote(blob.container)} of {quote(blob.account)}"
    else:
        shared = blob is theirs and normpath(path) == normpath(_state_path(tree, below))
        key, told = "local.path", quote(path, PATH)
    if shared:
        detail = f"Both would be recorded in {told}. Give `state.{key}` another value in the overlay, or remove it with `null`."
        item = files.tree.get("state")
        context.problems.add("WL183", detail, item.span if item else Span(files.overlay, 1, 1), f"state.{key}")


def _state_blob(tree: Tree, context: Context, estate: str, azure: Azure) -> StateBlob | None:
    blob = entries(entries(tree, "state"), "azure_blob")
    account = context.place(blob, "account", "state.azure_blob.account")
    container = text(blob, "container")
    if account is None or container is None:
        return None
    return StateBlob(
        account=account,
        container=container,
        key=text(blob, "key") or f"{estate}.json",
        subscription=context.place(blob, "subscription", "state.azure_blob.subscription") or azure.project_subscription,
        group=text(blob, "resource_group") or f"{account}-rg",
        region=text(blob, "region") or azure.project_region,
        endpoint=text(blob, "endpoint"),
    )


def _placed(estate: Estate, folder: Path) -> Estate:
    """File names in the estate are relative to its folder; from here on they are relative to the working directory."""
    azure = replace(estate.azure, ca=_at(folder, estate.azure.ca))
    if azure.login is not None:
        azure = replace(azure, login=AzureLogin(*(_account(folder, one) for one in (azure.login.plan, azure.login.engine))))
    return replace(
        estate,
        state_path=str(folder / estate.state_path),
        azure=azure,
        sources={name: _placed_source(folder, value) for name, value in estate.sources.items()},
    )


def _at(folder: Path, name: str | None) -> str | None:
    return None if name is None else str(folder / name)


def _secret(folder: Path, ref: SecretRef) -> SecretRef:
    return SecretRef("file", str(folder / ref.name)) if ref.kind == "file" else ref


def _account(folder: Path, account: SecretRef | WorkloadIdentity) -> SecretRef | WorkloadIdentity:
    if isinstance(account, WorkloadIdentity):
        return replace(account, token_file=str(folder / account.token_file))
    return _secret(folder, account)


def _placed_source(folder: Path, source: Source) -> Source:
    login = Login(_secret(folder, source.login.plan), _secret(folder, source.login.engine))
    reader = replace(source.reader, ca=_at(folder, source.reader.ca))
    return replace(source, ca=_at(folder, source.ca), login=login, reader=reader)


def load_sources(folder: Path, *, env: Mapping[str, str] | None = None) -> tuple[dict[str, Source], tuple[Diagnostic, ...]]:
    """The sources alone, for an estate that is still being written: they may be right where the rest is not yet. With them
    the diagnostics that concern them."""
    problems, sense = Problems(), Problems()
    surroundings = os.environ if env is None else env
    sources = resolve_sources(Context(read_files(folder, surroundings, problems).tree, surroundings, sense))
    ours = [d for d in problems.found if not d.path or d.path.split(".")[0] == "sources"]
    placed = {name: _placed_source(folder, source) for name, source in sources.items()}
    return placed, tuple(ours + sense.found)


_Measures = tuple[tuple[str, ...], tuple[object, ...], Callable[[object], tuple[object, ...]]]


def _digest(estate: Estate) -> str:
    """sha256 over canonical JSON without places, so that a comment, an order or a checkout's folder changes nothing."""

    known: dict[type, _Measures] = {}

    def measured(value: object) -> Any:
        if isinstance(value, Enum):
            return value.value
        form = type(value)
        names, usual, got = known.get(form) or known.setdefault(form, _measures(form))
        found = got(value)
        return {n: v for n, d, v in zip(names, usual, found, strict=True) if v is not d and v != d}

    document = json.dumps(estate, default=measured, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(document.encode()).hexdigest()


def _measures(form: type) -> _Measures:
    """The fields of a class that are measured, their defaults, and what takes their values out of one of its kind. What is as it
    is by default is no part of the digest, so that a later version with more keys measures old files alike."""
    if not is_dataclass(form):
        raise TypeError(f"{form.__name__} is no part of an estate")
    measured = [f for f in fields(form) if f.name not in _UNMEASURED]
    names = tuple(f.name for f in measured)
    return names, tuple(map(_default, measured)), _values(names)


def _values(names: tuple[str, ...]) -> Callable[[object], tuple[object, ...]]:
    """`attrgetter` gives a tuple for two names and more."""
    return attrgetter(*names) if len(names) > 1 else lambda one: tuple(getattr(one, name) for name in names)


def _default(field: Field[Any]) -> object:
    return field.default_factory() if field.default_factory is not MISSING else field.default
