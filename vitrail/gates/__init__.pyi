from .bootstrap import Estimate, estimate, estimate_difference, point
from .config import ChangeThreshold, CostLimits, GateConfig, ValueThreshold, every_task
from .gate import gate_model
from .outcomes import Outcomes, outcomes_table, read_outcomes

__all__ = [
    "ChangeThreshold",
    "CostLimits",
    "Estimate",
    "GateConfig",
    "Outcomes",
    "ValueThreshold",
    "estimate",
    "estimate_difference",
    "every_task",
    "gate_model",
    "outcomes_table",
    "point",
    "read_outcomes",
]
