"""The page of a study in Markdown; result and plots lie in a folder of its name beside it.

<page>.md
<page>/study.json, gains.svg, sizes.svg
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from vitrail.contracts.codec import write
from vitrail.contracts.files import atomic_file
from vitrail.contracts.study import ArmResult, Interval, StudyReport
from vitrail.study.plots import plot_gains, plot_sizes

__all__ = ["write_page"]

_GAINS, _SIZES = "gains.svg", "sizes.svg"


def write_page(report: StudyReport, page: Path) -> None:
    """Writes the result, its plots and the page, in this order; each file appears whole."""
    folder = page.with_suffix("")
    write(folder, report)
    plots = {_GAINS: plot_gains(report), _SIZES: plot_sizes(report)}
    shown = {name: svg for name, svg in plots.items() if svg}
    for name, svg in shown.items():
        _write(folder / name, svg)
    links = {name: f"{folder.name}/{name}" for name in shown}
    sections = [
        _introduction(report),
        f"## Arms\n\n{_arms(report)}",
        *([f"![Gains over no pretraining]({links[_GAINS]})"] if _GAINS in links else []),
        f"## Arm against arm\n\n{_comparisons(report)}",
        f"## Error by the size of pretraining\n\n{_fits(report)}",
        *([f"![Error by size]({links[_SIZES]})"] if _SIZES in links else []),
        f"## Rates\n\n{_rates(report)}",
    ]
    if report.unfinished:
        sections.append("## Unfinished\n\n" + "\n".join(f"- {line}" for line in report.unfinished))
    _write(page, "\n\n".join(sections) + "\n")


def _introduction(report: StudyReport) -> str:
    smallest = report.smallest_difference
    told = "" if smallest is None else f": relative differences below {100 * smallest:.0f}% cannot be told from none"
    return f"""# A study of weak labels

Written by `vitrail study`; do not edit. `{report.metric}` on the test split of `{report.target}`:
{report.num_queries:,} queries of {report.num_concepts:,} concepts, none of them in the split that is trained on;
another corpus that is pretrained on can draw the same things. Intervals are 95% bootstraps over concepts, which are
drawn whole, with seeds averaged; comparisons are paired query by query{told}.

Learning rates were chosen on the validation split at seed 0, from one grid for every arm, and kept for the other
seeds. The test split was read once for each model of the chosen rates, after all trainings.

- `none`: the same fine-tuning from an untrained trunk. `longer`: fine-tuning from an untrained trunk that goes
  through as many images as both trainings of a pretrained arm.
- `LABELS@CORPUS`: pretrained on the labels of that recipe on that corpus, then fine-tuned.
- All labels, by the recipes of other papers too, are trained on with one head, one loss and one weighting of targets,
  those of our recipe (by default a cosine softmax, targets by idf): label sets are compared, not whole methods.
- A share is the part of the target's concepts that keep their labels in fine-tuning; smaller shares are nested in
  larger ones."""


def _arms(report: StudyReport) -> str:
    header = ("Arm", "Backbone", "Share", "Images", "Labels", "Steps", "Value", "Over `none`", "Over `longer`", "Seeds")
    rows = (
        (
            arm.way,
            arm.backbone,
            f"{100 * arm.share:g}%",
            f"{arm.num_images:,}" if arm.num_images else "",
            f"{arm.num_labels:,}" if arm.num_labels else "",
            f"{arm.num_steps:,}",
            _value(arm.mean),
            _gain_of(report, "finetuning", arm),
            _gain_of(report, "compute", arm),
            ", ".join(f"{value:.3f}" for value in arm.by_seed),
        )
        for arm in report.arms
    )
    return table(header, rows)


def _gain_of(report: StudyReport, kind: str, arm: ArmResult) -> str:
    found = report.comparison(kind, arm.name)
    return gain(found.gain) if found else ""


def _comparisons(report: StudyReport) -> str:
    rows = [
        (found.arm, found.base, gain(found.gain), str(found.num_seeds))
        for found in report.comparisons
        if found.kind in ("labels", "backbone")
    ]
    if not rows:
        return "The study has one label recipe on each corpus, and one backbone."
    return table(("Arm", "Against", "Gain", "Seeds"), rows)


def _fits(report: StudyReport) -> str:
    if not report.fits:
        return "It takes corpora of two sizes to fit a line, and the study has one of each label recipe."
    rows = (
        (
            fit.labels,
            fit.backbone,
            f"{100 * fit.share:g}%",
            f"{fit.factor:.3g} x images^{fit.exponent:.3f}",
            str(len(fit.points)),
            f"{100 * fit.largest_residual:.1f}%" if len(fit.points) > 2 else "two points lie on any line",
        )
        for fit in report.fits
    )
    return table(("Labels", "Backbone", "Share", "Error", "Corpora", "Largest residual"), rows)


def _rates(report: StudyReport) -> str:
    rows = (
        (
            arm.name,
            "" if found.pretrain_rate is None else f"{found.pretrain_rate:g}",
            f"{found.finetune_rate:g}",
            f"{found.value:.4f}",
            "chosen" if found.is_chosen else "",
        )
        for arm in report.arms
        for found in arm.candidates
    )
    return table(("Arm", "Pretraining", "Fine-tuning", "Value on val", ""), rows)


def gain(found: Interval) -> str:
    """A relative gain with its interval."""
    return f"{100 * found.value:+.1f}% [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"


def _value(found: Interval) -> str:
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _write(path: Path, text: str) -> None:
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8")
