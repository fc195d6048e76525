"""The dependency graph of the whole estate, a `networkx.DiGraph` of addresses; an edge goes from what is needed to what needs it.

Waves meet in barrier nodes (`wave.shop`): with one node between two waves there are n + m edges instead of n times m. Nodes
carry `kind`, `machine` and `wave`. networkx takes 0.4 s to import, so only what draws or checks the graph imports this module.
"""

from __future__ import annotations

import uuid as uuids
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

import networkx as nx

from planner.artifact import Artifact, Kind
from planner.desired import Desired
from planner.desired.replicating import Enabled, Replicating, tracking
from planner.plan.orders import vm_artifacts
from planner.state import State

REACH = 100
"""Nodes that are looked at to find a longer way."""


def build_graph(desired: Desired, state: State) -> nx.DiGraph[str]:
    """Everything that the estate comes down to when every machine goes all the way: items, orders, disks, NICs, VMs."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for artifact in _artifacts(desired, state):
        _add(graph, artifact)
    for wave in desired.estate.waves.values():
        barrier = f"wave.{wave.name}"
        graph.add_node(barrier, kind="wave", machine=None, wave=wave.name)
        for name in wave.machines:
            if name in desired.machines:
                _order(graph, desired, name, barrier)
        for other in wave.after:
            for name in wave.machines:
                if name in desired.machines:
                    graph.add_edge(f"wave.{other}", f"order.{name}")
    return graph


def _order(graph: nx.DiGraph[str], desired: Desired, name: str, barrier: str) -> None:
    """The order that cuts a machine over: it needs the replication, and disks, NICs and VM need it."""
    wanted = desired.machines[name]
    order = f"order.{name}"
    graph.add_node(order, kind="order", machine=name, wave=wanted.machine.wave)
    graph.add_edge(f"{Kind.REPLICATION}.{name}", order)
    for artifact in vm_artifacts(desired.names, wanted, test=False):
        _add(graph, artifact)
        graph.add_edge(order, artifact.address)
    graph.add_edge(f"{Kind.VM}.{name}", barrier)


def _artifacts(desired: Desired, state: State) -> Iterator[Artifact]:
    yield from desired.shared
    replicating = Replicating(desired.estate, desired.names)
    primary = next(iter(desired.estate.appliances), "")
    for wanted in desired.machines.values():
        known = state.machines.get(wanted.uuid)
        replication = known.replication if known else str(uuids.UUID(int=0))
        track = None if wanted.vm.tracking else tracking(wanted)
        if track:
            yield track
        yield from replicating.artifacts(wanted, Enabled(replication, primary), track)


def _add(graph: nx.DiGraph[str], artifact: Artifact) -> None:
    graph.add_node(artifact.address, kind=str(artifact.kind), machine=artifact.machine, wave=artifact.wave)
    for need in artifact.deps:
        graph.add_edge(need, artifact.address)


def focused(graph: nx.DiGraph[str], waves: Sequence[str] = (), machines: Sequence[str] = ()) -> nx.DiGraph[str]:
    """What these globs choose (both kinds have to hold) and everything that it needs, up to the barriers of other waves."""

    def chosen(node: dict[str, str | None]) -> bool:
        wave, machine = node["wave"], node["machine"]
        if wave is None or (machines and machine is None):
            return False
        asked = ((wave, waves), (machine, machines))
        return all(not globs or any(fnmatchcase(name or "", glob) for glob in globs) for name, globs in asked)

    wanted = {name for name, node in graph.nodes.items() if chosen(node)}
    stack = list(wanted)
    while stack:
        node = stack.pop()
        if graph.nodes[node]["kind"] == "wave":
            continue
        found = [need for need in graph.pred[node] if need not in wanted]
        wanted.update(found)
        stack += found
    return graph.subgraph(wanted)


def cycles(graph: nx.DiGraph[str]) -> list[list[str]]:
    """Circles of needs; a correct graph has none."""
    return [] if nx.is_directed_acyclic_graph(graph) else [list(c) for c in nx.simple_cycles(graph)]


def dot(graph: nx.DiGraph[str]) -> str:
    """Graphviz, one cluster per wave; edges that others imply are left out."""
    lines = ["digraph wavelift {", "  rankdir=LR;", "  node [shape=box, fontsize=10];"]
    for wave, nodes in _waves(graph).items():
        if wave is not None:
            lines.append(f'  subgraph "cluster_{wave}" {{ label="wave {wave}";')
            lines += [f'    "{n}";' for n in nodes]
            lines.append("  }")
    lines += [f'  "{a}" -> "{b}";' for a, b in _reduced(graph)]
    return "\n".join([*lines, "}"]) + "\n"


def mermaid(graph: nx.DiGraph[str]) -> str:
    """A Mermaid flowchart, one subgraph per wave; edges that others imply are left out."""
    names = {n: f"n{i}" for i, n in enumerate(sorted(graph))}
    waves = _waves(graph)
    lines = ["flowchart LR"]
    lines += [f'  {names[n]}["{n}"]' for n in waves.pop(None, [])]
    for wave, nodes in waves.items():
        lines.append(f'  subgraph "wave {wave}"')
        lines += [f'    {names[n]}["{n}"]' for n in nodes]
        lines.append("  end")
    lines += [f"  {names[a]} --> {names[b]}" for a, b in _reduced(graph)]
    return "\n".join(lines) + "\n"


def to_json(graph: nx.DiGraph[str]) -> dict[str, object]:
    return {
        "nodes": [{"address": n, **graph.nodes[n]} for n in sorted(graph)],
        "edges": [{"from": a, "to": b} for a, b in sorted(graph.edges)],
    }


def _waves(graph: nx.DiGraph[str]) -> dict[str | None, list[str]]:
    """Wave -> its nodes, both by name; what no wave has stands under None."""
    found: dict[str | None, list[str]] = {}
    for node in sorted(graph):
        found.setdefault(graph.nodes[node]["wave"], []).append(node)
    return dict(sorted(found.items(), key=lambda entry: entry[0] or ""))


def _reduced(graph: nx.DiGraph[str]) -> list[tuple[str, str]]:
    """The edges that no longer way implies, as far as `REACH` steps back show it.

    An exact transitive reduction keeps the descendants of every node: with 200 waves one after the other that is 9 GiB and
    minutes. Whatever is implied here is implied near by; an edge more in a drawing is still a true one.
    """
    level = {n: i for i, nodes in enumerate(nx.topological_generations(graph)) for n in nodes}
    return sorted((a, b) for a, b in graph.edges if not _implied(graph, level, a, b))


def _implied(graph: nx.DiGraph[str], level: dict[str, int], a: str, b: str) -> bool:
    """Whether `b` needs `a` by way of something else. What is deepest down is looked at first: shared things lie there."""

    floor = level[a]

    def behind(node: str) -> list[str]:
        found = [n for n in graph.pred[node] if level[n] > floor]
        return sorted(found, key=level.__getitem__, reverse=True) if len(found) > 1 else found

    stack = behind(b)
    seen = set(stack)
    while stack and len(seen) < REACH:
        node = stack.pop()
        if a in graph.pred[node]:
            return True
        more = [n for n in behind(node) if n not in seen]
        seen.update(more)
        stack += more
    return False
