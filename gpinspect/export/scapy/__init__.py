"""The scapy layer: the grammar's messages and headers put into `gpfdist.py.in` (`generate.py`).

`gpfdist.py` beside this module is what the template becomes; an installed gpinspect gives it to scapy (`gpinspect.scapy_ext`), and
the same text in `dissectors/scapy` is for people who have scapy alone.
"""

from pathlib import Path
from typing import Final

LAYER: Final = Path(__file__).with_name("gpfdist.py")
"""Where the layer of this package is."""
