"""This release's version, as state, documents and status carry it; a test holds it against the package's."""

RELEASE = "0.1.0"
