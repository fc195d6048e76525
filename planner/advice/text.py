"""Advice on files and YAML itself (WL10x, WL11x)."""

from __future__ import annotations

from planner.advice.advice import Advice

TEXT: dict[str, Advice] = {
    "WL101": Advice(
        "Name the estate's folder with `-C FOLDER`, or let `wavelift init` write a first file into it.",
        "(`wavelift validate -C migration`, where the folder `migration` holds no *.yaml file)",
        "(`wavelift init -C migration`, then `wavelift validate -C migration`)",
    ),
    "WL102": Advice(
        "Give the file back its read permission, or split it: each wave may have a file of its own in waves/.",
        "(a file with mode 0000, or one of more than 64 MiB)",
        "(`chmod u+r waves/shop.yaml`)",
    ),
    "WL103": Advice(
        "Save the file as UTF-8; most editors name the encoding in their status line.",
        "(a file saved as Latin-1 that holds `name: Zürich`)",
        "(`iconv -f latin1 -t utf-8 estate.yaml > new.yaml`)",
    ),
    "WL104": Advice(
        "Look at the marked place and the line before it: a bracket or quote that is not closed, a second `: ` on a line, or "
        "an indent that fits no other line.",
        "waves: {shop: {target: korea, machines: {web-01: Standard_D2s_v5}\n",
        "waves: {shop: {target: korea, machines: {web-01: Standard_D2s_v5}}}\n",
    ),
    "WL105": Advice(
        "Replace the tab by spaces; `expand -t 2 FILE` does it for a whole file.",
        "defaults:\n\tip: keep\n",
        "defaults:\n  ip: keep\n",
    ),
    "WL106": Advice(
        "Move what stands below `---` into a file of its own; all files of the folder are read together.",
        "defaults: {ip: keep}\n---\nstate: local\n",
        "defaults: {ip: keep}\nstate: local\n",
    ),
    "WL107": Advice(
        "Remove the file, or leave it until it is needed: it does no harm.",
        "# nothing here yet\n",
        "defaults: {ip: keep}\n",
    ),
    "WL108": Advice(
        "Begin with one of the top-level keys; `wavelift schema` lists them.",
        "- web-01\n- web-02\n",
        "waves: {shop: {target: korea, machines: {web-01: Standard_D2s_v5}}}\n",
    ),
    "WL109": Advice(
        "Look for brackets that open and never close.",
        "defaults: " + "[" * 60 + "]" * 60 + "\n",
        "defaults: {ip: keep}\n",
    ),
    "WL110": Advice(
        "Write out what the alias stands for, or put what machines share into `defaults`.",
        "defaults: &all\n  tags: *all\n",
        "defaults:\n  tags: {cost: \"4711\"}\n",
    ),
}
