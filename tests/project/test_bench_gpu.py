"""`make bench-gpu` works where there is no GPU, on a small model: every row is measured and nothing is traced again."""

import json
import subprocess
import sys

from builders import REPOSITORY

ROWS = ["eager", "compiled", "compiled, fsdp2", "compiled, reader", "bare, webdataset"]


def test_the_table_of_the_gpu_is_printed_on_a_cpu():
    command = [sys.executable, str(REPOSITORY / "benchmarks" / "bench_gpu.py"), "--tiny"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *table, last = done.stdout.splitlines()
    result = json.loads(last)
    assert [row["name"] for row in result["rows"]] == ROWS
    assert [line.split("  ")[1].strip() for line in table[1:]] == ROWS
    for row in result["rows"]:
        assert min(row["images_per_s"], row["bare_images_per_s"], row["ratio"], row["share"]) > 0
        assert row["memory_gb"] is None
        assert (row["recompiled"] == 0) == row["name"].startswith("compiled")
        assert (row["ratio_to_tensors"] is not None) == row["name"].endswith(("reader", "webdataset"))
