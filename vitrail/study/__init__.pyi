from .budgets import BUDGETS, find_budget
from .config import StudyConfig
from .materials import LabelFolder, gather_materials
from .page import write_page
from .run import run_study

__all__ = ["BUDGETS", "LabelFolder", "StudyConfig", "find_budget", "gather_materials", "run_study", "write_page"]
