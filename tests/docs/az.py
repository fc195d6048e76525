"""A program `az` for the pages' lines: the few commands they have, done at a lab's Resource Manager as its owner.

`az group create` and `az role assignment create` take what the real ones take, and refuse any other word.
"""

from __future__ import annotations

import argparse
import json
import ssl
import sys
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

_PROGRAM = '#!/bin/sh\nexec {python} -m tests.docs.az {lab} "$@"\n'
ROLES, GROUPS, NETWORKS = "2022-04-01", "2021-04-01", "2023-09-01"


class Arm:
    """Resource Manager of the lab in a folder, as the tenant's first principal, who owns the subscriptions."""

    def __init__(self, lab: Path) -> None:
        self.known = json.loads((lab / "lab.json").read_text())
        self._context = ssl.create_default_context(cafile=self.known["ca"])
        azure = self.known["azure"]
        form = {"grant_type": "client_credentials", "scope": "https://management.azure.com/.default"}
        form |= {key: azure[key] for key in ("client_id", "client_secret")}
        answer = self._ask(f"{azure['authority']}/{azure['tenant']}/oauth2/v2.0/token", urlencode(form).encode(), {})
        self._headers = {"Authorization": f"Bearer {answer['access_token']}", "Content-Type": "application/json"}

    def get(self, path: str, version: str) -> Any:
        return self._ask(f"{self.known['azure']['arm']}{quote(path)}?{version}", None, self._headers)

    def put(self, path: str, version: str, body: dict[str, Any]) -> Any:
        url = f"{self.known['azure']['arm']}{quote(path)}?api-version={version}"
        return self._ask(url, json.dumps(body).encode(), self._headers, "PUT")

    def _ask(self, url: str, body: bytes | None, headers: dict[str, str], method: str | None = None) -> Any:
        request = urllib.request.Request(url, body, headers, method=method)
        with urllib.request.urlopen(request, context=self._context, timeout=60) as answer:
            return json.load(answer)


def program(folder: Path, lab: Path) -> None:
    """Write `az` into `folder`."""
    path = folder / "az"
    path.write_text(_PROGRAM.format(python=sys.executable, lab=lab))
    path.chmod(0o755)


def group(arm: Arm, given: argparse.Namespace) -> Any:
    path = f"/subscriptions/{given.subscription}/resourceGroups/{given.name}"
    return arm.put(path, GROUPS, {"location": given.location})


def role(arm: Arm, given: argparse.Namespace) -> Any:
    top = "/".join(given.scope.split("/")[:3])
    wanted = urlencode({"api-version": ROLES, "$filter": f"roleName eq '{given.role}'"})
    [definition] = arm.get(f"{top}/providers/Microsoft.Authorization/roleDefinitions", wanted)["value"]
    properties = {"roleDefinitionId": definition["id"], "principalId": given.assignee_object_id}
    properties["principalType"] = given.assignee_principal_type
    path = f"{given.scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    return arm.put(path, ROLES, {"properties": properties})


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser("az")
    below = parser.add_subparsers(required=True)
    made = below.add_parser("group").add_subparsers(required=True).add_parser("create")
    for option in ("name", "location", "subscription"):
        made.add_argument(f"--{option}", required=True)
    made.set_defaults(does=group)
    assignment = below.add_parser("role").add_subparsers(required=True).add_parser("assignment")
    made = assignment.add_subparsers(required=True).add_parser("create")
    for option in ("assignee-object-id", "role", "scope"):
        made.add_argument(f"--{option}", required=True)
    made.add_argument("--assignee-principal-type", default="ServicePrincipal")
    made.set_defaults(does=role)
    lab, *words = arguments
    given = parser.parse_args(words)
    try:
        given.does(Arm(Path(lab)), given)
    except urllib.error.HTTPError as error:
        sys.exit(f"az: {error.read().decode()}")


if __name__ == "__main__":
    main(sys.argv[1:])
