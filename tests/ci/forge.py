"""The REST APIs of GitHub, GitLab and Azure DevOps as far as `comment.py` uses them, on 127.0.0.1, with paging and tokens.

Written from what is known of them, not from their specifications: only a real host can show where both are wrong. It refuses
what they would refuse: no token, an unknown address, a comment too long.
"""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "token-of-the-run-7c1d"
ME = "github-actions[bot]"
PAGE = 100
LIMITS = {"gh": 65_536, "gl": 1_000_000, "ado": 150_000}
Answer = tuple[int, Any]


class Forge(ThreadingHTTPServer):
    """`comments`: what stands on the one pull request, oldest first, as {"id", "author", "body"}; `calls`: writes, "METHOD path".
    `merged`: commit -> number of its pull request; `approved`: its reviews as (user, state)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.comments: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []
        self.merged: dict[str, int] = {}
        self.approved: list[tuple[str, str]] = []
        self.artifacts: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.reads = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def at(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def say(self, author: str, body: str) -> dict[str, Any]:
        self.comments.append({"id": len(self.comments) + 1000, "author": author, "body": body})
        return self.comments[-1]

    def mine(self) -> list[str]:
        return [c["body"] for c in self.comments if c["author"] == ME]

    # ---- GitHub

    def gh(self, method: str, path: str, body: Any) -> Answer:
        repo = "/repos/org/estates"
        if path == f"{repo}/issues/17/comments":
            if method == "POST":
                return 201, _github(self.say(ME, body["body"]))
            return 200, [_github(c) for c in self.comments]
        if found := re.fullmatch(rf"{repo}/issues/comments/(\d+)", path):
            return self._edit(int(found.group(1)), body["body"]) if method == "PATCH" else (405, {})
        if found := re.fullmatch(rf"{repo}/commits/(\w+)/pulls", path):
            sha = found.group(1)
            pulls = [{"number": 16, "merged_at": "x", "merge_commit_sha": "another"}]
            pulls += [{"number": self.merged[sha], "merged_at": "x", "merge_commit_sha": sha}] if sha in self.merged else []
            return 200, pulls
        if path == f"{repo}/pulls/17/reviews":
            return 200, [{"user": {"login": who}, "state": state} for who, state in self.approved]
        if path == f"{repo}/issues":
            if method == "GET":
                return 200, [{"number": 17, "pull_request": {}, "user": {"login": ME}, "body": ""}, *self.issues]
            self.issues.append({**body, "number": 40 + len(self.issues), "state": "open", "user": {"login": ME}})
            return 201, self.issues[-1]
        if found := re.fullmatch(rf"{repo}/issues/(\d+)", path):
            one = next(i for i in self.issues if i["number"] == int(found.group(1)))
            one.update(body)
            return 200, one
        return 404, {"message": "Not Found"}

    # ---- GitLab

    def gl(self, method: str, path: str, body: Any) -> Answer:
        project = "/projects/7"
        if path == "/user":
            return 200, {"id": ME}
        if path == f"{project}/merge_requests/17/notes":
            if method == "POST":
                return 201, _gitlab(self.say(ME, body["body"]))
            return 200, [_gitlab(c) for c in self.comments]
        if found := re.fullmatch(rf"{project}/merge_requests/17/notes/(\d+)", path):
            return self._edit(int(found.group(1)), body["body"]) if method == "PUT" else (405, {})
        if found := re.fullmatch(rf"{project}/repository/commits/(\w+)/merge_requests", path):
            number = self.merged.get(found.group(1))
            return 200, [{"iid": number, "state": "merged"}] if number else []
        if path == f"{project}/merge_requests/17/approvals":
            return 200, {"approved_by": [{"user": {"username": who}} for who, state in self.approved if state == "APPROVED"]}
        if found := re.fullmatch(rf"{project}/jobs/(\d+)/artifacts/(.+)", path):
            return (200, self.artifacts[found.group(2)]) if found.group(2) in self.artifacts else (404, {})
        return 404, {"message": "404 Not Found"}

    # ---- Azure DevOps

    def ado(self, method: str, path: str, body: Any) -> Answer:
        repo = "/p1/_apis/git/repositories/r1"
        if path == "/_apis/connectionData":
            return 200, {"authenticatedUser": {"id": ME}}
        if path == f"{repo}/pullRequests/17/threads":
            if method == "POST":
                return 200, {"id": self.say(ME, body["comments"][0]["content"])["id"]}
            threads = [{"id": c["id"], "comments": [_azure(c)]} for c in self.comments]
            return 200, {"value": [{"id": 1, "comments": None}, *threads]}
        if found := re.fullmatch(rf"{repo}/pullRequests/17/threads/(\d+)/comments/1", path):
            return self._edit(int(found.group(1)), body["content"]) if method == "PATCH" else (405, {})
        if path == f"{repo}/pullrequestquery":
            sha = body["queries"][0]["items"][0]
            found_ = {sha: [{"pullRequestId": self.merged[sha], "status": "completed"}]} if sha in self.merged else {}
            return 200, {"results": [found_]}
        if path == f"{repo}/pullRequests/17/reviewers":
            vote = {"APPROVED": 10, "CHANGES_REQUESTED": -10}
            return 200, {"value": [{"uniqueName": who, "vote": vote.get(state, 0)} for who, state in self.approved]}
        return 404, {"message": "Not Found"}

    def _edit(self, number: int, body: str) -> Answer:
        one = next(c for c in self.comments if c["id"] == number)
        assert one["author"] == ME, "somebody else's comment was written over"
        one["body"] = body
        return 200, {}


class _Handler(BaseHTTPRequestHandler):
    server: Forge

    def _any(self) -> None:
        parts = urlsplit(self.path)
        kind, _, rest = parts.path.lstrip("/").partition("/")
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        given = {self.headers.get(n, "") for n in ("Authorization", "PRIVATE-TOKEN", "JOB-TOKEN")}
        text = json.dumps(body or "", ensure_ascii=False)
        if not given & {TOKEN, f"Bearer {TOKEN}"}:
            self._answer(401, {"message": "Bad credentials"})
        elif len(text) > LIMITS[kind] + 2000:
            self._answer(422, {"message": "body is too long"})
        else:
            if self.command == "GET":
                self.server.reads += 1
            else:
                self.server.calls.append(f"{self.command} {parts.path}")
            code, found = getattr(self.server, kind)(self.command, f"/{rest}", body)
            page = int(parse_qs(parts.query).get("page", ["1"])[0])
            more = isinstance(found, list) and len(found) > page * PAGE
            following = f"{self.server.at}{parts.path}?per_page={PAGE}&page={page + 1}" if more else ""
            self._answer(code, found[(page - 1) * PAGE : page * PAGE] if isinstance(found, list) else found, following)

    def _answer(self, code: int, found: Any, following: str = "") -> None:
        data = found if isinstance(found, bytes) else json.dumps(found).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        if following:
            self.send_header("Link", f'<{following}>; rel="next"')
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_PUT = _any

    def log_message(self, *_: Any) -> None:
        """Nothing on standard error."""


def _github(comment: dict[str, Any]) -> dict[str, Any]:
    return {"id": comment["id"], "user": {"login": comment["author"]}, "body": comment["body"]}


def _gitlab(comment: dict[str, Any]) -> dict[str, Any]:
    return {"id": comment["id"], "author": {"id": comment["author"]}, "body": comment["body"], "system": False}


def _azure(comment: dict[str, Any]) -> dict[str, Any]:
    return {"id": 1, "author": {"id": comment["author"]}, "content": comment["body"]}
