"""`wavelift report` and `wavelift verify`, through the command, on the real providers and the lab."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.site import Site, Vm, standing
from wavelift.problems import CHECK_FAILED


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with standing(tmp_path, [Vm("web-01", (20, 3))]) as made:
        yield made


@pytest.mark.timeout(300)
def test_a_migrated_machine_is_reported_and_checked_years_later(site: Site) -> None:
    """Issue 3: signature and root always, content against the kept recovery point or the powered-off source; tampering."""
    site.engine()
    site.apply()
    early = site.here("report", "web-01")
    assert early.code == 1 and "when its migration has succeeded" in early.said, early.said
    site.phase("migrate", "web-01")
    site.apply()
    out = site.folder / "out"
    got = site.here("report", "web-01", "--out", str(out), "--html")
    assert got.code == 0 and "sha256:" in got.said, got.said
    folder = out / "web-01"

    alone = site.run("verify", str(folder))
    assert alone.code == CHECK_FAILED and "nothing says whose key it is" in alone.said, alone.said
    kept = site.run("verify", str(folder / "report.html"), "--key", str(folder / "key.pem"))
    assert kept.code == 0 and "page" in kept.said and "not checked" in kept.said, kept.said
    for against in ("replica", "source"):
        whole = site.here("verify", str(folder), "--against", against, "--json")
        checks = json.loads(whole.out)["checks"]
        assert whole.code == 0, whole.said
        assert sum(c["what"].startswith("content") and c["result"] == "ok" for c in checks) == 2, checks
    assert not site.vm("web-01")["snapshots"]

    text = (folder / "report.json").read_text()
    (folder / "report.json").write_text(text.replace("Standard_D2s_v5", "Standard_D4s_v5"))
    forged = site.here("verify", str(folder))
    assert forged.code == CHECK_FAILED and "not what was signed: cutover" in forged.said, forged.said
    (folder / "report.json").write_text("{}")
    assert site.run("verify", str(folder)).code == 1
    (folder / "report.json").write_text(text)
    site.control("vcenter", "POST", "vm/web-01", {"power": "poweredOn"})
    site.write("web-01", 0, b"\x5a" * 4096)
    on = site.here("verify", str(folder), "--against", "source")
    assert on.code == CHECK_FAILED and "powered on" in on.said, on.said
    site.control("vcenter", "POST", "vm/web-01", {"power": "poweredOff"})
    moved = site.here("verify", str(folder), "--against", "source")
    assert moved.code == CHECK_FAILED and "1 of" in moved.said and "0..65536" in moved.said, moved.said
    leaves = next((folder / "leaves").glob("*.zst"))
    leaves.write_bytes(leaves.read_bytes()[:-3])
    damaged = site.here("verify", str(folder))
    assert damaged.code == CHECK_FAILED and "block hashes" in damaged.said, damaged.said
