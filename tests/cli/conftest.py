from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from views.samples import Found

from gpinspect.cli.group import gpinspect

Run = Callable[..., Result]


@pytest.fixture
def calls() -> list[dict[str, Any]]:
    """What `inspect` was called with."""
    return []


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, calls: list[dict[str, Any]]) -> Run:
    """Run the command line on an inspection made by hand (or on an exception that reading raises)."""
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)
    monkeypatch.delenv("GPINSPECT_DEBUG", raising=False)

    def call(found: Found | BaseException | None, *arguments: str, env: dict[str, str] | None = None) -> Result:
        def inspect(inputs: Any, **options: Any) -> Found:
            calls.append({"inputs": inputs, **options})
            if isinstance(found, BaseException):
                raise found
            assert found is not None
            return found

        monkeypatch.setattr("gpinspect.inspection.inspect", inspect)
        return CliRunner().invoke(gpinspect, list(arguments), env=env)

    return call
