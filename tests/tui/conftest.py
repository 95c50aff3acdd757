"""Digits wait for what follows as long as a slow machine takes; the test of that waiting says otherwise."""

import pytest

from gpinspect.tui.screens import base


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "LATE", 60.0)
