"""The start of a group asks `torch.distributed.run` for nothing that its torch does not know."""

import argparse

import pytest
from torch.distributed import run

from vitrail.training import LaunchConfig, elastic
from vitrail.training.local_launch import elastic_arguments

ARGUMENTS = [*elastic_arguments(LaunchConfig(num_processes=2)), "-m", "vitrail.training.worker", "job.json"]


@pytest.fixture
def started(monkeypatch):
    calls = []
    monkeypatch.setattr(run, "main", calls.append)
    return calls


def parser_with(*options):
    parser = argparse.ArgumentParser()
    for option in options:
        parser.add_argument(option)
    return lambda: parser


def test_every_option_is_known_to_the_installed_torch(started):
    elastic.main(ARGUMENTS)
    options = run.get_args_parser().parse_args(started[0])
    assert (options.nproc_per_node, options.training_script) == ("2", "vitrail.training.worker")
    assert options.training_script_args == ["job.json"]


@pytest.mark.parametrize("is_offered", [True, False])
def test_workers_get_their_grace_where_torch_offers_it(started, monkeypatch, is_offered):
    monkeypatch.setattr(run, "get_args_parser", parser_with(*[elastic.SHUTDOWN_TIMEOUT] * is_offered))
    elastic.main(ARGUMENTS)
    others = [argument for argument in ARGUMENTS if not argument.startswith("--shutdown-timeout")]
    assert started == [ARGUMENTS if is_offered else others]
    assert len(others) == len(ARGUMENTS) - 1
