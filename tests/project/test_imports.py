"""Fourteen processes load a recipe in every run, so none of the heavy libraries may come with it."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "timm", "mlflow", "daft", "sklearn", "pandas", "great_expectations", "feast"}


@pytest.mark.parametrize(
    "module",
    [
        "vitrail.recipes",
        "vitrail.steps",
        "vitrail.cli",
        *(f"vitrail.steps.{name}" for name in ("finetune_tasks", "gate_model", "publish_report", "register_model")),
        "vitrail.steps.validate_endpoint",
    ],
)
def test_heavy_libraries_are_imported_by_what_uses_them(module):
    code = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
