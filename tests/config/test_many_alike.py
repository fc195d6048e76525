"""One cause with a thousand places is told in a screenful; nothing is lost for scripts."""

from __future__ import annotations

from planner.config import render
from planner.config.render import to_json
from planner.estate import Diagnostic, Span

SOURCE = {"waves.yaml": "".join(f"m-{n}: Standard_D2s_v5\n" for n in range(400))}


def found(count: int) -> list[Diagnostic]:
    alike = [
        Diagnostic("WL216", "port group without a subnet", f"m-{n}: adapter 0 is in 'VLAN9'.", span=Span("waves.yaml", n + 1, 1))
        for n in range(count)
    ]
    return [*alike, Diagnostic("WL120", "unknown key", "`sise` is not known.", span=Span("waves.yaml", 400, 1))]


def test_what_is_alike_is_counted_after_some() -> None:
    """Issue 4, editing: all problems at once, and still readable: three with their line, seventeen in one, the rest counted."""
    said = render(found(320), SOURCE)
    assert len(said.splitlines()) < 45
    assert said.count("^") == 3 + 1
    assert said.count("m-19: adapter") == 1 and "m-20: adapter" not in said
    assert "… and 300 more errors WL216: port group without a subnet (--json names all)" in said
    assert "unknown key" in said, "another kind of problem is not folded away"
    assert len(to_json(found(320))) == 321


def test_a_few_are_told_whole() -> None:
    said = render(found(20), SOURCE)
    assert said.count("^") == 21
    assert "more errors" not in said
