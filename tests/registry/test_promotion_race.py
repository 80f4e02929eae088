"""Promoters at the same time, each a process with a workspace of its own: exactly one wins, in any kind of registry.

`make test-registry` has 50 trials a registry, with PostgreSQL too; the other test suite has a few, without it.
"""

import contextlib
import importlib.util
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from builders import REPOSITORY
from builders.promoter import order, promote
from builders.registered_versions import register_bare, write_proofs
from builders.registries import find_postgresql, mlflow_server, postgresql
from vitrail.registry import RegistryConfig, find_champion

has_postgresql = find_postgresql() is not None and importlib.util.find_spec("psycopg2") is not None
needs_postgresql = pytest.mark.skipif(
    not has_postgresql, reason="PostgreSQL's programs or psycopg2 are absent: apt-get install postgresql"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with mlflow_server(f"sqlite:///{folder}/mlflow.db", folder) as uri:
        yield uri


@contextlib.contextmanager
def processes(uri, folder, num):
    """Promoters in processes and workspaces of their own; yields what sends a line to each and gives the answers."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY / "tests"), str(REPOSITORY)])}
    promoters = []
    for index in range(num):
        workspace = folder / f"workspace-{index}"
        workspace.mkdir()
        with (workspace / "promoter.log").open("w") as log:
            promoters.append(
                subprocess.Popen(
                    [sys.executable, "-m", "builders.promoter", uri],
                    cwd=workspace,
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
            )

    def send(lines):
        for promoter, line in zip(promoters, lines, strict=True):
            promoter.stdin.write(line)
            promoter.stdin.flush()
        return [promoter.stdout.readline().strip() for promoter in promoters]

    try:
        for promoter in promoters:
            assert promoter.stdout.readline() == "ready\n"
        yield send
    finally:
        for promoter in promoters:
            promoter.stdin.close()
            promoter.wait(60)


@contextlib.contextmanager
def threads(uri, folder, num):
    """Promoters in threads, which need no imports of their own."""
    with ThreadPoolExecutor(num) as pool:
        yield lambda lines: list(pool.map(promote, lines))


def race(uri, folder, promoters, *, num_promoters, num_trials):
    """Each trial has a first champion, then a second one: all versions were judged against the same."""
    find_champion(RegistryConfig(tracking_uri=uri))  # makes the tables of a new database, which MLflow does not share
    with promoters(uri, folder, num_promoters) as send:
        for trial in range(num_trials):
            config = RegistryConfig(tracking_uri=uri, name=f"{folder.name}-{trial}")
            champion = None
            for _ in range(2):
                versions = [register_bare(config) for _ in range(num_promoters)]
                proofs = [write_proofs(folder / str(trial) / v.version, v, champion) for v in versions]
                starts_at = time.time() + 0.05
                answers = send([order(v, p, config, starts_at) for v, p in zip(versions, proofs, strict=True)])
                won = [version for version, answer in zip(versions, answers, strict=True) if answer == "won"]
                assert len(won) == 1, answers
                assert find_champion(config) == won[0]
                refusal = f"the champion is now {won[0].reference}"
                assert sum(refusal in answer for answer in answers) == num_promoters - 1, answers
                champion = won[0]


def test_one_of_three_wins_on_an_mlflow_server(server, tmp_path):
    race(server, tmp_path, threads, num_promoters=3, num_trials=3)


@pytest.mark.registry
def test_one_of_four_wins_50_times_on_an_mlflow_server(server, tmp_path):
    race(server, tmp_path, processes, num_promoters=4, num_trials=50)


@pytest.mark.registry
def test_one_of_four_wins_50_times_in_an_sqlite_file(database, tmp_path):
    race(database.tracking_uri, tmp_path, processes, num_promoters=4, num_trials=50)


@pytest.mark.registry
@needs_postgresql
def test_one_of_four_wins_50_times_on_an_mlflow_server_on_postgresql_where_that_is_installed(tmp_path):
    with postgresql(find_postgresql()) as database, mlflow_server(database, tmp_path) as uri:
        race(uri, tmp_path, processes, num_promoters=4, num_trials=50)


@pytest.mark.registry
@needs_postgresql
def test_one_of_four_wins_50_times_in_postgresql_itself_where_that_is_installed(tmp_path, monkeypatch):
    with postgresql(find_postgresql()) as database:
        user, address = database.removeprefix("postgresql+psycopg2://").split("@")
        monkeypatch.setenv("PGUSER", user)  # credentials have no place in a recipe
        race(f"postgresql+psycopg2://{address}", tmp_path, processes, num_promoters=4, num_trials=50)
