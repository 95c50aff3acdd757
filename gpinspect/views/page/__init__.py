"""What the page of a report says, as plain data: no markup, no browser, no rows."""

from gpinspect.views.page.build import build_page
from gpinspect.views.page.values import Page

__all__ = ["Page", "build_page"]
