"""Hooks of a cut-over: in the files, in the plan, and run on the engine's host."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from planner.explain import text
from planner.steps import SendOrder
from providers.secrets import address
from replication.model.documents import dumps, load_order
from replication.model.errors import Permanent
from replication.model.item import Cutover, Hook, Order, OrderKind
from tests.planner.site import Site, vm
from wavelift.hosting.hooks import HostHooks

TOLD = {"id": "11111111-2222-4333-8444-555555555555", "machine": "web-01", "wave": "shop", "when": "before", "vm": "web-01"}
WAVES = """\
waves:
  shop:
    target: korea
    phase: {phase}
    cutover:
      hooks:
        before: [{{name: silence, command: [/usr/local/bin/silence, "{{machine}}"], timeout: 2m}}]
        after: [{{name: dns, url: "https://ops.corp.example/cutover?zone=hunter2"}}]
    machines: {{web-01: Standard_D2s_v5}}
"""


def test_the_plan_shows_them_and_the_order_carries_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weeks, 26: in the plan, with a timeout and what follows a failure; an address is shown without what follows its ?."""
    monkeypatch.chdir(tmp_path)
    site = Site(tmp_path, vm(1, "web-01"))
    site.files(waves=WAVES.format(phase="replicate"))
    site.go()
    site.files(waves=WAVES.format(phase="migrate"))
    plan = site.look().plan
    said = text(plan)
    silence = "/usr/local/bin/silence {machine} (at most 120 s; nothing is powered off when it fails)"
    assert f"hook silence before the power-off: {silence}" in said
    assert "hook dns after it is ready: POST https://ops.corp.example/cutover (at most 60 s; a failure is told)" in said
    assert "hunter2" not in said
    (order,) = [s for s in plan.steps if isinstance(s, SendOrder) and s.order is OrderKind.MIGRATE]
    assert [hook["name"] for hook in order.document["cutover"]["hooks"]] == ["silence", "dns"]


def test_an_order_keeps_its_hooks() -> None:
    """Weeks, 26: the document says what it said."""
    hooks = (Hook("silence", "before", command=("a", "b"), timeout=2.5), Hook("dns", "after", url="env:DNS"))
    order = Order("m", 1, "i", OrderKind.MIGRATE, "r", "p", 1.0, cutover=Cutover(hooks=hooks))
    assert load_order(dumps(order)) == order


def python(*code: str, timeout: float = 20.0) -> Hook:
    return Hook("it", "before", command=(sys.executable, "-c", "; ".join(code)), timeout=timeout)


def test_a_command_gets_what_it_is_told_and_none_of_the_engine_s_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weeks, 26: words filled in without a shell; an environment without secrets."""
    monkeypatch.setenv("VC_RO", "hunter2")
    out = tmp_path / "env.json"
    code = f"import json, os, sys; json.dump([dict(os.environ), sys.argv[1:]], open({str(out)!r}, 'w'))"
    hook = Hook("it", "before", command=(sys.executable, "-c", code, "{machine}; echo {when}"), timeout=20)
    HostHooks(lambda: {hook}, address).run(hook, TOLD)
    env, words = json.loads(out.read_text())
    assert words == ["web-01; echo before"] and env["WAVELIFT_ID"] == TOLD["id"] and env["WAVELIFT_WAVE"] == "shop"
    assert "hunter2" not in out.read_text()


@pytest.mark.parametrize(
    ("hook", "says"),
    [
        (python("print('hunter2')", "raise SystemExit(3)"), "exit code 3"),
        (python("import time", "time.sleep(30)", timeout=0.3), "ended after 0.3 s"),
        (Hook("it", "before", command=("/no/such/hook",)), "cannot be started"),
        (Hook("it", "before", url="http://127.0.0.1:1/x?token=hunter2", timeout=2), "cannot be reached"),
        (Hook("it", "before", url="env:NO_SUCH_NAME"), "NO_SUCH_NAME"),
    ],
)
def test_a_failure_is_said_without_what_the_hook_said(hook: Hook, says: str) -> None:
    """Weeks, 26: with a timeout; never a secret."""
    with pytest.raises(Permanent, match=says) as error:
        HostHooks(lambda: {hook}, address).run(hook, TOLD)
    assert "hunter2" not in str(error.value)


def test_only_what_the_engine_s_own_files_say_is_run(tmp_path: Path) -> None:
    """Weeks, 26: whoever can write into the gateway store can not run commands on the engine's host."""
    out = tmp_path / "ran"
    planted = Hook("silence", "before", command=("touch", str(out)))
    with pytest.raises(Permanent, match="not in this engine's files"):
        HostHooks(lambda: {Hook("silence", "before", command=("true",))}, address).run(planted, TOLD)
    assert not out.exists()


@contextmanager
def server(answer: int) -> Iterator[tuple[str, list[tuple[str, dict[str, str]]]]]:
    got: list[tuple[str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            got.append((self.headers["Idempotency-Key"] or "", body))
            self.send_response(answer)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    httpd = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}/x", got
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def test_a_post_has_the_id_and_2xx_is_success() -> None:
    """Weeks, 26: a webhook; the same id when it is posted again."""
    with server(204) as (url, got):
        hook = Hook("dns", "after", url=url)
        HostHooks(lambda: {hook}, address).run(hook, TOLD)
    assert got == [(TOLD["id"], {"hook": "dns", **TOLD})]


def test_an_address_is_read_where_it_is_kept_at_each_call(tmp_path: Path) -> None:
    """The estate, 11: environment, file, Key Vault; what was rotated meanwhile is what is called."""
    kept = tmp_path / "hook"
    with server(204) as (url, got):
        vault = {"dns": url}
        for name in (f"file:{kept}", "keyvault:kv-ops/dns"):
            hook = Hook("dns", "after", url=name)
            host = HostHooks({hook}.copy, partial(address, vault=lambda _, name: vault[name]))
            kept.write_text(f"{url}\n")
            kept.chmod(0o600)
            host.run(hook, TOLD)
            kept.write_text("hunter2")
            if name.startswith("keyvault:"):
                vault["dns"] = "hunter2"
            with pytest.raises(Permanent, match="no https address") as error:
                host.run(hook, TOLD)
            assert "hunter2" not in str(error.value)
    assert len(got) == 2


@pytest.mark.parametrize("answer", [302, 404, 500])
def test_another_answer_is_a_failure_and_no_redirect_is_followed(answer: int) -> None:
    """Weeks, 26: what is sent goes where the files say."""
    with server(answer) as (url, got):
        hook = Hook("dns", "after", url=url)
        with pytest.raises(Permanent, match=str(answer)):
            HostHooks(lambda: {hook}, address).run(hook, TOLD)
    assert len(got) == 1
