"""The graph of the whole estate: no circles, waves meet in barriers, and the drawings of a small one."""

from __future__ import annotations

import os
from pathlib import Path

import networkx as nx
import pytest

from planner.desired import build
from planner.graph import build_graph, cycles, dot, focused, mermaid, to_json
from tests.planner.site import BASE, Site, vm

GOLDEN = BASE.parent.parent / "plan" / "_graph"
WAVES = """\
waves:
  pilot:
    target: korea
    phase: replicate
    machines: {web-01: Standard_D2s_v5, web-02: Standard_D2s_v5}
  shop:
    target: korea
    phase: replicate
    after: {pilot: migrated}
    machines: {db-01: Standard_D2s_v5, db-02: Standard_D2s_v5}
"""


@pytest.fixture
def graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> nx.DiGraph[str]:
    monkeypatch.chdir(tmp_path)
    known = [vm(1, "web-01", tracking=False), vm(2, "web-02"), vm(3, "db-01"), vm(4, "db-02")]
    site = Site(Path(), *known)
    site.files(waves=WAVES)
    workspace = site.workspace
    desired = build(workspace.estate, site.inventory(), workspace.locked)
    assert desired.diagnostics == ()
    return build_graph(desired, workspace.view().state)


def test_no_circles(graph: nx.DiGraph[str]) -> None:
    """D2: the dependency graph of artifacts has an order."""
    assert cycles(graph) == []
    assert nx.is_directed_acyclic_graph(graph)


def test_what_needs_what(graph: nx.DiGraph[str]) -> None:
    """S3: every artifact of the table, and real needs: an Azure VM comes after all that it is made from."""
    before = nx.ancestors(graph, "vm.web-01")
    for needed in (
        "disk.web-01/2000", "nic.web-01/4000", "order.web-01", "replication.web-01", "tracking.web-01", "seed_disk.web-01/2000",
        "seed_store.korea", "log_store.koreacentral", "gateway_store.koreacentral", "key_vault.koreacentral",
        "resource_group.rg-wavelift",
    ):  # fmt: skip
        assert needed in before, needed
    assert {"vault", "lock.vault", "service_bus.koreacentral"} <= set(graph)
    assert not before & {n for n in graph if "web-02" in n}, "two machines of a wave need each other"


def test_waves_meet_in_one_node(graph: nx.DiGraph[str]) -> None:
    """With a barrier between two waves there are n + m edges, not n times m, and `after` holds no replication back."""
    assert set(graph.successors("wave.pilot")) == {"order.db-01", "order.db-02"}
    assert set(graph.predecessors("wave.pilot")) == {"vm.web-01", "vm.web-02"}
    assert "wave.pilot" not in nx.ancestors(graph, "replication.db-01")
    assert "vm.web-02" in nx.ancestors(graph, "vm.db-01")


def test_a_graph_of_one_machine_is_it_and_what_it_needs(graph: nx.DiGraph[str]) -> None:
    """issue 4 (iac.md, graph): focus on one VM or wave; a wave that it waits for is its barrier, without its machines."""
    one = focused(graph, machines=["db-01"])
    assert "wave.pilot" in one and "log_store.koreacentral" in one
    assert {node["machine"] for node in one.nodes.values()} == {None, "db-01"}
    shop = focused(graph, waves=["sh*"])
    assert {node["machine"] for node in shop.nodes.values()} == {None, "db-01", "db-02"} and "wave.shop" in shop
    assert not focused(graph, waves=["pilot"], machines=["db-01"])
    assert mermaid(one).count("subgraph") == 2 and set(to_json(one)) == {"nodes", "edges"}


def test_every_node_says_what_it_is(graph: nx.DiGraph[str]) -> None:
    shown = to_json(graph)
    nodes = shown["nodes"]
    assert isinstance(nodes, list) and len(nodes) == len(graph)
    assert all(set(n) == {"address", "kind", "machine", "wave"} for n in nodes)


@pytest.mark.parametrize(("name", "draw"), [("small.mmd", mermaid), ("small.dot", dot)])
def test_drawings(graph: nx.DiGraph[str], name: str, draw: object) -> None:
    """Golden drawings; UPDATE=1 draws them anew."""
    assert callable(draw)
    drawn = draw(graph)
    golden = GOLDEN / name
    if os.environ.get("UPDATE"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(drawn)
    assert drawn == golden.read_text()
    assert drawn == draw(graph)


def test_drawings_leave_out_what_is_implied(graph: nx.DiGraph[str]) -> None:
    """D2: exactly the edges of the transitive reduction, found without keeping every node's descendants."""
    drawn = {line.strip().rstrip(";") for line in dot(graph).splitlines() if "->" in line}
    assert drawn == {f'"{a}" -> "{b}"' for a, b in nx.transitive_reduction(graph).edges}
