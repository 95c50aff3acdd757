"""Protocol inspector and dissector toolkit for Greenplum's gpfdist.

The public names are resolved on first use, so that `import gpinspect` costs next to nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpinspect.inspection import Inspection as Inspection
    from gpinspect.inspection import inspect as inspect

__version__ = "0.1.0"
__all__ = ["Inspection", "__version__", "inspect"]


def scapy_ext(extension: Any) -> None:
    """What scapy's `conf.exts.load("gpinspect")` calls: offers `scapy.contrib.gpfdist`."""
    from pathlib import Path

    extension.config("gpinspect", __version__)
    extension.register("gpfdist", extension.MODE.CONTRIB, Path(__file__).parent / "export" / "scapy" / "gpfdist.py")


def __getattr__(name: str) -> Any:
    if name in ("Inspection", "inspect"):
        from gpinspect import inspection

        return getattr(inspection, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
