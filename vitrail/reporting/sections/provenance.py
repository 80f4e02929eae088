"""Where everything came from, how long it took, and on what it ran."""

import importlib.metadata
import json
import os
import platform
from typing import Any

from vitrail.reporting.charts import Series, bar_chart
from vitrail.reporting.run import Run

__all__ = ["environment", "lineage", "timing"]

_MEANINGS = {
    "run_id": "this run",
    "git_revision": "code",
    "corpus_digest": "images, texts and task labels",
    "dvc_digest": "data version",
    "labels_digest": "weak labels",
    "validation_id": "validation of the data",
    "features_digest": "feature snapshot",
    "backbone_id": "pretrained backbone",
    "model_id": "fine-tuned model",
    "index_digest": "nearest-neighbour index",
    "model_version": "version in the registry",
    "bento": "package of the endpoint",
}
_PACKAGES = (
    *("torch", "timm", "numpy", "pyarrow", "usearch", "daft"),
    *("great_expectations", "feast", "mlflow", "bentoml", "kfp"),
)


def lineage(run: Run) -> dict[str, Any]:
    """Every identifier, with the ones that this run did not reach."""
    rows = [{"name": name, "meaning": meaning, "value": run.lineage.get(name)} for name, meaning in _MEANINGS.items()]
    others = sorted(set(run.lineage) - set(_MEANINGS))
    return {"rows": rows + [{"name": name, "meaning": "", "value": run.lineage[name]} for name in others]}


def timing(run: Run) -> dict[str, Any]:
    """Status and seconds of each step."""
    done = [entry for entry in run.steps if entry.seconds > 0]
    total = sum(entry.seconds for entry in done)
    chart = bar_chart(
        "Seconds per step",
        f"{total:,.0f} seconds in all; steps that reused an earlier artifact take almost none.",
        [
            Series(
                name="seconds",
                x=[round(entry.seconds, 1) for entry in done],
                y=[entry.step for entry in done],
            )
        ],
        x_title="seconds",
    )
    rows = [
        {
            "step": entry.step,
            "status": "reused" if entry.is_reused and entry.status == "succeeded" else entry.status,
            "started_at": entry.started_at.replace("T", " ")[:19],
            "seconds": f"{entry.seconds:,.1f}" if entry.status != "missing" else "–",
        }
        for entry in run.steps
    ]
    return {"chart": chart if done else None, "rows": rows, "total": f"{total:,.0f}"}


def environment(run: Run) -> dict[str, Any]:
    """Machine and packages where the report was written, and the resolved recipe."""
    return {
        "facts": [
            ("Python", platform.python_version()),
            ("System", f"{platform.system()} {platform.release()} {platform.machine()}"),
            ("Processors", str(os.cpu_count())),
        ],
        "packages": [(name, version) for name in _PACKAGES if (version := _version(name))],
        "recipe": json.dumps(run.recipe, indent=2, ensure_ascii=False) if run.recipe else "",
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
