"""Who must be allowed what (S4), asked of the cloud before anything is created; what is missing is named with its remedy.

Three principals: `plan` reads, `apply` makes artifacts and assigns roles, `engine` moves data and makes disks, NICs and VMs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from planner.artifact import Artifact, Kind
from planner.desired import Desired, DesiredMachine
from planner.desired.machine import subnets
from planner.desired.shared import BLOB_ROLE, READ_ROLE, READ_SECRETS_ROLE, SECRETS_ROLE
from planner.estate import Azure, Diagnostic, Estate, Target
from planner.existing import EXISTING
from planner.names import Names
from planner.ports import ArtifactReader, Lack, Need, ResourceRef
from planner.state import State
from planner.wording import some
from providers.azure.codes import ROLE_PENDING
from replication.model.errors import Denied
from wavelift.diagnostics import shown
from wavelift.problems import DENIED, UserProblem

Seat = Literal["plan", "apply", "engine"]
"""Where somebody is signed in: on the plan runner, where it is applied, on the engine's host. The last two have one login in the
estate, and whom it signs in differs by the host."""

READ_GROUP = "Microsoft.Resources/subscriptions/resourceGroups/read"
READ_KEYS = "Microsoft.Compute/diskEncryptionSets/read"
ASSIGN = "Microsoft.Authorization/roleAssignments/write"
TAKE_AWAY = "Microsoft.Authorization/roleAssignments/delete"
LOCK, UNLOCK = (f"Microsoft.Authorization/locks/{one}" for one in ("write", "delete"))
OVER_ROLES, OVER_LOCKS = "User Access Administrator", "Locks Contributor"
OVER_NETWORKS = "Network Contributor"
APPLY = (
    "Microsoft.Resources/subscriptions/resourceGroups/write",
    "Microsoft.Storage/storageAccounts/write",
    "Microsoft.KeyVault/vaults/write",
    "Microsoft.Compute/disks/write",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Network/networkInterfaces/write",
)
"""What Contributor allows and lesser roles do not: one of each provider that is written to."""
JOIN = "Microsoft.Network/virtualNetworks/subnets/join/action"
ENGINE = APPLY[3:]
"""What the engine makes in a target's group."""

_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
BLOB_DATA = (f"{_BLOBS}/read", f"{_BLOBS}/write", f"{_BLOBS}/delete")
READ_SECRET, WRITE_SECRET = (f"Microsoft.KeyVault/vaults/secrets/{one}/action" for one in ("getSecret", "setSecret"))
STORES = (Kind.LOG_STORE, Kind.GATEWAY_STORE, Kind.SEED_STORE)


@dataclass(frozen=True, slots=True)
class Principals:
    """Object ids; None where nobody here can know it."""

    plan: str | None
    apply: str | None
    engine: str | None


def principals(azure: Azure, seat: Seat, me: str) -> Principals:
    """Who is who, seen by `me`, who sits at `seat`. Without logins of their own and without declarations, all are one."""
    declared = azure.identities
    together = azure.login is None or azure.login.plan == azure.login.engine
    other = me if together else None
    if seat == "plan":
        apply = declared.apply or declared.engine or other
        return Principals(me, apply, declared.engine or apply)
    if seat == "engine":
        return Principals(declared.plan or other, declared.apply or me, me)
    return Principals(declared.plan or other, me, declared.engine or me)


def rights(desired: Desired, cloud: ArtifactReader, seat: Seat, found: Iterable[Diagnostic]) -> str:
    """Whose rights `check_access` looked at, in words for a reviewer; empty when nobody is signed in. `found`: what it found:
    of whom it could not tell everything, that is said."""
    try:
        who = principals(desired.estate.azure, seat, cloud.principal())
    except Denied:
        return ""
    known = {"plan": who.plan, "apply": who.apply, "engine": who.engine}
    azure = desired.estate.azure
    blurred = {one.path for one in found if one.code == "WL346"}
    said = {one: _called(azure, who) + (" (in part)" if _path(one) in blurred else "") for one, who in known.items()}
    if len(set(known.values())) == 1:
        return f"plan, apply and engine {max(said.values(), key=len)}"
    return ", ".join(f"{seat} {one}" for seat, one in said.items())


def _path(seat: str) -> str:
    """Where the estate says who it is."""
    return "azure" if seat == "plan" else f"azure.identities.{seat}"


def _called(azure: Azure, principal: str | None) -> str:
    """"sp-wavelift-apply (f816b1b1-…)" where the files give it a name, its object id alone otherwise."""
    name = azure.identities.name(principal or "")
    return f"{name} ({principal})" if name else principal or "unknown"


def check_access(
    desired: Desired,
    state: State,
    cloud: ArtifactReader,
    seat: Seat,
    gone: Collection[str] = (),
    going: Collection[str] = (),
) -> Iterator[Diagnostic]:
    """WL347 for what is missing, WL346 for what could not be checked, WL441 for another identity than the declared one.

    `gone`: addresses that were looked for in vain; a role or lock among them has to be made (again). `going`: addresses that
    this plan deletes."""
    azure = desired.estate.azure
    try:
        me = cloud.principal()
    except Denied as error:
        yield _unchecked(f"Nobody is signed in: {error}", "azure.login")
        return
    who = principals(azure, seat, me)
    declared = {"plan": None, "apply": azure.identities.apply, "engine": azure.identities.engine}[seat]
    if declared and declared.lower() != me.lower():
        said = f"`{_path(seat)}` says {_called(azure, declared)}"
        detail = f"{_called(azure, me)} is signed in, {said}. What is checked here is {me}."
        yield Diagnostic("WL441", "another identity than the declared one", detail, _path(seat), severity="warning")
    if who.apply is None:
        yield _unchecked(
            "`azure.login` has another login for plan than for apply and the engine. Declare them in `azure.identities` "
            "(`apply`, `engine`: object ids), and plan checks their roles; apply checks its own before it starts.",
            "azure.login",
        )
    wanted = [*needs(desired, state, who, gone, going), *_of_the_state(_state_account(desired.estate, cloud), who)]
    for lack in _folded(cloud.missing_access(list(dict.fromkeys(wanted)))):
        yield _diagnostic(lack, azure)


def needs(
    desired: Desired, state: State, who: Principals, gone: Collection[str] = (), going: Collection[str] = ()
) -> Iterator[Need]:
    """Everything that S4 asks of the principals that are known."""
    names, azure = desired.names, desired.estate.azure
    targets = list({m.target.name: m.target for m in desired.machines.values()}.values())
    project = names.group(azure.project_subscription, azure.project_group.name)
    machines = desired.machines.values()
    landing = list(dict.fromkeys((*map(names.target_group, targets), *(_group(names, m) for m in machines))))
    subscriptions = list(dict.fromkeys((azure.project_subscription, *(t.subscription for t in targets))))
    for seat, principal in (("plan", who.plan), ("apply", who.apply), ("engine", who.engine)):
        for subscription in subscriptions if principal else ():
            why = f"it could not see the resource groups ({READ_GROUP})"
            yield Need(seat, principal or "", "Reader", f"/subscriptions/{subscription}", why, (READ_GROUP,))
    if who.apply:
        made = _managed(desired, targets)
        for group in dict.fromkeys((project, *landing)):
            actions = APPLY if group in made and f"{Kind.RESOURCE_GROUP}.{made[group]}" not in state.artifacts else APPLY[1:]
            yield Need("apply", who.apply, "Contributor", group, "it could not create what the plan asks for", actions)
        for group in _making(desired, state, gone, Kind.ROLE):
            why = "it could not assign the roles that the plan asks for (first replication)"
            yield Need("apply", who.apply, OVER_ROLES, group, why, (ASSIGN,))
        for group in _making(desired, state, gone, Kind.LOCK):
            why = f"it could not lock the vault while machines replicate, which Contributor may not ({LOCK})"
            yield Need("apply", who.apply, OVER_LOCKS, group, why, (LOCK,))
        leaving = [state.artifacts[address] for address in going if address in state.artifacts]
        for kind, role, action in ((Kind.ROLE, OVER_ROLES, TAKE_AWAY), (Kind.LOCK, OVER_LOCKS, UNLOCK)):
            for group in _groups(recorded.id for recorded in leaving if recorded.kind is kind):
                yield Need("apply", who.apply, role, group, f"it could not delete what the plan deletes ({action})", (action,))
    if who.engine:
        for group in landing:
            why = "it could not make disks, network interfaces and virtual machines"
            yield Need("engine", who.engine, "Contributor", group, why, ENGINE)
        for subnet in subnets(names, machines):
            why = f"it could not attach network interfaces to the network ({JOIN})"
            yield Need("engine", who.engine, OVER_NETWORKS, subnet, why, (JOIN,))
        for keys in dict.fromkeys(_keys(names, m) for m in machines if m.machine.landing.encryption_set):
            why = f"it could not encrypt disks with it ({READ_KEYS})"
            yield Need("engine", who.engine, "Reader", keys, why, (READ_KEYS,))
    if azure.roles == "assume":
        yield from _data_planes(desired.shared, state, who)


def _state_account(estate: Estate, cloud: ArtifactReader) -> str | None:
    """Where the state lies, if it is in the group that the files say: one that was adopted from elsewhere is not looked for."""
    blob = estate.state_blob
    if blob is None:
        return None
    group = f"/subscriptions/{blob.subscription}/resourceGroups/{blob.group}"
    account = ResourceRef("state", Kind.LOG_STORE, f"{group}/providers/Microsoft.Storage/storageAccounts/{blob.account}")
    try:
        return account.id if cloud.observe([account])[account.address] is not None else None
    except Denied:
        return None  # who may not see it lacks Reader on the subscription, which is asked for


def _of_the_state(account: str | None, who: Principals) -> Iterator[Need]:
    """Data roles on the state's account: `init --bootstrap` gives one to whoever runs it, and nobody else has any."""
    if account is None:
        return
    if who.apply:
        yield Need("apply", who.apply, BLOB_ROLE, account, "it could not record what it makes", (), BLOB_DATA)
    for seat, principal in (("plan", who.plan), ("engine", who.engine)):
        if principal and principal != who.apply:
            yield Need(seat, principal, READ_ROLE, account, "it could not read the state", (), BLOB_DATA[:1])


def _group(names: Names, wanted: DesiredMachine) -> str:
    return names.machine_group(wanted.target, wanted.machine.landing.group)


def _keys(names: Names, wanted: DesiredMachine) -> str:
    return names.encryption_set(_group(names, wanted), wanted.machine.landing.encryption_set or "")


def _managed(desired: Desired, targets: Iterable[Target]) -> dict[str, str]:
    """Groups that apply makes: id -> name."""
    azure, names = desired.estate.azure, desired.names
    found = {names.target_group(t): t.resource_group.name for t in targets if t.resource_group.managed}
    if azure.project_group.managed:
        found[names.group(azure.project_subscription, azure.project_group.name)] = azure.project_group.name
    return found


def _making(desired: Desired, state: State, gone: Collection[str], kind: Kind) -> list[str]:
    """Groups in which this plan has roles to assign, or a lock to set: the first time, or somebody has removed it."""
    return _groups(a.id for a in desired.shared if a.kind is kind and (a.address in gone or a.address not in state.artifacts))


def _groups(ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(one.split("/providers/", 1)[0] for one in ids))


def _data_planes(shared: Iterable[Artifact], state: State, who: Principals) -> Iterator[Need]:
    """Where roles are assumed to be there, they are looked for; where apply assigns them, the plan's role steps are the check.

    At the group of what is still to be made: nobody can be given a role at what is not there."""
    for artifact in shared:
        there = artifact.address in state.artifacts or EXISTING in artifact.spec
        scope = artifact.id if there else _groups([artifact.id])[0]
        for seat, principal in (("apply", who.apply), ("engine", who.engine)):
            if principal and artifact.kind in STORES:
                why = f"it could not write into {artifact.address}"
                yield Need(seat, principal, BLOB_ROLE, scope, why, (), BLOB_DATA)
        if artifact.kind is Kind.GATEWAY_STORE and who.plan:
            why = "it could not read what the engine has done"
            yield Need("plan", who.plan, READ_ROLE, scope, why, (), BLOB_DATA[:1])
        if artifact.kind is Kind.KEY_VAULT and who.apply:
            why = f"it could not keep the log's key in {artifact.address}"
            yield Need("apply", who.apply, SECRETS_ROLE, scope, why, (), (READ_SECRET, WRITE_SECRET))
        if artifact.kind is Kind.KEY_VAULT and who.engine:
            why = f"it could not read the log's key in {artifact.address}"
            yield Need("engine", who.engine, READ_SECRETS_ROLE, scope, why, (), (READ_SECRET,))


def _folded(lacks: Iterable[Lack]) -> list[Lack]:
    """One for each principal, role and scope: apply and engine are often the same, and subnets are of few networks. Who has to
    be given power over roles needs no other one over locks, and a Contributor of a group none over its networks."""
    found: dict[tuple[str, str, str], Lack] = {}
    for one in lacks:
        lack = replace(one, scope=one.scope.partition("/subnets/")[0])
        found.setdefault((lack.need.principal.lower(), lack.need.role, lack.scope.lower()), lack)
    lacking = {key for key, lack in found.items() if not lack.unknown}
    more = {OVER_LOCKS: OVER_ROLES, OVER_NETWORKS: "Contributor"}
    return [lack for (who, role, at), lack in found.items() if (who, more.get(role), at.split("/providers/")[0]) not in lacking]


def grant(principal: str, role: str, scope: str) -> str:
    """The command that gives a role."""
    return f'az role assignment create --assignee-object-id {principal} --role "{role}" --scope {scope}'


class Privileges(Protocol):
    """What vCenter's sources say of the login that is signed in there."""

    def missing_privileges(
        self, source: str, machines: tuple[str, ...], reading: bool, disconnecting: bool
    ) -> Mapping[str, Sequence[str]]:
        """Instance uuid -> privileges that lack; empty: nothing does. Raises `Denied` when the login may not even ask.

        `disconnecting`: of VMs that are cut off their networks after the cut-over."""
        ...


def check_privileges(desired: Desired, state: State, vcenter: Privileges | None, seat: Seat) -> Iterator[Diagnostic]:
    """WL444 for vCenter privileges that lack, folded by privilege; WL442 for what could not be asked."""
    over = {uuid for uuid, known in state.machines.items() if known.life in ("migrated", "completed", "released")}
    for name, source in desired.estate.sources.items():
        ours = {m.uuid: m.machine.name for m in desired.machines.values() if m.machine.source == name and m.uuid not in over}
        path = f"sources.{name}.login"
        if not ours:
            continue
        if vcenter is None:
            yield _unasked(f"Privileges in vCenter {name} were not looked at: this plan did not talk to it. Apply does.", path)
            continue
        reading = seat == "plan" and source.login.plan != source.login.engine
        if reading:
            detail = f"The engine's privileges in vCenter {name}: plan has a login of its own, and apply checks the engine's."
            yield _unasked(detail, path)
        try:
            cut = {m.uuid for m in desired.machines.values() if m.machine.cutover.source_after == "off-and-nic-disconnected"}
            lacking: dict[str, Sequence[str]] = {}
            for disconnecting in (False, True):
                these = tuple(uuid for uuid in ours if (uuid in cut) == disconnecting)
                lacking |= vcenter.missing_privileges(name, these, reading, disconnecting) if these else {}
        except Denied as error:
            yield _unasked(f"Privileges in vCenter {name} cannot be read: {error}", path)
            continue
        by_set: dict[tuple[str, ...], list[str]] = {}
        for uuid, privileges in lacking.items():
            by_set.setdefault(tuple(privileges), []).append(ours[uuid])
        for privileges, machines in by_set.items():
            whom = some(sorted(machines))
            detail = (
                f"The {'plan' if reading else 'engine'} login of {name} ({source.host}) lacks {', '.join(privileges)} on {whom} "
                "or their datastores. Add them to its role in vCenter, at the folder or datacenter, with propagation to children."
            )
            yield Diagnostic("WL444", "a privilege in vCenter is missing", detail, path, source.span)


def _unasked(detail: str, path: str) -> Diagnostic:
    return Diagnostic("WL442", "privileges in vCenter not checked", detail, path, severity="warning")


def unreadable(error: Denied, me: str, declared: str | None, region: str, store: str) -> Exception:
    """What to raise when the records in a gateway store may not be read: with the remedy where it is a role that lacks."""
    if error.code not in ROLE_PENDING:
        return error
    if declared is not None and declared.lower() == me.lower():
        todo = "`azure.identities.plan` names it already: the next apply assigns the role where it lacks"
    elif declared is not None:
        todo = f"`azure.identities.plan` names {declared}, which is somebody else: correct it, and apply assigns the role"
    else:
        todo = "Name it as `azure.identities.plan`, and the next apply assigns the role"
    detail = (
        f"{me} may not read what the engine has done, and no plan is possible without: it needs {READ_ROLE} on the gateway store "
        f"of {region}. {todo}; or grant it yourself (it takes some minutes):\n    {grant(me, READ_ROLE, store)}"
    )
    return UserProblem(shown((Diagnostic("WL443", "the gateway store may not be read", detail, "azure.login"),)), DENIED)


def _diagnostic(lack: Lack, azure: Azure) -> Diagnostic:
    need = lack.need
    path = _path(need.who)
    name = azure.identities.name(need.principal)
    named = f"{name} ({need.who}, {need.principal})" if name else f"{need.principal} ({need.who})"
    if lack.unknown:
        return _unchecked(f"Whether {named} has {need.role} on {lack.scope} is not known: {lack.unknown}", path)
    if lack.denied_by:
        detail = (
            f"Deny assignment {lack.denied_by!r} takes {need.role} on {lack.scope} away from {named}: {need.why}. Whoever made "
            "the deny assignment must except this principal."
        )
        return Diagnostic("WL347", "a permission is missing", detail, path)
    command = grant(need.principal, need.role, lack.scope)
    detail = f"{named} lacks {need.role} on {lack.scope}: {need.why}. Grant it:\n    {command}"
    return Diagnostic("WL347", "a permission is missing", detail, path)


def _unchecked(detail: str, path: str) -> Diagnostic:
    return Diagnostic("WL346", "permissions not checked", detail, path, severity="warning")
