"""The causes that can be arranged, as a table."""

from .at_the_ends import AT_THE_ENDS
from .on_the_way import ON_THE_WAY
from .plan import Scenario

SCENARIOS: tuple[Scenario, ...] = AT_THE_ENDS + ON_THE_WAY
BY_NAME = {one.name: one for one in SCENARIOS}
