"""Gates: from outcomes per test unit to a verdict that fails closed."""

from vitrail.gates.bootstrap import Estimate, estimate, estimate_difference, point
from vitrail.gates.config import ChangeThreshold, GateConfig, ValueThreshold
from vitrail.gates.gate import gate_model
from vitrail.gates.outcomes import OUTCOMES_FILE, Outcomes, outcomes_table, read_outcomes

__all__ = [
    "OUTCOMES_FILE",
    "ChangeThreshold",
    "Estimate",
    "GateConfig",
    "Outcomes",
    "ValueThreshold",
    "estimate",
    "estimate_difference",
    "gate_model",
    "outcomes_table",
    "point",
    "read_outcomes",
]
