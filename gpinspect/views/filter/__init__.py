"""The filter language: small typed conditions on sessions, flows, exchanges, packages, findings and TLS connections.

    segment == 3 && outcome in (late, cancelled)
    payload_bytes > 1MB and session.path ~ "lineitem"

Nothing is evaluated but what the grammar of `parser` has; docs/filter.md is the description for people.
"""

from gpinspect.views.filter.condition import Filter, compiled
from gpinspect.views.filter.fields import FIELDS, Around, Field
from gpinspect.views.filter.mistake import FilterError, pointed
from gpinspect.views.filter.parser import parse

__all__ = ["FIELDS", "Around", "Field", "Filter", "FilterError", "make_filter", "pointed"]


def make_filter(expression: str, kind: str) -> Filter:
    """Read an expression about objects of a kind: a key of `FIELDS`, which are the verbs that list them.

    Raises:
        FilterError: The expression is wrong; `pointed` shows where.
    """
    return compiled(parse(expression, FIELDS[kind]))
