"""Runs a workflow of GitHub Actions as its runner would: expressions, `if`, environment files, composite actions, bash.

Steps that only the host can carry out are in `HOST_ONLY`: artifacts are copied as the host would copy them, the others
are passed over and noted in `Run.not_executed`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.ci.expressions import filled, holds

ACTION = "YOUR-ORG/wavelift/examples/ci/github/action@v1"
HOST_ONLY = {"actions/checkout", "actions/setup-python", "azure/login"}
PINNED = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}")
BASH = ["bash", "--noprofile", "--norc", "-eo", "pipefail"]
SECONDS = 100


@dataclass
class Run:
    """One run of a job. `outputs` by step id; `said` is the log."""

    folder: Path
    environment: dict[str, str]
    github: dict[str, Any]
    artifacts: Path
    variables: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    action: dict[str, str] = field(default_factory=dict)
    not_executed: list[str] = field(default_factory=list)
    said: str = ""
    summary: str = ""
    code: int = 0

    def workflow(self, path: Path, job: str) -> Run:
        found = yaml.safe_load(path.read_text())["jobs"][job]
        if holds(found.get("if"), self._contexts({}, {}), False):
            with tempfile.TemporaryDirectory(dir=self.artifacts.parent) as temporary:
                self._steps(found["steps"], {}, self.outputs, Path(temporary), None)
        else:
            self.not_executed.append(job)
        return self

    def _contexts(self, inputs: Mapping[str, str], outputs: Mapping[str, dict[str, str]]) -> dict[str, Any]:
        steps = {name: {"outputs": values} for name, values in outputs.items()}
        runner = {"temp": self.environment.get("RUNNER_TEMP", "")}
        return {"github": self.github, "inputs": inputs, "steps": steps, "vars": self.variables, "runner": runner}

    def _steps(
        self, steps: list[dict[str, Any]], inputs: dict[str, str], outputs: dict[str, dict[str, str]], temp: Path, at: Path | None
    ) -> None:
        self.environment["RUNNER_TEMP"] = str(temp)
        for step in steps:
            contexts = self._contexts(inputs, outputs)
            if not holds(step.get("if"), contexts, self.code != 0):
                continue
            given = {k: filled(v, contexts) for k, v in (step.get("with") or {}).items()}
            if step.get("uses") == ACTION:
                self._composite(given, temp)
            elif "uses" in step:
                self._hosts(step["uses"], given)
            else:
                self._run(step, contexts, outputs, temp, at)

    def _composite(self, given: dict[str, str], temp: Path) -> None:
        at = self.folder / "examples" / "ci" / "github" / "action"
        action = yaml.safe_load((at / "action.yml").read_text())
        assert given.keys() <= action["inputs"].keys(), "an input that the action does not have"
        contexts = self._contexts({}, {})
        inputs = {name: filled(one.get("default", ""), contexts) for name, one in action["inputs"].items()} | given
        inner: dict[str, dict[str, str]] = {}
        self._steps(action["runs"]["steps"], inputs, inner, temp, at)
        self.action = {n: filled(o["value"], self._contexts(inputs, inner)) for n, o in action["outputs"].items()}

    def _hosts(self, uses: str, given: dict[str, str]) -> None:
        assert PINNED.fullmatch(uses), f"{uses}: a tag can be moved to other code; a commit cannot"
        name = uses.partition("@")[0]
        if name == "actions/upload-artifact":
            there = (self.artifacts / str(self.github["run_id"])).exists()
            assert not there or given.get("overwrite", "").lower() == "true", "409: an artifact of this name is there"
            shutil.copytree(given["path"], self.artifacts / str(self.github["run_id"]), dirs_exist_ok=True)
        elif name == "actions/download-artifact":
            shutil.copytree(self.artifacts / given["run-id"], self.folder / given["path"], dirs_exist_ok=True)
        else:
            assert name in HOST_ONLY, f"this harness does not know {uses}"
            self.not_executed.append(name)

    def _run(
        self, step: dict[str, Any], contexts: dict[str, Any], outputs: dict[str, dict[str, str]], temp: Path, at: Path | None
    ) -> None:
        assert step.get("shell") == "bash"
        assert "${{" not in step["run"], "an expression within a script is an injection"
        script, output, summary = temp / "script.sh", temp / "output", temp / "summary"
        script.write_text(step["run"])
        output.write_text("")
        summary.write_text("")
        environment = {k: filled(v, contexts) for k, v in (step.get("env") or {}).items()}
        environment |= {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
        environment |= {"GITHUB_ACTION_PATH": str(at)} if at else {}
        code, said = shell([*BASH, str(script)], self.folder, self.environment | environment)
        self.said += said
        self.summary += summary.read_text()
        if "id" in step:
            outputs[step["id"]] = dict(line.split("=", 1) for line in output.read_text().splitlines())
        self.code = self.code or code


def shell(command: list[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Exit code and everything said."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert "Traceback" not in done.stdout, done.stdout
    return done.returncode, done.stdout
