"""Terraform's language, written the way `terraform fmt` lays it out: two spaces, equal signs of neighbours under each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

INDENT = "  "


@dataclass(frozen=True, slots=True)
class Ref:
    """An expression that stands as it is, such as `azurerm_managed_disk.web-01-os.id`."""

    text: str


Value = str | int | bool | Ref | Sequence["Value"] | Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Attr:
    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class Comment:
    """About what follows it, unless it stands `apart`."""

    text: str
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """`kind "label" "label" { body }`."""

    kind: str
    labels: tuple[str, ...] = ()
    body: tuple[Attr | Comment | Block, ...] = ()


def quoted(text: str) -> str:
    """A string literal: nothing in it is taken for an interpolation or ends it."""
    out = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return '"' + out.replace("${", "$${").replace("%{", "%%{") + '"'


def written(entries: Sequence[Attr | Comment | Block]) -> str:
    """A file; its blocks are parted by an empty line."""
    return "\n".join(_lines(entries, "", parted=True)) + "\n"


def _lines(entries: Sequence[Attr | Comment | Block], at: str, *, parted: bool) -> list[str]:
    out: list[str] = []
    row: list[Attr] = []

    def close() -> None:
        width = max((len(attr.name) for attr in row), default=0)
        out.extend(f"{at}{attr.name.ljust(width)} = {_value(attr.value)}" for attr in row)
        row.clear()

    for number, entry in enumerate(entries):
        before = entries[number - 1] if number else None
        if before is not None and _apart(before, entry):
            close()
            out.append("")
        match entry:
            case Comment(text):
                close()
                out.extend(f"{at}# {line}".rstrip() for line in text.split("\n"))
            case Attr(name, value) if _tall(value):
                close()
                out.append(f"{at}{name} = {_opening(value)}")
                out.extend(_inside(value, at + INDENT))
                out.append(f"{at}{_closing(value)}")
            case Attr():
                row.append(entry)
            case Block(kind, labels, body):
                close()
                head = " ".join((kind, *map(quoted, labels)))
                if body:
                    out.extend([f"{at}{head} {{", *_lines(body, at + INDENT, parted=parted), f"{at}}}"])
                else:
                    out.append(f"{at}{head} {{}}")
    close()
    return out


def _apart(before: Attr | Comment | Block, entry: Attr | Comment | Block) -> bool:
    """An empty line between: around blocks and values of several lines, but not behind the comment that is about one."""
    if isinstance(before, Comment):
        return before.apart
    tall = [isinstance(one, Block) or (isinstance(one, Attr) and _tall(one.value)) for one in (before, entry)]
    return any(tall) or (isinstance(entry, Comment) and not isinstance(before, Attr))


def _tall(value: Value) -> bool:
    if isinstance(value, Mapping):
        return bool(value)
    return not isinstance(value, str | int | bool | Ref) and len(value) > 1


def _opening(value: Value) -> str:
    return "{" if isinstance(value, Mapping) else "["


def _closing(value: Value) -> str:
    return "}" if isinstance(value, Mapping) else "]"


def _inside(value: Value, at: str) -> list[str]:
    if isinstance(value, Mapping):
        keys = {key: quoted(key) for key in sorted(value)}
        width = max(map(len, keys.values()))
        return [f"{at}{shown.ljust(width)} = {quoted(value[key])}" for key, shown in keys.items()]
    assert not isinstance(value, str | int | bool | Ref)
    return [f"{at}{_value(one)}," for one in value]


def _value(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return quoted(value)
        case Ref(text):
            return text
        case Mapping():
            return "{}"
        case _:
            return "[" + ", ".join(_value(one) for one in value) + "]"
