"""issue 4, Documentation: every command of docs/howto-real-site.md is run, in its order, in one shell, by identities that have
the roles which the page grants and no others; each of these roles is necessary, and so is each privilege of its vCenter table.

The tests of this module are one story: each goes on from what the one before it has left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lab.vcenter.service import PRIVILEGES, READ_ONLY
from tests.docs import pages
from tests.docs.pages import Line
from tests.docs.realsite import RealSite, standing
from wavelift.planning.access import grant

PAGE = pages.ROOT / "docs/howto-real-site.md"
SECONDS = 240
LINES = list(pages.lines(PAGE))
_GRANT = re.compile(r'^grant \$(\w+) +(?:"([^"]+)"|(\w+))(?: +(/\S+))?(?: +# until (.*))?$')
_PRINTED = re.compile(r'az role assignment create --assignee-object-id (\S+) --role "([^"]+)" --scope (\S+)')
Granted = tuple[str, str, str]
"""Object id, role, scope."""


def until(first: str, then: str | None) -> list[Line]:
    """The lines from the one that begins with `first` up to before the one that begins with `then`."""
    began = next(n for n, line in enumerate(LINES) if line.text.startswith(first))
    ended = next((n for n, line in enumerate(LINES) if then and line.text.startswith(then)), len(LINES))
    return LINES[began:ended]


def grants(site: RealSite, end: str) -> set[Granted]:
    """What the page grants for good (""), or until something is done."""
    found = (match for line in LINES if (match := _GRANT.match(line.text)))
    top = f"/subscriptions/{site.yours['SUBSCRIPTION']}"
    return {(site.yours[m[1]], m[2] or m[3], top + (m[4] or "")) for m in found if (m[5] or "") == end}


def privileges() -> set[str]:
    """The page's table, written out."""
    rows = re.findall(r"^\| (`(?:VirtualMachine|Datastore|System)\..*?) \|", PAGE.read_text(), re.M)
    names = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    return {name if name.startswith(("VirtualMachine.", "Datastore.", "System.")) else f"VirtualMachine.{name}" for name in names}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSite]:
    with standing(tmp_path_factory.mktemp("site")) as made:
        yield made


def run(site: RealSite, lines: list[Line]) -> dict[str, str]:
    """Line without its comment -> what it said."""
    told = pages.run(site.at_the_lab(lines), site.folder, site.variables, SECONDS)
    return {" ".join(one.line.text.partition("  #")[0].split()): one.said for one in told}


def once(site: RealSite, text: str) -> str:
    """A command besides the page's, with the exit code that its comment says."""
    [told] = pages.run([Line(0, text)], site.folder, site.variables, SECONDS)
    return told.said


def test_what_is_the_users_own_is_set_at_the_top(site: RealSite) -> None:
    """Every variable of the lines is set in the page's first block or by a line, and each that is set there is used."""
    first = pages.FENCE.search(PAGE.read_text())
    assert first is not None and first[1] == "sh norun"
    own = set(re.findall(r"\b([A-Z]+)=", first[2]))
    used = {name for line in LINES for name in re.findall(r"(?<!\\)\$([A-Z_]+)", line.text)}
    assert used == own == site.yours.keys()


def test_up_to_the_first_plan(site: RealSite) -> None:
    """Sections 1 to 4 and half of 7: nobody has a role that the page does not grant; `doctor` is content on all three hosts."""
    site.deny(set(PRIVILEGES) - privileges() - set(READ_ONLY))
    said = run(site, until("wavelift init", "wavelift plan"))
    assert "made storage account sttfstate" in said["wavelift init -C $ESTATE --bootstrap"]
    for role in ("plan", "apply", "engine"):
        assert f"All is well for {role}" in said[f"wavelift doctor -C $ESTATE --role {role}"]
    assert "wrote estates/seoul/waves/shop.yaml" in said["wavelift init -C $ESTATE --from-vcenter shop"]
    assert grants(site, "") | grants(site, "--bootstrap is done") | grants(site, "the first apply is done") < site.held()
    site.take(grants(site, "--bootstrap is done"))


def test_each_role_is_necessary(site: RealSite) -> None:
    """S4: without the roles of apply and engine plan names each of them at its scope; the printed commands are what mends it."""
    wanted = grants(site, "") | grants(site, "the first apply is done")
    others = {one for one in wanted if one[0] != site.yours["PLAN"]}
    site.take(others)
    printed = set(_PRINTED.findall(once(site, "wavelift plan -C $ESTATE --verbose  # exit code 5")))
    assert {(who, role, scope.partition("/providers/")[0]) for who, role, scope in printed} == others
    run(site, [Line(0, "\n".join(grant(*one) for one in printed))])
    assert once(site, "wavelift plan -C $ESTATE")


def test_the_roles_of_those_who_read(site: RealSite) -> None:
    """WL427 and doctor name Storage Blob Data Reader, and no more than that, also to the engine, which writes no state;
    the plan's own Reader on the subscription likewise."""
    for who, where in (("PLAN", "plan"), ("ENGINE", "doctor --role engine")):
        [role] = [one for one in site.held() if one[:2] == (site.yours[who], "Storage Blob Data Reader")]
        site.take({role})
        said = once(site, f"wavelift {where} -C $ESTATE  # exit code 5")
        [printed] = _PRINTED.findall(said)
        assert "WL427" in said and printed[:2] == role[:2] and printed[2].startswith(role[2])
        assert where == "plan" or "ok  credentials vCenter seoul" in said, "doctor makes its other checks all the same"
        once(site, grant(*printed))
        once(site, f"wavelift {where} -C $ESTATE")
    [reads] = [one for one in grants(site, "") if one[0] == site.yours["PLAN"] and one[1] == "Reader"]
    site.take({reads})
    assert _PRINTED.findall(once(site, "wavelift plan -C $ESTATE  # exit code 5")) == [reads]
    once(site, grant(*reads))


def test_each_privilege_is_necessary(site: RealSite) -> None:
    """S4: what vCenter's table names is what is asked for, each by its name."""
    site.deny(privileges())
    said = once(site, "wavelift doctor -C $ESTATE --role engine  # exit code 5")
    assert {name for name in PRIVILEGES if name in said} == privileges() - {"System.View"}
    site.deny(set(PRIVILEGES) - privileges() - set(READ_ONLY))


def test_a_hosted_runner_knows_no_vcenter(site: RealSite) -> None:
    """issue 4, Where it runs: with an inventory no login of vCenter is needed, nor of apply, and only reading in Azure."""
    once(site, "wavelift inventory export -C $ESTATE --out inventory.json")
    said = once(site, "env -u VC_PLAN -u VC -u AZ wavelift plan -C $ESTATE --inventory inventory.json")
    assert "start to replicate 2 machines" in said and "Apply looks again" in said


def test_from_the_first_plan_to_the_first_apply(site: RealSite) -> None:
    """Section 7; then the roles go of which the page says that they were needed until now."""
    said = run(site, until("wavelift plan", "wavelift engine run"))
    assert "start to replicate 2 machines" in said["wavelift plan -C $ESTATE --out plan.wlplan"]
    site.take(grants(site, "the first apply is done"))


@pytest.mark.timeout(SECONDS + 60)
def test_to_the_last_line(site: RealSite) -> None:
    """The engine, the test, the cut-over, a hold, the evidence and the way back."""
    service = re.search(r"^ExecStart=/\S+/(wavelift .*) -C ", PAGE.read_text(), re.M)
    assert service is not None and until(service[1], None), "the unit starts what is started here"
    said = run(site, until("wavelift engine run", None))
    assert "ok: lag within 4 h" in said["wavelift status -C $ESTATE --check lag=4h --check heartbeat=10m"]
    verified = said["wavelift verify reports/shop-db-01 -C $ESTATE"]
    assert "signature: Ed25519" in verified and "FAILED" not in verified
    assert any("then the source is powered on" in one for line, one in said.items() if "--confirm" in line)
    assert site.powers()["shop-web-02"] == "poweredOff"
