"""A plan in words: one `Report`, and its views as text, Markdown and JSON. Same plan, same words."""

from planner.explain.asjson import to_json
from planner.explain.markdown import markdown
from planner.explain.report import Report, report
from planner.explain.text import summary, text

__all__ = ["Report", "markdown", "report", "summary", "text", "to_json"]
