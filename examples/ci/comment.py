#!/usr/bin/env python3
"""Keeps one comment of a pull request, or one issue, up to date on GitHub, GitLab or Azure DevOps. Python's library alone.

    comment.py upsert --place FOLDER --body FILE   make or replace the comment of this estate on the pull request of this run
    comment.py find --place FOLDER --commit SHA    what was reviewed for a merged commit: pull_request=, digest=, run=, approver=
    comment.py issue --place FOLDER --body FILE --drift 0|2    open, update or (with 0) close the issue (GitHub)

Which host, project and pull request it is stands in the variables that the host's runner sets. The token comes from
GITHUB_TOKEN, GITLAB_TOKEN or SYSTEM_ACCESSTOKEN and is never printed. A comment is ours when this token's user wrote it and
its second line, or its first (the plan's marker), is the one looked for: nobody else's comment is ever read as a plan.
Exit codes: 0 done, 1 a problem, which is named, 3 (`find`) nothing was reviewed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATIENCE = 30
"""Seconds for one answer."""
NOTHING_REVIEWED = 3
DIGEST = re.compile(r"^sha256 `([0-9a-f]{64}@[0-9TZ:-]+)`$", re.M)
RUN = re.compile(r"^<!-- wavelift:run:([0-9]+) -->$", re.M)
FOLDED = re.compile(r"\n*<details>.*?</details>\n?", re.S)
LEFT_OUT = "\n\n**Details were left out here for their length; the run's artifact has them.**\n"


class Trouble(Exception):
    """What ends the program, in words for the log."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token must not follow where an answer points."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Api:
    """JSON over HTTP below one base address, with the token in one header."""

    def __init__(self, base: str, header: str, token: str) -> None:
        parts = urllib.parse.urlsplit(base)
        if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
            raise Trouble(f"{base} is not https: the token is not sent there")
        self.base = base.rstrip("/")
        self._headers = {header: token, "Content-Type": "application/json", "User-Agent": "wavelift-ci"}
        self._opener = urllib.request.build_opener(_NoRedirect)

    def send(self, method: str, path: str, body: object = None) -> Any:
        """The answer's JSON."""
        return self._send(method, path, body)[0]

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """All items of a list, through its `Link: …; rel="next"` headers."""
        following: str | None = path
        while following:
            items, following = self._send("GET", following)
            yield from items

    def _send(self, method: str, path: str, body: object = None) -> tuple[Any, str | None]:
        url = path if path.startswith("http") else self.base + path
        if not url.startswith(self.base + "/"):
            raise Trouble(f"{method} {url}: not below {self.base}")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, method=method, headers=self._headers)
        try:
            with self._opener.open(request, timeout=PATIENCE) as answer:
                found = re.search(r'<([^>]+)>;\s*rel="next"', answer.headers.get("Link") or "")
                return json.loads(answer.read() or b"null"), found and found.group(1)
        except urllib.error.HTTPError as error:
            said = error.read(500).decode(errors="replace").strip()
            raise Trouble(f"{method} {url}: {error.code} {error.reason}. {self._hint(error.code)} {said}".rstrip()) from None
        except (OSError, ValueError) as error:
            raise Trouble(f"{method} {url}: {getattr(error, 'reason', error)}") from None

    @staticmethod
    def _hint(code: int) -> str:
        if code in (401, 403):
            return "The token is not valid, or may not do this (README.md of this folder lists what it needs)."
        return "Is the address right, and may the token see it?" if code == 404 else ""


class Host:
    """What the three hosts have in common. A comment is {"id": …, "body": …}; `number` is the pull request's."""

    limit = 65_536
    """Characters of one comment."""

    def comments(self, number: str) -> Iterator[dict[str, Any]]:
        """Comments that this token's user wrote."""
        raise NotImplementedError

    def create(self, number: str, body: str) -> None:
        raise NotImplementedError

    def replace(self, number: str, comment: dict[str, Any], body: str) -> None:
        raise NotImplementedError

    def merged_as(self, commit: str) -> str | None:
        """Number of the pull request that became this commit."""
        raise NotImplementedError

    def approvers(self, number: str) -> list[str]:
        raise NotImplementedError


class GitHub(Host):
    def __init__(self) -> None:
        self.api = Api(need("GITHUB_API_URL"), "Authorization", f"Bearer {need('GITHUB_TOKEN')}")
        self.repo = f"/repos/{need('GITHUB_REPOSITORY')}"
        self.author = os.environ.get("WAVELIFT_COMMENT_AUTHOR", "github-actions[bot]")

    def comments(self, number: str) -> Iterator[dict[str, Any]]:
        return (c for c in self.api.pages(f"{self.repo}/issues/{number}/comments?per_page=100") if self._mine(c))

    def create(self, number: str, body: str) -> None:
        self.api.send("POST", f"{self.repo}/issues/{number}/comments", {"body": body})

    def replace(self, number: str, comment: dict[str, Any], body: str) -> None:
        self.api.send("PATCH", f"{self.repo}/issues/comments/{comment['id']}", {"body": body})

    def merged_as(self, commit: str) -> str | None:
        found = [p for p in self.api.pages(f"{self.repo}/commits/{commit}/pulls?per_page=100") if p.get("merged_at")]
        return next((str(p["number"]) for p in found if p.get("merge_commit_sha") == commit), None)

    def approvers(self, number: str) -> list[str]:
        latest: dict[str, str] = {}
        for review in self.api.pages(f"{self.repo}/pulls/{number}/reviews?per_page=100"):
            if review["state"] != "COMMENTED":
                latest[review["user"]["login"]] = review["state"]
        return [login for login, state in latest.items() if state == "APPROVED"]

    def _mine(self, one: dict[str, Any]) -> bool:
        return bool((one.get("user") or {}).get("login") == self.author)

    def issues(self) -> Iterator[dict[str, Any]]:
        """Newest first; pull requests, which GitHub lists among them, left out."""
        found = self.api.pages(f"{self.repo}/issues?state=all&creator={urllib.parse.quote(self.author)}&per_page=100")
        return (i for i in found if self._mine(i) and "pull_request" not in i)

    def save_issue(self, number: int | None, fields: dict[str, str]) -> None:
        if number is None:
            self.api.send("POST", f"{self.repo}/issues", fields)
        else:
            self.api.send("PATCH", f"{self.repo}/issues/{number}", fields)


class GitLab(Host):
    limit = 1_000_000

    def __init__(self) -> None:
        self.api = Api(need("CI_API_V4_URL"), "PRIVATE-TOKEN", need("GITLAB_TOKEN"))
        self.project = f"/projects/{urllib.parse.quote(need('CI_PROJECT_ID'), safe='')}"

    def comments(self, number: str) -> Iterator[dict[str, Any]]:
        me = self.api.send("GET", "/user")["id"]
        notes = self.api.pages(f"{self.project}/merge_requests/{number}/notes?per_page=100")
        return (n for n in notes if n["author"]["id"] == me and not n.get("system"))

    def create(self, number: str, body: str) -> None:
        self.api.send("POST", f"{self.project}/merge_requests/{number}/notes", {"body": body})

    def replace(self, number: str, comment: dict[str, Any], body: str) -> None:
        self.api.send("PUT", f"{self.project}/merge_requests/{number}/notes/{comment['id']}", {"body": body})

    def merged_as(self, commit: str) -> str | None:
        found = self.api.pages(f"{self.project}/repository/commits/{commit}/merge_requests?per_page=100")
        return next((str(m["iid"]) for m in found if m["state"] == "merged"), None)

    def approvers(self, number: str) -> list[str]:
        found = self.api.send("GET", f"{self.project}/merge_requests/{number}/approvals")
        return [a["user"]["username"] for a in found["approved_by"]]


class AzureDevOps(Host):
    limit = 150_000

    def __init__(self) -> None:
        self.api = Api(need("SYSTEM_COLLECTIONURI"), "Authorization", f"Bearer {need('SYSTEM_ACCESSTOKEN')}")
        project = urllib.parse.quote(need("SYSTEM_TEAMPROJECTID"), safe="")
        self.repo = f"/{project}/_apis/git/repositories/{urllib.parse.quote(need('BUILD_REPOSITORY_ID'), safe='')}"

    def comments(self, number: str) -> Iterator[dict[str, Any]]:
        me = self.api.send("GET", "/_apis/connectionData?api-version=7.1-preview")["authenticatedUser"]["id"]
        for thread in self.api.send("GET", f"{self._threads(number)}?api-version=7.1")["value"]:
            for one in thread.get("comments") or []:
                if one["author"]["id"] == me and not one.get("isDeleted"):
                    yield {"id": one["id"], "thread": thread["id"], "body": one.get("content") or ""}

    def create(self, number: str, body: str) -> None:
        comment = {"parentCommentId": 0, "content": body, "commentType": "text"}
        self.api.send("POST", f"{self._threads(number)}?api-version=7.1", {"comments": [comment], "status": "closed"})

    def replace(self, number: str, comment: dict[str, Any], body: str) -> None:
        path = f"{self._threads(number)}/{comment['thread']}/comments/{comment['id']}?api-version=7.1"
        self.api.send("PATCH", path, {"content": body})

    def merged_as(self, commit: str) -> str | None:
        asked = {"queries": [{"type": "lastMergeCommit", "items": [commit]}]}
        answers = self.api.send("POST", f"{self.repo}/pullrequestquery?api-version=7.1", asked)["results"]
        return next((str(p["pullRequestId"]) for a in answers for p in a.get(commit, []) if p["status"] == "completed"), None)

    def approvers(self, number: str) -> list[str]:
        found = self.api.send("GET", f"{self.repo}/pullRequests/{number}/reviewers?api-version=7.1")["value"]
        return [r.get("uniqueName") or r["displayName"] for r in found if r["vote"] >= 5]

    def _threads(self, number: str) -> str:
        return f"{self.repo}/pullRequests/{number}/threads"


def need(name: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        raise Trouble(f"the variable {name} is not set (README.md of this folder says where it comes from)")
    return value


def host() -> Host:
    """By the variable that each host's runner sets."""
    for variable, kind in (("GITHUB_ACTIONS", GitHub), ("GITLAB_CI", GitLab), ("TF_BUILD", AzureDevOps)):
        if os.environ.get(variable):
            return kind()
    raise Trouble("this is no run of GitHub Actions, GitLab CI or Azure Pipelines: none of their variables is set")


def of_this_run() -> str:
    """The pull request that this run is about."""
    number = next((v for n in ("CI_MERGE_REQUEST_IID", "SYSTEM_PULLREQUEST_PULLREQUESTID") if (v := os.environ.get(n))), "")
    on_github = re.match(r"refs/pull/(\d+)/", os.environ.get("GITHUB_REF", ""))
    number = number or (on_github.group(1) if on_github else "")
    if not number.isdigit():
        raise Trouble("this run is not about a pull request; run it on one")
    return number


def place_line(place: str) -> str:
    return f"<!-- wavelift:ci:{re.sub(r'[^A-Za-z0-9._/-]', '-', place.strip('/') or '.').replace('--', '-')} -->"


def ours(body: str, place: str, marker: str = "") -> bool:
    """By the plan's marker in the first line, or by the folder in the second, which a failed plan has too."""
    lines = body.replace("\r", "").split("\n", 2)
    return (bool(marker) and lines[0] == marker) or place_line(place) in lines[:2]


def composed(body: str, place: str, limit: int) -> str:
    """The body with our lines behind the plan's marker, at most `limit` characters: folded details go first, from the end."""
    first, _, rest = body.partition("\n")
    run = next((v for n in ("GITHUB_RUN_ID", "CI_JOB_ID", "BUILD_BUILDID") if (v := os.environ.get(n))), "")
    head = [first] if first.startswith("<!-- wavelift") else []
    rest = rest if head else body
    lines = [*head, place_line(place), *([f"<!-- wavelift:run:{run} -->"] if run.isdigit() else []), rest]
    text = "\n".join(lines)
    shortened = False
    while len(text) + len(LEFT_OUT) > limit and (folds := list(FOLDED.finditer(text))):
        text, shortened = text[: folds[-1].start()] + text[folds[-1].end() :], True
    text = text.rstrip("\n") + (LEFT_OUT if shortened else "\n")
    if len(text) > limit:
        raise Trouble(f"the comment has {len(text)} characters, the host takes {limit}")
    return text


def upsert(on: Host, place: str, body: str) -> str:
    number = of_this_run()
    marker = body.split("\n", 1)[0]
    marker = marker if marker.startswith("<!-- wavelift") else ""
    found = [c for c in on.comments(number) if ours(c.get("body") or "", place, marker)]
    text = composed(body, place, on.limit)
    if not found:
        on.create(number, text)
        return f"commented on {number}"
    on.replace(number, found[0], text)
    return f"updated the comment on {number}"


def find(on: Host, place: str, commit: str) -> dict[str, str]:
    """Empty values when nothing was reviewed."""
    number = on.merged_as(commit)
    if number is None:
        return {}
    bodies = [c.get("body") or "" for c in on.comments(number)]
    body = next((b for b in bodies if ours(b, place)), "").replace("\r", "")
    digest, run = DIGEST.search(body), RUN.search(body)
    if digest is None or run is None:
        return {}
    approver = ",".join(on.approvers(number))
    return {"pull_request": number, "digest": digest.group(1), "run": run.group(1), "approver": approver}


def issue(on: Host, place: str, body: str, drift: bool) -> str:
    if not isinstance(on, GitHub):
        raise Trouble("issues are kept on GitHub only; elsewhere the body can go into a mail or a work item")
    marker, _, rest = body.partition("\n")
    title = (re.search(r"^### (.+)$", rest, re.M) or [None, "Drift"])[1]
    fields = {"body": composed(body, place, on.limit)}
    found = next((i for i in on.issues() if (i.get("body") or "").replace("\r", "").split("\n", 1)[0] == marker), None)
    if not drift:
        if found is None or found["state"] == "closed":
            return "no drift, no issue"
        on.save_issue(found["number"], {**fields, "state": "closed"})
        return f"closed issue {found['number']}"
    if found is None:
        on.save_issue(None, {**fields, "title": f"wavelift: {title}"})
        return "opened an issue"
    on.save_issue(found["number"], {**fields, "state": "open"})
    return f"updated issue {found['number']}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("what", choices=("upsert", "find", "issue"))
    parser.add_argument("--place", required=True, help="the estate's folder in the repository")
    parser.add_argument("--body", type=Path, help="a Markdown file: `wavelift show --markdown`, `wavelift drift --markdown`")
    parser.add_argument("--commit", help="find: the merged commit")
    parser.add_argument("--drift", choices=("0", "2"), help="issue: exit code of `wavelift drift`")
    asked = parser.parse_args(arguments)
    needed = {"upsert": ["body"], "find": ["commit"], "issue": ["body", "drift"]}[asked.what]
    missing = [f"--{name}" for name in needed if getattr(asked, name) is None]
    if missing:
        parser.error(f"{asked.what} needs {' and '.join(missing)}")
    try:
        if asked.what == "find":
            known = find(host(), asked.place, asked.commit)
            for name, value in known.items():
                print(f"{name}={''.join(c for c in value if c.isprintable())}")
            if not known:
                print(f"comment.py: no plan of {asked.place} was reviewed for commit {asked.commit}", file=sys.stderr)
            return 0 if known else NOTHING_REVIEWED
        body = asked.body.read_text(encoding="utf-8")
        on = host()
        done = upsert(on, asked.place, body) if asked.what == "upsert" else issue(on, asked.place, body, asked.drift == "2")
        print(done)
        return 0
    except (Trouble, OSError, UnicodeDecodeError) as error:
        print(f"comment.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
