"""Promotion as a truth table: what the champion is now, what the version was judged against, who died where."""

import itertools
import signal
import subprocess
import sys

import pytest

from builders.registered_versions import register_bare, write_proofs
from vitrail.contracts.codec import save
from vitrail.errors import RegistryError
from vitrail.registry import CHAMPION, RegistryConfig, find_champion, promote_model
from vitrail.registry.client import connect
from vitrail.registry.promotion_log import MOVED, WITHDRAWN, Bid, PromotionLog, find_winners


@pytest.fixture
def config(named) -> RegistryConfig:
    return named


@pytest.fixture
def promote(config, tmp_path):
    """Promotes a version that was judged against another."""

    def promote(version, champion):
        proofs = write_proofs(tmp_path / version.version, version, champion)
        return promote_model(version, verdict=proofs, serving=proofs, config=config)

    return promote


def move_by_hand(config, version):
    with connect(config) as client:
        if version is None:
            client.delete_registered_model_alias(config.name, CHAMPION)
        else:
            client.set_registered_model_alias(config.name, CHAMPION, version.version)


def winners_of(config):
    with connect(config) as client:
        return [(bid.promotes, bid.outcome) for bid in PromotionLog(client, config).winners()]


def test_the_first_champion(config, promote):
    first = register_bare(config)
    release = promote(first, None)
    assert (release.version, release.previous) == (first, None)
    assert find_champion(config) == first


def test_champion_unchanged_since_the_verdict(config, promote):
    first, second = register_bare(config), register_bare(config)
    promote(first, None)
    assert promote(second, first).previous == first.reference
    assert find_champion(config) == second


@pytest.mark.parametrize("judged_against", ["none", "first"])
def test_champion_changed_since_the_verdict(config, promote, judged_against):
    first, second, late = (register_bare(config) for _ in range(3))
    promote(first, None)
    promote(second, first)
    with pytest.raises(RegistryError, match=rf"the champion is now {second.reference}; evaluate and gate it against"):
        promote(late, {"none": None, "first": first}[judged_against])
    assert find_champion(config) == second
    assert promote(late, second).previous == second.reference


def test_no_champion_where_the_verdict_had_one(config, promote):
    first, second = register_bare(config), register_bare(config)
    with pytest.raises(RegistryError, match="the champion is now none"):
        promote(second, first)
    assert find_champion(config) is None


def test_the_same_version_again_changes_nothing(config, promote):
    first, second = register_bare(config), register_bare(config)
    promote(first, None)
    release = promote(second, first)
    assert promote(second, first) == release
    assert winners_of(config) == [(first.version, MOVED), (second.version, MOVED)]


def test_a_rollback_by_hand_is_what_later_versions_are_compared_with(config, promote):
    first, second, third = (register_bare(config) for _ in range(3))
    promote(first, None)
    promote(second, first)
    move_by_hand(config, first)
    with pytest.raises(RegistryError, match=f"the champion is now {first.reference}"):
        promote(third, second)
    assert find_champion(config) == first
    assert promote(third, first).previous == first.reference
    assert find_champion(config) == third


def test_an_alias_taken_away_by_hand_is_no_champion(config, promote):
    first, second = register_bare(config), register_bare(config)
    promote(first, None)
    move_by_hand(config, None)
    assert promote(second, None).previous is None
    assert find_champion(config) == second


def test_a_move_by_hand_after_the_bid_stays(config, promote, monkeypatch):
    """Somebody moves the alias in the moment between a bid that wins and its move."""
    first, second, other = (register_bare(config) for _ in range(3))
    promote(first, None)
    append = PromotionLog.append

    def append_and_interfere(log, **bid):
        append(log, **bid)
        move_by_hand(config, other)

    monkeypatch.setattr(PromotionLog, "append", append_and_interfere)
    with pytest.raises(RegistryError, match=f"the champion is now {other.reference}"):
        promote(second, first)
    assert find_champion(config) == other
    assert winners_of(config)[-1] == (second.version, WITHDRAWN)


def test_a_move_that_was_overtaken_goes_forward(config, promote, monkeypatch):
    """A promoter sleeps before it moves the alias; meanwhile others settle its bid and promote the next version."""
    from mlflow.tracking import MlflowClient

    first, second, third = (register_bare(config) for _ in range(3))
    promote(first, None)
    move = MlflowClient.set_registered_model_alias

    def sleep_before(client, *arguments):
        monkeypatch.setattr(MlflowClient, "set_registered_model_alias", move)
        promote(third, second_released())
        move(client, *arguments)

    def second_released():
        with pytest.raises(RegistryError):
            promote(third, first)  # settles the bid of the second
        return second

    monkeypatch.setattr(MlflowClient, "set_registered_model_alias", sleep_before)
    assert promote(second, first).previous == first.reference
    assert find_champion(config) == third


class Killed(BaseException):
    """As if the process ended here."""


CALLS = (
    "search_model_versions",
    "get_model_version_by_alias",
    "get_model_version",
    "create_registered_model",
    "create_model_version",
    "set_model_version_tag",
    "set_registered_model_alias",
)


def kill_after(monkeypatch, number):
    """Ends the process after its call of that number; returns the names of the calls that were made."""
    from mlflow.tracking import MlflowClient

    made = []

    def wrap(name, call):
        def counted(*arguments, **options):
            made.append(name)
            is_last = len(made) == number
            try:
                return call(*arguments, **options)
            finally:
                if is_last:
                    raise Killed

        return counted

    for name in CALLS:
        monkeypatch.setattr(MlflowClient, name, wrap(name, getattr(MlflowClient, name)))
    return made


def test_a_promoter_killed_after_any_call_blocks_nobody(config, promote, monkeypatch):
    """Its version has won from its bid on; then it is the champion of whoever comes next, and never half of it."""
    champion = register_bare(config)
    promote(champion, None)
    for number in itertools.count(1):
        killed, other = register_bare(config), register_bare(config)
        with monkeypatch.context() as patch:
            made = kill_after(patch, number)
            try:
                promote(killed, champion)
            except Killed:
                pass
            else:
                assert made[-1] == "search_model_versions"
                break
        winner, loser = (killed, other) if "create_model_version" in made else (other, killed)
        for version in (other, killed):  # the next promoter, and then the killed one's second try
            if version == winner:
                assert promote(version, champion).previous == champion.reference
            else:
                with pytest.raises(RegistryError, match=f"the champion is now {winner.reference}"):
                    promote(loser, champion)
        assert find_champion(config) == winner
        champion = winner
    assert number > len(CALLS)


PROMOTE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from mlflow.tracking import MlflowClient
from vitrail.contracts.codec import load
from vitrail.contracts.registry import ModelVersion
from vitrail.registry import RegistryConfig, promote_model

MlflowClient.set_registered_model_alias = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
folder = Path(sys.argv[1])
config = load(RegistryConfig, folder / "config.json")
promote_model(load(ModelVersion, folder / "version.json"), verdict=folder, serving=folder, config=config)
"""


def test_a_process_killed_before_the_alias_moves_leaves_its_bid_to_the_next(config, promote, tmp_path):
    first, second = register_bare(config), register_bare(config)
    write_proofs(tmp_path, first, None)
    save(tmp_path / "version.json", first)
    save(tmp_path / "config.json", config)
    done = subprocess.run([sys.executable, "-c", PROMOTE_AND_DIE, tmp_path], check=False)
    assert done.returncode == -signal.SIGKILL
    assert find_champion(config) is None
    with pytest.raises(RegistryError, match=f"the champion is now {first.reference}"):
        promote(second, None)
    assert promote(first, None).previous is None
    assert promote(second, first).previous == first.reference


def test_a_due_winner_whose_version_was_deleted_blocks_nobody(config, promote, monkeypatch):
    first, second = register_bare(config), register_bare(config)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("mlflow.tracking.MlflowClient.set_registered_model_alias", die)
        promote(first, None)
    with connect(config) as client:
        client.delete_model_version(config.name, first.version)
    assert promote(second, None).previous is None
    assert find_champion(config) == second
    assert winners_of(config) == [(first.version, WITHDRAWN), (second.version, MOVED)]


def die(*_):
    raise Killed


def bid(number, after):
    return Bid(number=number, after=after, promotes=str(number), expects="", token="t", made_at="")


@pytest.mark.parametrize(
    ("afters", "expected"),
    [
        ([], []),
        ([0], [1]),
        ([0, 0, 0], [1]),
        ([0, 1, 1, 0], [1, 2]),
        ([0, 0, 1, 1, 3], [1, 3, 5]),
        ([7, 0], [2]),
    ],
)
def test_a_bid_wins_when_nobody_has_won_since_its_maker_looked(afters, expected):
    bids = [bid(number, after) for number, after in enumerate(afters, start=1)]
    assert [winner.number for winner in find_winners(reversed(bids))] == expected
