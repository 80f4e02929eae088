"""The promotion log of a registered model: who may move its alias `champion`, decided by the registry itself.

MLflow has no compare-and-set. But it numbers the versions of a registered model without gaps, in one order that all its
clients see, whatever database is behind it (a row's primary key is name and number). So the log is a registered model
`<name>-promotions`, and its versions are bids. A bid states the last winner that it had seen, and wins when no other
bid has won since: of all who judged against one champion the first wins, and nobody holds a lock that could be left.

A winner is due until its alias has moved and it is marked. Whoever finds a due winner settles it first, so one that was
killed blocks nobody.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vitrail.registry.client import ensure_model
from vitrail.registry.config import RegistryConfig

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

__all__ = ["MOVED", "WITHDRAWN", "Bid", "PromotionLog", "find_winners"]

MOVED = "moved"  # the alias points, or pointed, at what the bid promotes
WITHDRAWN = "withdrawn"  # somebody moved the alias or deleted the version by hand in the meantime; that stays


@dataclass(frozen=True, kw_only=True)
class Bid:
    """One attempt to make a version the champion."""

    number: int  # place in the log, from 1
    promotes: str  # number of the version
    expects: str  # number of the champion that it was judged against; empty: none
    after: int  # number of the last winner it had seen; 0: none
    token: str  # of the promoter, who may have made several bids
    made_at: str  # ISO 8601, UTC
    outcome: str = ""  # MOVED or WITHDRAWN; empty: due, when it is a winner

    @property
    def is_due(self) -> bool:
        """Whether a winner's alias may still have to move."""
        return not self.outcome


def find_winners(bids: Iterable[Bid]) -> list[Bid]:
    """The bids that won, in their order: each had seen the winner before it."""
    winners: list[Bid] = []
    for bid in sorted(bids, key=lambda bid: bid.number):
        if bid.after == (winners[-1].number if winners else 0):
            winners.append(bid)
    return winners


class PromotionLog:
    """The log of one registered model."""

    def __init__(self, client: "MlflowClient", config: RegistryConfig) -> None:
        self._client = client
        self._model = config.name
        self._name = config.promotions

    def winners(self) -> list[Bid]:
        """All bids that won so far, in their order."""
        bids, page = [], None
        while True:
            found = self._client.search_model_versions(f"name = '{self._name}'", page_token=page)
            bids += [_read(entry) for entry in found]
            page = found.token
            if not page:
                return find_winners(bids)

    def append(self, *, promotes: str, expects: str, after: int, token: str, made_at: str) -> None:
        """Makes a bid. Whether it wins is seen in `winners`."""
        ensure_model(self._client, self._name)
        tags = {"promotes": promotes, "expects": expects, "after": str(after), "token": token, "made_at": made_at}
        self._client.create_model_version(self._name, source=f"models:/{self._model}/{promotes}", tags=tags)

    def settle(self, bid: Bid, outcome: str) -> None:
        """Marks a winner whose alias need not move any more."""
        self._client.set_model_version_tag(self._name, str(bid.number), "outcome", outcome)


def _read(entry: Any) -> Bid:
    tags: dict[str, str] = entry.tags
    return Bid(
        number=int(entry.version),
        promotes=tags["promotes"],
        expects=tags["expects"],
        after=int(tags["after"]),
        token=tags["token"],
        made_at=tags["made_at"],
        outcome=tags.get("outcome", ""),
    )
