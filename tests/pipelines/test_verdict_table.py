"""A verdict in lines and in Markdown: a check against the champion says how small a difference the split tells."""

import numpy as np
import pytest

from builders.evaluations import hits, write_evaluation
from pipelines.verdict_table import write_lines, write_markdown
from vitrail.gates import ChangeThreshold, GateConfig, ValueThreshold, gate_model


@pytest.fixture
def verdict(tmp_path):
    noisy = np.random.default_rng(0).permutation(hits(0.5))
    return gate_model(
        challenger=write_evaluation(tmp_path / "challenger", noisy),
        champion=write_evaluation(tmp_path / "champion", hits(0.5), model="b" * 64),
        champion_version="vitrail/1",
        config=GateConfig(
            values=(ValueThreshold(metric="task/accuracy", limit=0.4),),
            changes=(ChangeThreshold(metric="task/accuracy", margin=0.02),),
        ),
    )


def test_what_the_split_tells_stands_beside_the_difference(verdict):
    value, change = (" ".join(line.split()) for line in write_lines(verdict))
    assert value.startswith("pass task/accuracy (value) 0.500 [0.4")
    assert "tells" not in value
    assert change.startswith("inconclusive task/accuracy (against the champion) +0.000 [-0.0")
    told = f"tells {verdict.checks[1].smallest_difference:.3f} limit ≥ -0.020"
    assert change.endswith(told)
    assert f"tells {verdict.checks[1].smallest_difference:.3f} |" in write_markdown(verdict)
    assert "has no threshold" in write_markdown(verdict)
