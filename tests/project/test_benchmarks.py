"""Benchmarks that measure more than the library find the rest of the repository, too."""

import subprocess
import sys

import pytest

from builders import REPOSITORY


@pytest.mark.parametrize("target", ["bench-endpoint", "bench-scale"])
def test_a_benchmark_starts_from_make_with_its_options(target):
    environment = f"VENV={sys.prefix}"
    installed = f"{sys.prefix}/.installed"
    command = ["make", "--silent", environment, f"--assume-old={installed}", target, "OPTIONS=--help"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"usage: {target.replace('-', '_')}.py" in done.stdout
