"""Runs the scripts of Azure Pipelines, GitLab and Atlantis files as their runners would; what only the host can do is noted."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.ci.github import shell

_PARAMETER = re.compile(r"\$\{\{ parameters\.(\w+) \}\}")
_MACRO = re.compile(r"\$\(([\w.]+)\)")
_SET = re.compile(r"^##vso\[task\.setvariable variable=(\w+)[^\]]*\](.*)$", re.M)


@dataclass
class Ran:
    code: int = 0
    said: str = ""
    not_executed: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)


class AzurePipelines:
    """A stage of the template, used as the pipeline beside it uses it. `variables` are the run's: "Build.Reason" and so on."""

    def __init__(self, folder: Path, environment: Mapping[str, str], variables: Mapping[str, str], artifacts: Path) -> None:
        self.folder = folder
        self.environment = {**environment, **{k.upper().replace(".", "_"): v for k, v in variables.items()}}
        self.artifacts = artifacts
        self.ran = Ran(variables=dict(variables))

    def stage(self, name: str, at: Path) -> Ran:
        use = yaml.safe_load((at / "azure-pipelines.yml").read_text())["stages"][0]
        text = (at / use["template"]).read_text()
        asked = {one["name"] for one in yaml.safe_load(text)["parameters"]}
        assert asked == set(use["parameters"]) == set(_PARAMETER.findall(text)), "parameters that are declared, given and used"
        stages = yaml.safe_load(_PARAMETER.sub(lambda found: use["parameters"][found.group(1)], text))["stages"]
        stage = next(one for one in stages if one["stage"] == name)
        if not self._holds(stage["condition"]):
            self.ran.not_executed.append(name)
            return self.ran
        job = stage["jobs"][0]
        for step in job["steps"] if "job" in job else job["strategy"]["runOnce"]["deploy"]["steps"]:
            if self._holds(step.get("condition", "succeeded()")):
                self._step(step)
        return self.ran

    def _step(self, step: dict[str, Any]) -> None:
        inputs = {k: self._filled(v) for k, v in step.get("inputs", {}).items()}
        match step:
            case {"bash": script}:
                self._bash(script, step)
            case {"task": "AzureCLI@2"}:
                self.ran.not_executed.append(f"sign-in of {inputs['azureSubscription']}")
                self._bash(inputs["inlineScript"], step)
            case {"publish": path}:
                shutil.copytree(self._filled(path), self.artifacts / self.ran.variables["Build.BuildId"])  # a name is taken once
            case {"task": "DownloadPipelineArtifact@2"}:
                shutil.copytree(self.artifacts / inputs["pipelineId"], inputs["targetPath"], dirs_exist_ok=True)
            case {"checkout": "self"}:
                self.ran.not_executed.append("checkout")
            case _:
                raise AssertionError(f"this harness does not know {step}")

    def _bash(self, script: str, step: dict[str, Any]) -> None:
        environment = self.environment | {k: self._filled(v) for k, v in step.get("env", {}).items()}
        assert not _MACRO.search(re.sub(r"\$\(\w+ ", "", script)), "a macro within a script is an injection"
        code, said = shell(["bash", "-c", script], self.folder, environment)
        self.ran.said += said
        self.ran.variables |= dict(_SET.findall(said))
        self.ran.code = self.ran.code or code

    def _filled(self, text: object) -> str:
        return _MACRO.sub(lambda found: self.ran.variables[found.group(1)], str(text))

    def _holds(self, condition: str) -> bool:
        names = {"eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "and_": lambda *a: all(a), "always": lambda: True}
        names |= {"succeeded": lambda: self.ran.code == 0}
        source = re.sub(r"\band\(", "and_(", condition)
        source = re.sub(r"variables\['([\w.]+)'\]", lambda found: repr(self.ran.variables.get(found.group(1), "")), source)
        return bool(eval(source, {"__builtins__": {}}, names))  # calls of these five functions alone


def gitlab(file: Path, job: str, folder: Path, environment: Mapping[str, str], token: str) -> Ran:
    """One job: `extends`, variables, before_script, script and after_script. `token`: what the host signs for the job."""
    document = yaml.safe_load(file.read_text())
    found = {**document[document[job]["extends"]], **document[job]}
    given = {**environment, **document["variables"]}
    given |= {name: re.sub(r"\$(\w+)", lambda v: given.get(v.group(1), ""), value) for name, value in found["variables"].items()}
    given |= {name: token for name in found["id_tokens"]}
    lines = [*found["before_script"], *found["script"]]
    assert all(isinstance(line, str) for line in lines), "a line that YAML reads as something else"
    code, said = shell(["bash", "-c", "\n".join(["set -eo pipefail", *lines])], folder, given)
    shell(["bash", "-c", "\n".join(found["after_script"])], folder, given)
    return Ran(code, said)


def atlantis(file: Path, stage: str, folder: Path, environment: Mapping[str, str]) -> Ran:
    """The steps of a stage in sh; `said` is what Atlantis puts into its comment."""
    ran = Ran()
    for step in yaml.safe_load(file.read_text())["workflows"]["wavelift"][stage]["steps"]:
        run = step["run"]
        code, said = shell(["sh", "-c", run["command"]], folder, environment)
        hidden = run.get("output", "show") == "hide" and code == 0
        ran.said += "" if hidden else said
        if code:
            ran.code = code
            break
    return ran
