"""Frozen values that travel between rooms, and the package table they point into.

Nothing here reads, decodes or judges; names are those of docs/architecture.md.
"""

from gpinspect.model.capture import Notice, Place, Weird
from gpinspect.model.exchange import Address, Connection, Exchange, MessageCounts, Outcome
from gpinspect.model.finding import Finding, Severity
from gpinspect.model.packages import UNKNOWN, Package, PackageTable
from gpinspect.model.session import Delivery, FileCoverage, Flow, Session
from gpinspect.model.stalls import Cause, FlowStall, Stall, StallShares, Vantage, VantageEstimate

__all__ = [
    "UNKNOWN",
    "Address",
    "Cause",
    "Connection",
    "Delivery",
    "Exchange",
    "FileCoverage",
    "Finding",
    "Flow",
    "FlowStall",
    "MessageCounts",
    "Notice",
    "Outcome",
    "Package",
    "PackageTable",
    "Place",
    "Session",
    "Severity",
    "Stall",
    "StallShares",
    "Vantage",
    "VantageEstimate",
    "Weird",
]
