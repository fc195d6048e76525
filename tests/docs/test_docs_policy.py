"""The worked policies of examples/policy read what `plan --json` really holds (issue 4: `--json` for conftest and friends)."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.thirdparty import missing

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "examples" / "policy"
PLANS = ROOT / "tests" / "cases" / "plan"
FILES = sorted(POLICY.glob("*.rego"))


def plan(case: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PLANS / case / "plan.json").read_text())
    return found


def order(plan: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(s for s in plan["steps"] if s["step"] == "SendOrder" and s["order"] == kind)


def denied(policy: str, plan: dict[str, Any], folder: Path) -> list[str]:
    """What OPA says with this policy."""
    opa = shutil.which("opa")
    if opa is None:
        missing("opa is not on PATH")
    (folder / "plan.json").write_text(json.dumps(plan))
    command = [opa, "eval", "--format", "json", "-d", str(POLICY), "-i", str(folder / "plan.json")]
    command.append(f"data.wavelift.{policy}.deny")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr + done.stdout
    return sorted(json.loads(done.stdout)["result"][0]["expressions"][0]["value"])


def test_the_paths_that_they_read_are_there() -> None:
    """Without OPA at hand: every path of `input` that a policy names is in a plan that cuts over."""
    made = plan("migrate-from-test")
    migrate = order(made, "migrate")
    assert {"step", "order", "machine", "wave", "address", "makes", "removes", "document"} <= migrate.keys()
    assert {"opens", "closes", "approval"} <= migrate["document"]["cutover"].keys()
    specs = [one["spec"] for one in migrate["makes"]]
    assert any("sizes" in spec for spec in specs) and any("sku" in spec for spec in specs)
    read = {name for path in FILES for name in re.findall(r"(?:step|disk|spec|cutover|document|input)\.(\w+)", path.read_text())}
    known = migrate.keys() | migrate["document"].keys() | migrate["document"]["cutover"].keys() | made.keys()
    known |= {key for spec in specs for key in spec} | {key for one in migrate["makes"] for key in one}
    assert len(FILES) == 3 and read <= known, read - known


@pytest.mark.parametrize("name", [path.stem for path in FILES])
def test_a_plan_that_is_in_order_passes(name: str, tmp_path: Path) -> None:
    made = plan("migrate-from-test")
    order(made, "migrate")["document"]["cutover"]["opens"] = 1.8e9
    for one in order(made, "migrate")["makes"]:
        if "sku" in one["spec"]:
            one["spec"]["sku"] = "StandardSSD_LRS"
    assert denied(name, made, tmp_path) == []


def test_cut_overs(tmp_path: Path) -> None:
    made = plan("migrate-from-test")
    one = order(made, "migrate")
    assert denied("cutovers", made, tmp_path) == [f"{one['machine']}: cut over without a window"]
    one["document"]["cutover"]["opens"] = 1.8e9
    made["steps"] += [{**one, "machine": f"more-{n}"} for n in range(3)]
    assert denied("cutovers", made, tmp_path) == ["4 cut-overs in one plan; at most 3"]


def test_seeds(tmp_path: Path) -> None:
    made = plan("migrate-from-test")
    made["steps"].append({"step": "Delete", "address": "seed_disk.web-01/2000"})
    stop = {"step": "SendOrder", "order": "stop", "wave": None, "removes": ["seed_disk.web-02/2000", "replication.web-02"]}
    made["steps"] += [stop, {**stop, "wave": "pilot", "removes": ["seed_disk.web-03/2000"]}]
    assert denied("seeds", made, tmp_path) == [
        "seed_disk.web-01/2000 would be destroyed",
        "seed_disk.web-02/2000 would be destroyed: its machine left the estate",
    ]


def test_sizes(tmp_path: Path) -> None:
    made = plan("migrate-from-test")
    one = order(made, "migrate")
    one["makes"] = [
        {"address": "vm.web-01", "spec": {"sizes": ["Standard_D2s_v5", "Standard_M128s"]}},
        {"address": "disk.web-01/2000", "spec": {"sku": "Premium_LRS"}},
    ]
    told = denied("sizes", made, tmp_path)
    assert told == ["disk.web-01/2000: Premium_LRS outside of prod-*", f"{one['machine']}: size Standard_M128s"]
    one["wave"] = "prod-1"
    assert len(denied("sizes", made, tmp_path)) == 1


@pytest.mark.parametrize("tool", ["conftest", "opa"])
def test_the_page_s_own_command_denies_by_its_exit_code(tool: str, tmp_path: Path) -> None:
    """A gate in CI is an exit code: 0 for a plan that is in order, another with the sentence for what each policy denies."""
    [line] = [one for one in (POLICY / "README.md").read_text().splitlines() if one.startswith(f"{tool} ")]
    if shutil.which(tool) is None:
        missing(f"{tool} is not on PATH")
    (tmp_path / "examples").symlink_to(ROOT / "examples")

    def says(plan: dict[str, Any]) -> tuple[bool, str]:
        (tmp_path / "plan.json").write_text(json.dumps(plan))
        done = subprocess.run(shlex.split(line), cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
        assert not done.stderr, done.stderr
        return done.returncode != 0, done.stdout

    made = plan("migrate-from-test")
    migrate = order(made, "migrate")
    migrate["document"]["cutover"]["opens"] = 1.8e9
    migrate["makes"] = [{"address": "vm.web-01", "spec": {"sizes": ["Standard_D2s_v5"]}}]
    assert says(made)[0] is False
    migrate["document"]["cutover"]["opens"] = None
    assert (told := says(made))[0] and "cut over without a window" in told[1]
    migrate["document"]["cutover"]["opens"] = 1.8e9
    migrate["makes"][0]["spec"]["sizes"] = ["Standard_M128s"]
    assert (told := says(made))[0] and "size Standard_M128s" in told[1]
    migrate["makes"] = []
    made["steps"].append({"step": "Delete", "address": "seed_disk.web-01/2000"})
    assert (told := says(made))[0] and "seed_disk.web-01/2000 would be destroyed" in told[1]
