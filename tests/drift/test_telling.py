"""Metrics and webhook of `engine run`: The weeks 17."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from planner.config import load
from replication.model.errors import Permanent
from wavelift.hosting.telling import Needs, metrics, write

ROWS: list[dict[str, Any]] = [
    {"wave": "shop", "machine": "db", "lag": 52.5, "cycle": 3, "heartbeat": 4.0, "needs": "db: held by kim: INC-1"},
    {"wave": 'a "b"', "machine": "web", "lag": None, "needs": ""},
]


def test_metrics_are_prometheus_text(tmp_path: Path) -> None:
    """Weeks, 17: gauges by machine; what is not known has no value; labels escaped; the file in one piece."""
    text = metrics("seoul", ROWS, 1_800_000_000.0)
    assert 'wavelift_lag_seconds{estate="seoul",wave="shop",machine="db"} 52.5' in text
    assert 'wavelift_lag_seconds{estate="seoul",wave="a' not in text
    assert 'wavelift_needs_somebody{estate="seoul",wave="a \\"b\\"",machine="web"} 0' in text
    assert "# TYPE wavelift_cycles_total counter" in text and "INC-1" not in text
    write(tmp_path / "m.prom", text)
    assert [p.name for p in tmp_path.iterdir()] == ["m.prom"] and (tmp_path / "m.prom").read_text() == text


def test_each_need_is_posted_once_until_it_comes_again() -> None:
    """Weeks, 17: new needs only; what was not delivered is tried again; the same need has the same id."""
    got: list[Mapping[str, object]] = []
    said: list[str] = []
    broken = [True]

    def post(address: str, document: Mapping[str, object], key: str) -> None:
        assert address == "env:OPS" and key == document["id"]
        if broken.pop() if broken else False:
            raise Permanent("it was answered with 500")
        got.append(document)

    needs = Needs(post, said.append)
    for rows in (ROWS, ROWS, ROWS, [], ROWS):
        needs.look("seoul", "env:OPS", rows)
    assert len(got) == 2 and got[0] == got[1] and got[0]["text"] == "db: held by kim: INC-1" and got[0]["machine"] == "db"
    assert said == ["the webhook of `notify` was not told: it was answered with 500"]


@pytest.mark.parametrize(("address", "right"), [("env:OPS", True), ("https://x.example/y", True), ("http://x.example/y", False)])
def test_the_webhook_in_the_files(tmp_path: Path, address: str, right: bool) -> None:
    """Weeks, 17: https, or a name whose value stands only on the engine's host."""
    good = Path(__file__).parents[1] / "cases" / "config" / "good-seoul"
    for file in good.rglob("*.yaml"):
        (tmp_path / file.relative_to(good)).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file.relative_to(good)).write_text(file.read_text())
    (tmp_path / "notify.yaml").write_text(f"notify: {{webhook: {address}}}\n")
    loaded = load(tmp_path, env={"TENANT_ID": "corp.example", "SUB": "sub-shop"})
    if right:
        assert loaded.estate is not None and loaded.estate.webhook == address
    else:
        assert [d.code for d in loaded.diagnostics if d.severity == "error"] == ["WL125"]
