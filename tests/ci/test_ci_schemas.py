"""The recipes are what their hosts' own schemas allow, as check-jsonschema ships them (nobody here wrote one)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[2] / "examples" / "ci"
HOSTS = {
    "github/action/action.yml": "github-actions",
    "github/plan.yml": "github-workflows",
    "github/apply.yml": "github-workflows",
    "github/drift.yml": "github-workflows",
    "gitlab/wavelift.gitlab-ci.yml": "gitlab-ci",
    "azure-pipelines/azure-pipelines.yml": "azure-pipelines",
    "azure-pipelines/wavelift.yml": "azure-pipelines",
}
"""Atlantis publishes no schema."""

TRANSFORMED = frozenset({"gitlab-ci", "azure-pipelines"})
"""These hosts extend YAML itself (`!reference`, `${{ }}` as keys)."""


def checked(file: Path, host: str) -> subprocess.CompletedProcess[str]:
    transform = ["--data-transform", host] if host in TRANSFORMED else []
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{host}", *transform]
    # Python's regular expressions: the ones of Azure's schema are no Unicode expressions of JavaScript's
    return subprocess.run([*check, "--regex-variant", "python", str(file)], capture_output=True, text=True, timeout=60)


def test_every_recipe_is_checked() -> None:
    found = {str(path.relative_to(RECIPES)) for path in RECIPES.rglob("*.yml")}
    assert found == set(HOSTS)


@pytest.mark.parametrize("name", HOSTS)
def test_a_recipe_follows_its_host_s_schema(name: str) -> None:
    """issue 4, In CI: each is held against its host as far as that can be without the host."""
    done = checked(RECIPES / name, HOSTS[name])
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_key_is_seen(tmp_path: Path) -> None:
    """The check itself."""
    text = (RECIPES / "github/apply.yml").read_text()
    (tmp_path / "apply.yml").write_text(text.replace("runs-on:", "runs-at:"))
    assert checked(tmp_path / "apply.yml", "github-workflows").returncode == 1
