"""What the looks at the features of a pretraining say, in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Finding", "find_harm", "read_looks"]

Look = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What went wrong, in a few words and in a sentence."""

    name: str
    sentence: str


def read_looks(lines: Iterable[Mapping[str, Any]]) -> list[Look]:
    """The looks among the lines of a log, by step, each with its `step`."""
    return [{"step": line["step"], **line["probe"]} for line in lines if "probe" in line]


def find_harm(looks: Sequence[Look]) -> list[Finding]:
    """Whether a pretraining ended with neighbours worse, or an effective rank of less than half, than it began with.

    Nothing when it was not looked at before its first step.
    """
    if len(looks) < 2 or looks[0]["step"] != 0:
        return []
    first, last = looks[0], looks[-1]
    origin = "untrained" if first.get("is_untrained", True) else "the weights it started from"
    found = [
        Finding(
            name=f"worse than {origin}",
            sentence=f"Pretraining made the features worse than {origin} for {name}: nearest neighbours agree in "
            f"{before:.1%} before the first step and in {last['nearest'][name]:.1%} after step {last['step']:,}.",
        )
        for name, before in first["nearest"].items()
        if last["nearest"].get(name, before) < before
    ]
    if last["effective_rank"] < first["effective_rank"] / 2:
        sentence = (
            f"The features collapsed: their effective rank fell from {first['effective_rank']:.1f} before the first "
            f"step to {last['effective_rank']:.1f} after step {last['step']:,}, which is less than half."
        )
        found.append(Finding(name="collapsed", sentence=sentence))
    return found
