"""Runs hooks on the engine's host. Only what stands in this engine's own files is run: an order in the gateway store is no
way to have a command run here."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Collection, Mapping

from replication.model.errors import Permanent
from replication.model.item import Hook

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME", "SYSTEMROOT")
"""What a command sees of the engine's environment: none of its secrets."""


class HostHooks:
    """Implements `replication.ports.Hooks`. `known` gives the hooks of the engine's files as they are now, `address` the web
    address that one of them names."""

    def __init__(self, known: Callable[[], Collection[Hook]], address: Callable[[str], str]) -> None:
        self._known, self._address = known, address

    def run(self, hook: Hook, told: Mapping[str, str]) -> None:
        if hook not in self._known():
            raise Permanent(
                f"hook {hook.name} is not in this engine's files as it was planned",
                remedy="bring the same files to the engine's host, then `wavelift resume`",
                code="NoSuchHook",
            )
        if hook.command:
            _command(hook, told)
        else:
            from wavelift.hosting.posting import post

            post(self._address(hook.url), {"hook": hook.name, **told}, timeout=hook.timeout, key=told["id"])


def _command(hook: Hook, told: Mapping[str, str]) -> None:
    words = [word.format(**told) for word in hook.command]
    env = {name: os.environ[name] for name in KEPT if name in os.environ}
    env |= {f"WAVELIFT_{name.upper()}": value for name, value in told.items()}
    quiet = subprocess.DEVNULL
    try:
        # A session of its own, so that what it has started ends with it.
        child = subprocess.Popen(words, stdin=quiet, stdout=quiet, stderr=quiet, env=env, start_new_session=True)
    except OSError as error:
        raise Permanent(f"{words[0]} cannot be started: {error.strerror}", code="HookCommand") from error
    try:
        code = child.wait(hook.timeout)
    except subprocess.TimeoutExpired as error:
        raise Permanent(f"it was ended after {hook.timeout:g} s", code="HookTimeout") from error
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    if code:
        raise Permanent(f"{words[0]} ended with exit code {code}; its output is not kept", code="HookExit")
