from .budgets import BUDGETS, find_budget
from .config import StudyConfig
from .materials import LabelFolder
from .page import write_page
from .run import run_study

__all__ = ["BUDGETS", "LabelFolder", "StudyConfig", "find_budget", "run_study", "write_page"]
