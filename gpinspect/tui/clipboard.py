"""The clipboard of the terminal (OSC 52): works over ssh, where the terminal allows it."""

from typing import Any

from textual.app import App

MOST = 74_994
"""Characters that every terminal takes: 100,000 in base64."""


def put(app: App[Any], text: str) -> bool:
    """Put a text there; False where it was cut because it is too long."""
    app.copy_to_clipboard(text[:MOST])
    return len(text) <= MOST
