"""Fourteen processes load a recipe in every run, so none of the heavy libraries may come with it."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "timm", "mlflow", "daft", "sklearn", "pandas", "great_expectations", "feast"}


@pytest.mark.parametrize(
    "module",
    ["vitrail.recipes", "vitrail.steps", "vitrail.steps.gate_model", "vitrail.steps.finetune_tasks", "vitrail.cli"],
)
def test_heavy_libraries_are_imported_by_what_uses_them(module):
    code = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
