"""Moving the champion's alias: one winner at a time, and only after proof."""

import datetime
import logging
import random
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from vitrail.contracts.codec import read
from vitrail.contracts.registry import ModelVersion, Release
from vitrail.contracts.serving import ServingReport
from vitrail.contracts.verdict import Verdict
from vitrail.errors import RegistryError
from vitrail.registry.client import connect
from vitrail.registry.config import RegistryConfig
from vitrail.registry.promotion_log import MOVED, WITHDRAWN, Bid, PromotionLog
from vitrail.registry.versions import CHAMPION, read_alias

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

__all__ = ["promote_model"]

T = TypeVar("T")

logger = logging.getLogger(__name__)

_PREVIOUS = "previous_champion"
_PROMOTED_AT = "promoted_at"
# A locked database, a version number or an alias that another client wrote first, a server that restarts.
_BUSY = ("TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR", "BAD_REQUEST")
_GONE = "RESOURCE_DOES_NOT_EXIST"
_PAUSE_S = 0.2


def promote_model(version: ModelVersion, *, verdict: Path, serving: Path, config: RegistryConfig) -> Release:
    """Makes a version the champion; model and index move together, because both are its artifacts.

    A compare-and-set in the registry (`promotion_log`): of all versions that were judged against one champion exactly
    one takes its place, wherever their promoters run. Promoting the champion again changes nothing, and an alias that
    somebody moved by hand is what later versions are compared with.

    Args:
        version: A registered version.
        verdict: Folder of the verdict on the same model; it must be blessed, against the champion of this moment.
        serving: Folder of the proof of an endpoint made of the same model and index; it must have passed.
        config: The registry.

    Raises:
        RegistryError: There is no proof for this version, another version became the champion since the verdict, or
            the registry cannot be written. The alias was not moved to this version.
        GateError, ServingError: A proof is missing or unreadable.
    """
    judged = read(Verdict, verdict)
    _check_proof(version, judged, read(ServingReport, serving))
    with connect(config) as client:
        promotion = _Promotion(client, config, version, judged)
        return _patiently(promotion.run, config.lock_timeout_s)


def _check_proof(version: ModelVersion, verdict: Verdict, serving: ServingReport) -> None:
    if not verdict.is_blessed:
        raise RegistryError(f"{version.reference} is not blessed ({verdict.status}): {'; '.join(verdict.reasons)}")
    if verdict.challenger_id != version.model_id:
        raise RegistryError(f"the verdict is about model {verdict.challenger_id[:12]}, not about {version.reference}")
    if not serving.is_passed:
        failed = "; ".join(f"{check.name}: {check.detail}" for check in serving.checks if not check.is_passed)
        raise RegistryError(f"the endpoint of {version.reference} is not proven: {failed or 'nothing was checked'}")
    if (serving.model_id, serving.index_digest) != (version.model_id, version.index_digest):
        parts = f"model {serving.model_id[:12]} and index {serving.index_digest[:12]}"
        raise RegistryError(
            f"the serving report is about {parts}, not {version.reference}; prove this version's endpoint"
        )


def _patiently(attempt: Callable[[], T], timeout_s: float) -> T:
    """Tries again while others write to the registry."""
    from mlflow.exceptions import MlflowException

    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return attempt()
        except MlflowException as error:
            if error.error_code not in _BUSY or time.monotonic() > deadline:
                raise
        time.sleep(random.uniform(0, _PAUSE_S))  # noqa: S311 - apart from the others


class _Promotion:
    """One promoter. `run` may be broken off anywhere and called again, here or by another process."""

    def __init__(self, client: "MlflowClient", config: RegistryConfig, version: ModelVersion, verdict: Verdict) -> None:
        self._client = client
        self._config = config
        self._version = version
        self._verdict = verdict
        self._log = PromotionLog(client, config)
        self._token = secrets.token_hex(16)

    def run(self) -> Release:
        """Bids until a bid of this promoter, or of another, has won."""
        while True:
            winners = self._settled_winners()
            own = next((bid for bid in winners if bid.token == self._token and bid.outcome == MOVED), None)
            if own:
                return Release(version=self._version, previous=self._reference(own.expects), promoted_at=own.made_at)
            champion = self._champion()
            if champion == self._version.version:
                tags = self._client.get_model_version(self._config.name, champion).tags
                previous, promoted_at = tags.get(_PREVIOUS) or None, tags.get(_PROMOTED_AT, "")
                return Release(version=self._version, previous=previous, promoted_at=promoted_at)
            self._check_judged_against(champion)
            self._log.append(
                promotes=self._version.version,
                expects=champion,
                after=winners[-1].number if winners else 0,
                token=self._token,
                made_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            )

    def _settled_winners(self) -> list[Bid]:
        while (winners := self._log.winners()) and winners[-1].is_due:
            self._settle(winners[-1])
        return winners

    def _settle(self, winner: Bid) -> None:
        """Moves the alias to a winner, unless it has moved or its version is gone; several may do this at once."""
        champion = self._champion()
        if champion == winner.expects and self._is_registered(winner.promotes):
            self._move_alias(winner)
            outcome = MOVED
        else:
            outcome = MOVED if champion == winner.promotes else WITHDRAWN
        self._log.settle(winner, outcome)

    def _is_registered(self, version: str) -> bool:
        """Whether nobody has deleted the version; a due winner without one would stop every later promoter."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.get_model_version(self._config.name, version)
        except MlflowException as error:
            if error.error_code != _GONE:
                raise
            return False
        return True

    def _move_alias(self, winner: Bid) -> None:
        name, previous = self._config.name, self._reference(winner.expects)
        self._client.set_model_version_tag(name, winner.promotes, _PREVIOUS, previous or "")
        self._client.set_model_version_tag(name, winner.promotes, _PROMOTED_AT, winner.made_at)
        self._client.set_registered_model_alias(name, CHAMPION, winner.promotes)
        logger.info("champion is %s, before it %s", self._reference(winner.promotes), previous or "there was none")
        # Another process may have settled this winner and the next while this one slept: then the alias goes forward.
        last = self._log.winners()[-1]
        if last.number != winner.number and last.outcome != WITHDRAWN:
            self._move_alias(last)

    def _check_judged_against(self, champion: str) -> None:
        if self._reference(champion) != self._verdict.champion_version:
            raise RegistryError(
                f"{self._version.reference} was compared with {self._verdict.champion_version or 'no champion'}, but "
                f"the champion is now {self._reference(champion) or 'none'}; evaluate and gate it against that one"
            )

    def _champion(self) -> str:
        """The number of the champion's version; empty when there is none."""
        champion = read_alias(self._client, self._config, CHAMPION)
        return champion.version if champion else ""

    def _reference(self, version: str) -> str | None:
        return f"{self._config.name}/{version}" if version else None
