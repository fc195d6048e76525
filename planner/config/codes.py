"""Every problem that loading an estate can report: code -> its summary, and what it means.

Codes are stable: one is never given another meaning. The summary holds no user values, so that it can be counted and
searched for; the values are in a diagnostic's detail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Code:
    summary: str
    explanation: str
    severity: Literal["error", "warning"] = "error"


CODES: dict[str, Code] = {
    # files and YAML
    "WL101": Code(
        "No estate here",
        "The folder cannot be read or holds no *.yaml or *.yml file. An estate is the YAML files directly in a folder "
        "and in its waves/ folder; names that start with a dot are passed over.",
    ),
    "WL102": Code(
        "File cannot be read", "The file exists but could not be opened or is too large to be an estate."
    ),
    "WL103": Code("File is not UTF-8", "Estate files are text in UTF-8; save the file in that encoding."),
    "WL104": Code(
        "Not valid YAML", "The text breaks YAML's own rules; the place is where reading could not go on."
    ),
    "WL105": Code("Tab where YAML allows none", "YAML is indented with spaces only."),
    "WL106": Code(
        "Several documents in one file",
        "A line `---` starts a second document. Each file is one document: put the rest into a file of its own.",
    ),
    "WL107": Code(
        "File is empty", "The file holds nothing but comments; it adds nothing to the estate.", "warning"
    ),
    "WL108": Code("File is not a mapping", "A file of an estate holds keys such as `waves:` at its top level."),
    "WL109": Code(
        "Nested too deeply", "No part of an estate is nested that deeply; brackets or indents went wrong."
    ),
    "WL110": Code(
        "Aliases grow too large",
        "An alias (*name) repeats its anchor (&name). Here one refers to itself, or all together they stand for far "
        "more text than the file holds.",
    ),
    # shape
    "WL120": Code(
        "Unknown key", "The key means nothing at this place in this release. Nothing is accepted and ignored."
    ),
    "WL121": Code(
        "Given twice",
        "The same key or name stands in two places, in one file or in two. Only one of them can be meant; both places "
        "are named.",
    ),
    "WL122": Code("Required key missing", "The mapping must have this key."),
    "WL123": Code(
        "Wrong kind of value", "A text, a list or a mapping stands where another of the three is expected."
    ),
    "WL124": Code("Not an allowed value", "Only the listed values have a meaning here."),
    "WL125": Code("Value not in its form", "The value is not written the way that values of this kind are."),
    "WL126": Code("Number out of range", "The number is smaller or larger than allowed."),
    "WL127": Code(
        "Too few or too many entries", "The mapping, list or text is shorter or longer than allowed."
    ),
    "WL128": Code(
        "Keys that do not go together", "One of the keys rules another out, or needs one that is missing."
    ),
    "WL129": Code(
        "Key cannot be read",
        "Keys are plain text. Merge keys (`<<`) are not read: what machines share belongs into `defaults`.",
    ),
    "WL130": Code("No value", "The key is there and nothing after it, or `null`. Give a value, or remove the key."),
    "WL131": Code(
        "YAML tag not read", "Values are read by their place in the estate, never by a tag such as !!str."
    ),
    "WL132": Code(
        "Name not allowed", "The name cannot be used here, in most cases because Azure or addresses forbid it."
    ),
    "WL133": Code("Schema version not known", "The file is written for another release of wavelift."),
    # references and sense
    "WL140": Code("Unknown target", "No target of that name is declared under `targets`."),
    "WL141": Code("Unknown source", "No source of that name is declared under `sources`."),
    "WL142": Code("Unknown policy", "No policy of that kind and name is declared under `policies`."),
    "WL143": Code("Unknown wave", "No wave of that name is declared under `waves`."),
    "WL144": Code(
        "Source not named", "There are several sources, so wave, machine or appliance must say which is meant."
    ),
    "WL145": Code("Not one primary appliance", "Every source has exactly one appliance with role `primary`."),
    "WL146": Code("Waves wait for each other", "Following `after` from wave to wave leads back to the start."),
    "WL147": Code(
        "Phase cannot be reached",
        "A wave is to be cut over after another one that is not asked to go that far, so it would wait for ever.",
    ),
    "WL148": Code(
        "Machine behind its wave",
        "The machine's own phase is behind its wave's. That is allowed, and waves that wait for this one wait for it too.",
        "warning",
    ),
    "WL149": Code(
        "No network to test in",
        "Phase `test` starts a copy of the machine, which must be kept apart in a `test_vnet`.",
    ),
    "WL150": Code("Machine in two waves", "A machine moves once, so it is in one wave only."),
    "WL151": Code("Names differ only in case", "Azure takes names that differ only in case for the same name."),
    "WL152": Code("Same VM twice", "Two machines name the same VM of the same source."),
    "WL153": Code(
        "Same address twice", "Two network adapters of one virtual network have the same fixed address."
    ),
    "WL154": Code("Unknown time zone", "The name is not in the IANA time zone database."),
    "WL155": Code(
        "Environment variable not set", "The value is taken from an environment variable that is not set."
    ),
    "WL156": Code("No such date", "The calendar has no such day."),
    "WL157": Code(
        "Too many tags", "Azure allows 50 tags on an artifact, and wavelift keeps 5 of them for its own."
    ),
    "WL158": Code("Policy contradicts itself", "Two values of the policy cannot both hold."),
    "WL159": Code(
        "Blackout windows differ",
        "Each appliance applies its own windows in its own time zone. Appliances of one source with different windows "
        "are allowed; equal ones are what most people want.",
        "warning",
    ),
    "WL580": Code(
        "Name of another's test VM",
        "The test VM of a machine is called like the machine with `-test` behind it. A machine that has this name itself "
        "cannot be there at the same time, in one resource group.",
        "warning",
    ),
    "WL160": Code("Nothing declared", "An estate needs this part before anything can be planned."),
    "WL161": Code(
        "Window cannot be used",
        "A cut-over window has a date, a time at which it opens and one at which it ends, in the estate's time zone.",
    ),
    "WL162": Code(
        "Machine waits for nothing",
        "`start_after` names a machine of the estate that is cut over too, and following it never leads back.",
    ),
    "WL163": Code(
        "Blackout never opens",
        "The windows close the whole week together: no cycle would ever start. A `hold` says so better.",
        "warning",
    ),
    "WL164": Code(
        "Not in the appliance's own form",
        "Azure Migrate's appliance knows weekly windows to the minute for itself alone, and rates that change by the week. "
        "What else the estate asks for is left out of the export, or rounded so that closed stays closed.",
        "warning",
    ),
    "WL165": Code(
        "Disk reader not usable",
        "`https` needs no settings and `nbd` needs to know where its server is; any other reader comes with a package that is "
        "installed where plan and engine run.",
    ),
    "WL166": Code(
        "Hook not usable",
        "Hooks of one list have names of their own, and only what runs before the power-off may end a cut-over.",
    ),
    "WL565": Code(
        "Boot log pattern not usable",
        "`ready: {boot_log: …}` is a regular expression that is looked for in the lines of the guest's serial port.",
    ),
    # drift
    "WL460": Code(
        "No such address",
        "An entry of the drift allow-list covers addresses as `wavelift drift --json` shows them: an artifact's, "
        "`machine.<name>` for a VM in vCenter, `appliance.<name>` for an engine. It covers nothing else.",
    ),
    "WL505": Code(
        "Removed, and still in a wave",
        "An entry of `removed` says that a machine leaves the estate. One that a wave still holds does not leave.",
    ),
    # lock file
    "WL180": Code(
        "Overlay among the estate's files",
        "An overlay makes another estate of the files of a folder. One that lies directly in the folder or in its waves/ is "
        "itself one of them, with and without `--overlay`.",
    ),
    "WL181": Code(
        "Overlay without a name of its own",
        "Lineage, state, lock file and the names of what is made in Azure follow from the estate's name. An overlay that leaves "
        "it as it is would change production instead of making a rehearsal.",
    ),
    "WL182": Code(
        "Nothing to remove",
        "`null` in an overlay removes a key of the files below it. A key that is not there was mistyped, or has gone from "
        "production.",
    ),
    "WL183": Code(
        "Overlay shares the state",
        "The estate that the overlay makes would be recorded where the estate below it is. Each has a state of its own.",
    ),
    "WL184": Code(
        "Azure login in a Key Vault",
        "A Key Vault is read with the login to Azure, so that login cannot lie in one. A vCenter's can.",
    ),
    "WL170": Code(
        "Lock file not usable", "The lock file was changed by hand or damaged; take it from git again."
    ),
    "WL190": Code(
        "Cannot be formatted",
        "`wavelift fmt` changes how a file looks and never what it means. What it cannot lay out and keep, it leaves as it is.",
    ),
    "WL191": Code(
        "Placeholder not filled in",
        "`wavelift init` writes what only you can know in angle brackets. Every one of them has to be replaced before a plan.",
    ),
    "WL192": Code(
        "Secret written out",
        "An address or a command in these files holds a key, a password or a token. The files are in git, plans are posted into "
        "pull requests, and orders are stored in Azure: all of them name where a secret is, and none holds one.",
    ),
    "WL171": Code("One VM pinned twice", "Two machines of the lock file are pinned to the same VM."),
}
