"""Disk readers from other packages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from providers.vmware import readers


def test_a_reader_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Design, disk readers: others by entry point; a built-in name stays the built-in."""
    (tmp_path / "fast_reader.py").write_text("def open_disk(request):\n    return 'opened'\n")
    metadata = tmp_path / "fast_reader-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: fast-reader\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        f"[{readers.GROUP}]\nfast = fast_reader:open_disk\nhttps = fast_reader:open_disk\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert "fast" in readers.names()
    assert readers.find("fast").__module__ == "fast_reader"
    assert readers.find("https").__module__ == "providers.vmware.readers.https"
