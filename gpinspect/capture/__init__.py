"""Frames come in here: capture files of every kind, pipes and standard input, one or many, as windows of whole records.

Nothing here looks into a frame.
"""

from gpinspect.capture.capture import Capture, open_captures
from gpinspect.capture.source import Record
from gpinspect.capture.window import LARGEST_RECORD, SLACK, FrameSink, RecordLayout, Window

__all__ = [
    "LARGEST_RECORD",
    "SLACK",
    "Capture",
    "FrameSink",
    "Record",
    "RecordLayout",
    "Window",
    "open_captures",
]
