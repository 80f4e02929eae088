"""The Bento's pinned requirements: all that the endpoint imports, in the versions of the constraints file."""

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

from builders import REPOSITORY
from serving.requirements import pinned_requirements

PINS = dict(line.split("==") for line in (REPOSITORY / "serving" / "requirements.txt").read_text().split())
LOADED = """
import importlib, pkgutil, sys
sys.path.insert(0, "serving")
import endpoint
for module in pkgutil.iter_modules(endpoint.__path__):
    importlib.import_module(f"endpoint.{module.name}")
from vitrail.packaging import Batcher, Engine
ours = [module for name, module in sys.modules.items() if name.split(".")[0] in ("vitrail", "endpoint")]
print("\\n".join(module.__file__ for module in ours if module.__file__))
"""


def normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_file_is_what_this_environment_gives():
    written = (REPOSITORY / "serving" / "requirements.txt").read_text()
    assert written == pinned_requirements(), "run `python -m serving.requirements`"


def test_pins_agree_with_the_constraints():
    lines = (REPOSITORY / "constraints.txt").read_text().split()
    constraints = {normalise(name): version.partition("+")[0] for name, version in (it.split("==") for it in lines)}
    assert {name: constraints.get(name) for name in PINS} == PINS


def imported_packages(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    absolute = {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0}
    return {name.partition(".")[0] for name in plain | absolute}


def test_everything_that_the_loaded_code_imports_is_required():
    command = [sys.executable, "-c", LOADED]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    files = [Path(line) for line in done.stdout.splitlines()] + [REPOSITORY / "serving" / "service.py"]
    packages = set().union(*map(imported_packages, files)) - sys.stdlib_module_names - {"vitrail", "endpoint"}
    distributions = importlib.metadata.packages_distributions()
    assert {normalise(distributions[package][0]) for package in packages} - PINS.keys() == set()
