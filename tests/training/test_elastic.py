"""The start of a group asks `torch.distributed.run` for nothing that its torch or its machine does not have."""

import argparse
import os

import pytest
import torch
from torch.distributed import run

from vitrail.training import LaunchConfig, elastic
from vitrail.training.local_launch import elastic_arguments

ARGUMENTS = [*elastic_arguments(LaunchConfig(num_processes=2)), "-m", "vitrail.training.worker", "job.json"]


@pytest.fixture
def started(monkeypatch):
    calls = []
    monkeypatch.setattr(run, "main", calls.append)
    set_machine(monkeypatch, cores=8)
    return calls


def set_machine(monkeypatch, *, cores, gpus=0):
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)


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


@pytest.mark.parametrize(
    ("machine", "wanted", "processes", "threads"),
    [
        ({"cores": 8}, 4, "4", "2"),
        ({"cores": 2}, 2, "2", "1"),
        ({"cores": 1}, 2, "1", "8"),  # one process takes what it is given
        ({"cores": 3}, 4, "2", "1"),
        ({"cores": 16, "gpus": 1}, 2, "1", "8"),
        ({"cores": 96, "gpus": 8}, 8, "8", "12"),
        ({"cores": 96, "gpus": 3}, 8, "2", "48"),
    ],
)
def test_processes_share_the_devices_and_cores_of_their_machine(
    started, monkeypatch, machine, wanted, processes, threads
):
    set_machine(monkeypatch, **machine)
    elastic.main([*elastic_arguments(LaunchConfig(num_processes=wanted)), "-m", "vitrail.training.worker", "job.json"])
    assert run.get_args_parser().parse_args(started[0]).nproc_per_node == processes
    assert os.environ["OMP_NUM_THREADS"] == threads
