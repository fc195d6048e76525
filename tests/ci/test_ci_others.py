"""issue 4, In CI: Azure Pipelines, GitLab and Atlantis; each plans, has one comment, and applies what was reviewed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
import yaml

from tests.ci.conftest import EXAMPLES, Place
from tests.ci.forge import TOKEN
from tests.ci.others import AzurePipelines, Ran, atlantis, gitlab

SHA = re.compile(r"sha256 `?([0-9a-f]{64})")


@pytest.fixture
def fresh(place: Place) -> Iterator[Place]:
    """A pull request without comments."""
    place.forge.comments.clear()
    place.forge.merged.clear()
    place.forge.approved = [("dae", "APPROVED"), ("eun", "CHANGES_REQUESTED")]
    yield place


def recorded(place: Place) -> str:
    return place.ran("state", "history", "-C", str(place.estate), "--json")


def test_azure_pipelines(fresh: Place) -> None:
    """issue 4, In CI: a template with plan and apply stages, and a thread's comment."""
    place, forge = fresh, fresh.forge

    def stage(name: str, run: str, reason: str) -> Ran:
        staging, workspace = place.folder / f"staging-{run}", place.folder / f"workspace-{run}"
        variables = {
            "Build.Reason": reason,
            "Build.SourceBranch": "refs/heads/main",
            "Build.SourceVersion": "a20e",
            "Build.BuildId": run,
            "Build.Repository.Id": "r1",
            "Build.ArtifactStagingDirectory": str(staging),
            "Pipeline.Workspace": str(workspace),
            "System.AccessToken": TOKEN,
            "System.TeamProject": "estates",
            "System.DefinitionId": "5",
            "System.TeamProjectId": "p1",
            "System.CollectionUri": f"{forge.at}/ado/",
            "System.PullRequest.PullRequestId": "17",
        }
        environment = {**place.environment, "TF_BUILD": "True"}
        return AzurePipelines(place.repository, environment, variables, place.artifacts).stage(name, EXAMPLES / "azure-pipelines")

    place.write("vm-01: Standard_B2s", "vm-01: Standard_B2, vm-04: Standard_B2s")
    place.write("phase: replicate,", "phase: replicat,")
    assert stage("plan", "201", "PullRequest").code == 1 and "Exit code 1" in forge.mine()[0]
    place.write("phase: replicat,", "phase: replicate,")
    place.write("vm-01: Standard_B2,", "vm-01: Standard_B2s,")
    for build in ("201", "202"):  # the first is "rerun failed jobs": the same run again
        ran = stage("plan", build, "PullRequest")
        assert ran.code == 0 and ran.variables["changes"] == "true", ran.said
        assert ran.not_executed == ["checkout", "sign-in of wavelift-plan"]
    assert len(forge.mine()) == 1 and "vm-04" in forge.mine()[0] and "wavelift:run:202" in forge.mine()[0]
    assert stage("apply", "203", "PullRequest").not_executed == ["apply"], "a pull request applies nothing"
    ran = stage("apply", "204", "IndividualCI")
    assert ran.code == 3 and "no plan of estates/seoul was reviewed" in ran.said and "Apply:" not in ran.said, ran.said
    forge.merged["a20e"] = 17
    ran = stage("apply", "205", "IndividualCI")
    assert ran.code == 0 and "Apply: " in ran.said, ran.said
    assert (
        ran.variables["reviewed_digest"].partition("@")[0] in recorded(place) and "eun" not in ran.variables["reviewed_approver"]
    )


@pytest.fixture
def federated(fresh: Place) -> Iterator[dict[str, str]]:
    """The estate signs in to Azure by workload identity; variables of the project, and the token that GitLab gives a job."""
    place = fresh
    client = json.loads((place.estate / ".wavelift" / "secrets" / "azure.json").read_text())["client_id"]
    subject = "project_path:org/estates:ref_type:branch:ref:main"
    told = place.lab.control("azure", "POST", "azure/federations", {"client_id": client, "subject": subject})
    lab = place.estate / "lab.yaml"
    text = lab.read_text()
    identity = "{workload_identity: {client_id: env:AZURE_CLIENT_ID, token_file: env:AZURE_FEDERATED_TOKEN_FILE}}"
    lab.write_text(text.replace("file:.wavelift/secrets/azure.json", identity))
    assert lab.read_text() != text
    yield {"WAVELIFT_PLAN_CLIENT_ID": client, "WAVELIFT_APPLY_CLIENT_ID": client, "id_token": told["token"]}
    lab.write_text(text)


def test_gitlab(fresh: Place, federated: dict[str, str]) -> None:
    """issue 4, In CI: a merge request's note, an apply by hand, signed in with the job's own token and no secret."""
    place, forge = fresh, fresh.forge
    file = EXAMPLES / "gitlab" / "wavelift.gitlab-ci.yml"
    token = federated.pop("id_token")
    environment = {
        **place.environment,
        **federated,
        "GITLAB_CI": "true",
        "CI_API_V4_URL": f"{forge.at}/gl",
        "CI_PROJECT_ID": "7",
        "CI_PROJECT_DIR": str(place.repository),
        "CI_JOB_TOKEN": TOKEN,
        "CI_COMMIT_SHA": "91ab",
        "GITLAB_TOKEN": TOKEN,
    }
    place.write("vm-01: Standard_B2s", "vm-01: Standard_B2s, vm-05: Standard_B2s")
    for number in range(120):
        forge.say("mina", f"remark {number}")
    for job in ("301", "302"):
        asked = {**environment, "CI_MERGE_REQUEST_IID": "17", "CI_JOB_ID": job}
        ran = gitlab(file, "wavelift plan", place.repository, asked, token)
        assert ran.code == 0 and token not in ran.said, ran.said
    assert len(forge.mine()) == 1 and "wavelift:run:302" in forge.mine()[0] and "vm-05" in forge.mine()[0]
    forge.artifacts["out/plan.wlplan"] = (place.repository / "out" / "plan.wlplan").read_bytes()
    forge.merged["91ab"] = 17
    ran = gitlab(file, "wavelift apply", place.repository, {**environment, "CI_JOB_ID": "303"}, token)
    assert ran.code == 0 and "Apply: " in ran.said, ran.said
    assert not list(place.folder.glob("*.id-token")), "the job's token is removed"
    ran = gitlab(file, "wavelift plan", place.repository, {**environment, "CI_MERGE_REQUEST_IID": "17"}, "forged")
    assert ran.code == 1 and "does not accept this login" in forge.mine()[0] and not SHA.search(forge.mine()[0]), ran.said


def test_atlantis(fresh: Place) -> None:
    """issue 4, In CI: Atlantis comments what the plan says, and applies that file with its digest, approver and address."""
    place = fresh
    file = EXAMPLES / "atlantis" / "repos.yaml"
    planfile = place.folder / "default.tfplan"
    environment = {**place.environment, "PLANFILE": str(planfile), "USER_NAME": "jun", "PULL_NUM": "17"}
    environment["PULL_URL"] = "https://github.example/org/estates/pull/17"
    place.write("vm-01: Standard_B2s", "vm-01: Standard_B2s, vm-06: Standard_B2s")
    ran = atlantis(file, "plan", place.estate, environment)
    assert ran.code == 0 and "vm-06" in ran.said, ran.said
    digest, _, end = (place.folder / "default.tfplan.sha256").read_text().strip().partition("@")
    assert SHA.search(ran.said)[1] == digest and end.endswith("Z")
    ran = atlantis(file, "apply", place.estate, environment)
    assert ran.code == 0 and "Apply: " in ran.said, ran.said
    assert '"jun"' in recorded(place) and "org/estates/pull/17" in recorded(place)
    ran = atlantis(file, "apply", place.estate, environment)
    assert ran.code == 3, ran.said
    projects = yaml.safe_load((EXAMPLES / "atlantis" / "atlantis.yaml").read_text())["projects"]
    assert [p["dir"] for p in projects] == ["estates/seoul"] and "workflow" not in projects[0], "the server chooses it"
