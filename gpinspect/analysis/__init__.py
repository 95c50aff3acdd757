"""Judgement over what the engine saw: findings and the delivery proof. Pure functions over frozen values."""

from gpinspect.analysis.judge import Judged, judge

__all__ = ["Judged", "judge"]
