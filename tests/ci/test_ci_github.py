"""issue 4, In CI: the GitHub workflows and their composite action, run step by step against a lab and the REST API."""

from __future__ import annotations

import re
import subprocess

from tests.ci.conftest import EXAMPLES, Place
from tests.ci.forge import ME, TOKEN

WORKFLOWS = EXAMPLES / "github"
MARKER = "<!-- wavelift:plan:seoul -->"
SHA = re.compile(r"sha256 `([0-9a-f]{64}@[0-9TZ:-]+)`")


def test_a_pull_request_has_one_comment_and_the_merge_does_what_it_says(place: Place) -> None:
    """issue 4, In CI: comment made, kept in place through another and a broken plan; the apply takes what was reviewed."""
    forge = place.forge
    stranger = forge.say(
        "mallory",
        f"{MARKER}\n<!-- wavelift:ci:estates/seoul -->\n<!-- wavelift:run:1 -->\nsha256 `{'0' * 64}@2027-01-01T00:00:00Z`",
    )
    for number in range(140):
        forge.say("mina", f"remark {number}")

    run = place.github(101).workflow(WORKFLOWS / "plan.yml", "plan")
    assert run.code == 0, run.said
    assert run.action["code"] == "2" and run.action["changes"] == "true"
    assert len(forge.mine()) == 1 and forge.reads == 2, "a second page would have been looked at"
    first = forge.mine()[0]
    assert first.splitlines()[:3] == [MARKER, "<!-- wavelift:ci:estates/seoul -->", "<!-- wavelift:run:101 -->"]
    assert SHA.search(first)[1] == run.action["digest"] and "start to replicate" in first
    assert MARKER in run.summary
    assert "**Initial replications**" in first and "no part of the plan" in first, "how long it takes is in the comment"
    left = {f"plan.{end}" for end in ("wlplan", "txt", "md", "json")} | {"result"}
    assert {p.name for p in (place.artifacts / "101").iterdir()} == left
    run = place.github(101).workflow(WORKFLOWS / "plan.yml", "plan")
    assert run.code == 0 and len(forge.mine()) == 1, "\"re-run jobs\" is the same run: comment and artifact are those of its plan"

    place.write("phase: replicate", "phase: replicat")
    run = place.github(102).workflow(WORKFLOWS / "plan.yml", "plan")
    assert run.code == 1 and run.action["changes"] == "false"
    assert re.search(r"^::error file=estates/seoul/estate\.yaml,line=13,col=33,", run.said, re.M), run.said
    assert len(forge.mine()) == 1 and not SHA.search(forge.mine()[0]), "a plan that is none any more must not be approved"
    assert "replicat" in forge.mine()[0] and "Exit code 1" in forge.mine()[0]
    place.write("phase: replicat,", "phase: replicate,")

    place.write("vm-01: Standard_B2s", "vm-01: Standard_B2s, vm-02: Standard_B2s")
    place.ran("inventory", "export", "-C", str(place.estate), "--out", str(place.repository / "inventory.json"))
    run = place.github(103, inventory="inventory.json").workflow(WORKFLOWS / "plan.yml", "plan")
    assert run.code == 0 and "NOT CHECKED" in run.said, run.said
    assert len(forge.mine()) == 1 and "vm-02" in forge.mine()[0] and run.action["digest"] in forge.mine()[0]
    assert stranger["body"].endswith("`"), "what others wrote stays"
    posts = [call for call in forge.calls if call.startswith("POST")]
    assert len(posts) == 1, posts

    forge.merged["c0ffee"] = 17
    forge.approved = [("dae", "APPROVED"), ("eun", "CHANGES_REQUESTED"), ("eun", "APPROVED"), ("eun", "DISMISSED")]
    run = place.github(104, "c0ffee", None).workflow(WORKFLOWS / "apply.yml", "apply")
    assert run.code == 0, run.said
    assert "Apply: " in run.said and run.not_executed == ["actions/checkout", "azure/login"]
    history = place.ran("state", "history", "-C", str(place.estate), "--json")
    assert '"dae"' in history and '"17"' in history, history

    run = place.github(105, "c0ffee", None).workflow(WORKFLOWS / "apply.yml", "apply")
    assert run.code == 3 and "applied already" in run.said and "stale:" in run.said, run.said
    forge.comments = [c for c in forge.comments if c["author"] != ME]
    digest, _, end = run.outputs["reviewed"]["digest"].partition("@")
    for other in (f"{digest[::-1]}@{end}", f"{digest}@2031-01-01T00:00:00Z"):  # another plan; the same with its end moved
        forge.comments = [c for c in forge.comments if c["author"] != ME]
        forge.say(ME, forge_other(other))
        run = place.github(106, "c0ffee", None).workflow(WORKFLOWS / "apply.yml", "apply")
        assert run.code == 5 and "denied:" in run.said, run.said
    run = place.github(107, "beef", None).workflow(WORKFLOWS / "apply.yml", "apply")
    assert run.code == 3 and "::error::no plan was reviewed" in run.said
    assert TOKEN not in run.said


def forge_other(pinned: str) -> str:
    """The comment with this digest and end of validity, and not those that the plan file of its run has."""
    return f"{MARKER}\n<!-- wavelift:ci:estates/seoul -->\n<!-- wavelift:run:103 -->\nsha256 `{pinned}`\n"


def test_a_log_gives_the_runner_no_orders() -> None:
    """issue 4, In CI: a name out of vCenter or a line of a pull request's file is never a workflow command."""
    lines = ["::set-env name=A::b", "  ::error::x", "x ##vso[task.setvariable variable=a]b", "##[error]", "13 | a: ::b"]
    script = f". {EXAMPLES / 'codes.sh'}; inert"
    done = subprocess.run(["bash", "-c", script], input="\n".join(lines), capture_output=True, text=True, check=True, timeout=30)
    said = done.stdout.splitlines()
    assert not [line for line in said if line.lstrip().startswith("::") or "##vso[" in line or "##[" in line]
    assert said[-1] == lines[-1] and len(said) == len(lines)


def test_a_fork_gets_nothing(place: Place) -> None:
    """issue 4, In CI: files of a stranger are not planned with our identity."""
    run = place.github(110, fork=True).workflow(WORKFLOWS / "plan.yml", "plan")
    assert run.not_executed == ["plan"] and not run.said


def test_the_nightly_drift_keeps_one_issue(place: Place) -> None:
    """issue 4, In CI: nothing without drift; opened, updated, closed, and the same one opened again; an error is no drift."""
    forge = place.forge

    def night() -> list[str]:
        run = place.github(120, pull=None).workflow(WORKFLOWS / "drift.yml", "drift")
        assert run.code == 0, run.said
        assert "### Drift of seoul" in run.summary
        return [i["state"] for i in forge.issues]

    place.ran("apply", "-C", str(place.estate), "--auto-approve", "--detach")
    forge.issues.append({"number": 39, "state": "open", "user": {"login": "mallory"}, "body": "<!-- wavelift drift seoul -->"})
    assert night() == ["open"], "no drift, no issue"
    place.lab.control("vcenter", "POST", "vm/vm-01", {"add_disk": {"bytes": 1048576}})
    assert night() == ["open", "open"]
    assert forge.issues[1]["title"].startswith("wavelift: Drift of seoul") and "vm-01" in forge.issues[1]["body"]
    assert night() == ["open", "open"]
    place.lab.control("vcenter", "POST", "vm/vm-01", {"remove_disk": 2001})
    assert night() == ["open", "closed"] and "No drift" in forge.issues[1]["body"]
    login = place.estate / ".wavelift" / "secrets" / "azure.json"
    aside = login.rename(login.with_suffix(".aside"))
    try:
        run = place.github(121, pull=None).workflow(WORKFLOWS / "drift.yml", "drift")
        assert run.code == 1 and "could not look" in run.said and forge.issues[1]["state"] == "closed", run.said
    finally:
        aside.rename(login)
