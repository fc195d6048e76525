"""The written forms of values: durations, rates, blackout windows; text in, numbers or the reason out."""

from __future__ import annotations

import re

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_RATE = re.compile(r"(\d+(?:\.\d+)?) ?(bps|Kbps|Mbps|Gbps)", re.ASCII)
_FACTORS = {"bps": 1, "Kbps": 10**3, "Mbps": 10**6, "Gbps": 10**9}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def seconds(text: str) -> float:
    """`1d2h30m5s` -> seconds. The text has passed the schema's pattern; ValueError otherwise."""
    match = _DURATION.fullmatch(text)
    if not match or not text:
        raise ValueError("not a duration")
    days, hours, minutes, secs = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + secs)


def bits_per_second(text: str) -> int:
    """`200 Mbps` -> 200000000; decimal factors, as networks count. ValueError when it is no rate."""
    match = _RATE.fullmatch(text)
    if not match:
        raise ValueError("not a rate")
    whole, _, fraction = match[1].partition(".")
    factor = _FACTORS[match[2]]
    return int(whole) * factor + (int(fraction) * factor // 10 ** len(fraction) if fraction else 0)


def why_not(title: str, text: str) -> str:
    """A sentence on what is wrong with `text` as a value of the schema's `title`, or "" when nothing more is known."""
    match title:
        case "blackout windows" | "a blackout policy's name, or windows" if ";" in text:
            return _why_not_windows(text)
        case "a rate" if re.search(r"[kmg]i?b/s|[kmg]ib", text, re.IGNORECASE):
            return " A rate counts bits, not bytes: 1 MB/s is 8 Mbps."
        case "a duration" if text.isdigit():
            return " The unit is missing."
        case "a host, or host:port" if "//" in text:
            return " Leave the https:// and everything after the host out."
        case "a sign-in" | "a reference to a secret":
            return " Secrets never stand in the estate: name an environment variable or a file that holds it."
    return ""


def _why_not_windows(text: str) -> str:
    """Which interval of the wire form is wrong, and in which part."""
    for number, interval in enumerate(text.split("|"), start=1):
        where = f" Interval {number}, `{interval.strip()[:40]}`"
        parts = interval.strip().split(";")
        if len(parts) != 3:
            return f"{where}, has {len(parts)} parts instead of 3 (day;start;duration)."
        day, start, duration = parts
        if day not in _DAYS:
            return f"{where}, begins with no day of the week (Monday … Sunday)."
        if not re.fullmatch(r"([01]?[0-9]|2[0-3]):[0-5][0-9]", start):
            return f"{where}, has no start time between 0:00 and 23:59."
        if not re.fullmatch(r"(?=\d)(\d+d)?(\d+h)?(\d+m)?", duration, re.ASCII) or not duration.strip("0dhm"):
            return f"{where}, has no duration such as 1d7h, 5h or 8m."
    return ""
