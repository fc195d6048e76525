"""`wavelift schema`: every place of the files can be asked for, and the answer is the schema's."""

from __future__ import annotations

import json

import pytest
import yaml
from typer.testing import CliRunner, Result

from planner.config.vocabulary import UnknownPlace, every_path, look_up
from planner.config.written import flow
from wavelift.cli.app import app
from wavelift.cli.schema import text


def ask(*words: str) -> Result:
    return CliRunner().invoke(app, ["schema", *words])


def test_every_place_can_be_asked_for() -> None:
    """issue 4, Editing: `wavelift schema PATH` knows every key, by the path that it prints itself."""
    assert len(every_path()) > 100
    for path in every_path():
        entry = look_up(path.replace("<number>", "0"))
        assert entry.description, path
        assert entry.kinds, path
        assert text(entry)
        assert all(key.description for key in entry.keys), path


def test_names_may_be_left_out() -> None:
    """issue 4: `wavelift schema waves.machines.size`, and the same place with its names."""
    assert "Did you mean the key `size`?" in ask("waves.machines.sise").output
    assert look_up("waves.machines.size") == look_up("waves.shop.machines.web-01.size")
    shown = ask("waves.machines.size").output
    assert shown.startswith("waves.<wave>.machines.<machine>.size: a VM size, or a list of them\n")
    assert "required" in shown
    assert "Standard_E8s_v5" in shown


def test_a_wave_may_have_the_name_of_a_key() -> None:
    """issue 4, Editing: where a part can be a key and a name, the reading that leads on is taken."""
    assert look_up("waves.phase.machines.x.size").path == "waves.<wave>.machines.<machine>.size"
    assert look_up("waves.phase").path == "waves.<wave>.phase"


def test_the_levels_of_a_value() -> None:
    """users.md, The estate 2: defaults fall through estate, target, wave, machine; asked anywhere, all are named."""
    levels = (
        "defaults.disk",
        "targets.<target>.defaults.disk",
        "waves.<wave>.defaults.disk",
        "waves.<wave>.machines.<machine>.disk",
    )
    for path in ("defaults.disk", "waves.machines.disk", "targets.korea.defaults.disk"):
        entry = look_up(path)
        assert entry.levels == levels
        assert entry.default == "StandardSSD_LRS"
    assert "all count" in ask("waves.machines.blackout").output
    assert look_up("waves.machines.vm").levels == ()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("waves.machines.disks.os.tipe", "Did you mean `type`?"),
        ("wafes", "Did you mean `waves`?"),
        ("nics.ip", "It stands at `waves.<wave>.machines.<machine>.nics.<name>.ip`."),
        ("waves.machines.size.x", "holds no keys"),
    ],
)
def test_a_path_that_is_wrong(path: str, said: str) -> None:
    """issue 4, Editing: "did you mean", also for a path that begins too far down."""
    with pytest.raises(UnknownPlace) as raised:
        look_up(path)
    assert said in str(raised.value)
    assert "bug" not in ask(path).output


def test_json() -> None:
    """issue 4, Editing: the same for scripts."""
    made = json.loads(ask("defaults.ip", "--json").output)
    assert (made["path"], made["default"], made["allowed"]) == ("defaults.ip", "dynamic", ["keep", "dynamic"])


def test_examples_are_shown_as_yaml() -> None:
    """issue 4, Editing: an example can be pasted into a file as it is printed."""
    examples = {flow(e) for path in every_path() for e in look_up(path.replace("<number>", "0")).examples}
    for example in examples:
        assert yaml.compose(f"key: {example}", yaml.CSafeLoader) is not None, example
    assert flow("0123") == '"0123"'
    assert flow({"a": ["b", "on"]}) == '{a: [b, "on"]}'
