"""issue 4, Documentation: README's picture of a plan is what the product prints."""

from __future__ import annotations

from tests.docs.picture import PAGE, placed


def test_the_picture_is_what_the_product_prints() -> None:
    """issue 4, Documentation: "a picture of a plan"; one that nobody prints any more teaches the wrong thing."""
    page = PAGE.read_text()
    assert placed(page) == page, "run: make docs"
