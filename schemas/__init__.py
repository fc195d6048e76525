"""JSON Schemas (draft 2020-12) of everything that users and tools read or write, by name and version.

`load(name)` gives the document, `text(name)` the file for an editor. Nothing of ours is imported here.
"""

from schemas.load import load, text

__all__ = ["load", "text"]
