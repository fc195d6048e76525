"""Who approved a plan, and where it was reviewed: as told, or as the usual CI systems say in their environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_APPROVER = ("USER_NAME", "GITLAB_USER_LOGIN", "BUILD_REQUESTEDFOR", "GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR")
"""Atlantis, GitLab, Azure Pipelines, GitHub: whoever set the run going."""
_PULL_REQUEST = ("PULL_URL", "PULL_NUM", "CI_MERGE_REQUEST_IID", "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER")
_GITHUB = re.compile(r"refs/pull/(\d+)/")
_CI = ("CI", "TF_BUILD", "ATLANTIS_TERRAFORM_VERSION", "PULL_NUM")
LONGEST = 200


def reviewed(approver: str, pull_request: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """{"approver", "pull_request"}, as far as known. The environment counts only in a CI run."""
    found = {"approver": approver, "pull_request": pull_request}
    if any(environment.get(name) for name in _CI):
        found["approver"] = approver or _first(environment, _APPROVER)
        found["pull_request"] = pull_request or _first(environment, _PULL_REQUEST) or _github(environment)
    return {key: _plain(value) for key, value in found.items() if value.strip()}


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((environment[name] for name in names if environment.get(name)), "")


def _github(environment: Mapping[str, str]) -> str:
    found = _GITHUB.match(environment.get("GITHUB_REF", ""))
    return found.group(1) if found else ""


def _plain(value: str) -> str:
    """On one line, without what a terminal would obey."""
    return "".join(c for c in value.strip() if c.isprintable())[:LONGEST]
