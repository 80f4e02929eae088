"""One step of a run by hand: `python -m components STEP`.

The first step begins a run and says its id. Inputs are what the earlier steps of the same run made, so the steps are
called one after the other.
"""

import argparse
import json
import sys
from pathlib import Path

from vitrail.contracts.codec import encode, load
from vitrail.contracts.runs import RECIPE_FILE, ArtifactManifest
from vitrail.errors import ConfigError, VitrailError
from vitrail.recipes import Recipe, find_recipe, recipe_for
from vitrail.steps import STEPS, Workspace, last_run_by_hand, new_run_id, run_step

__all__ = ["main"]

_PRODUCERS = {step.makes: step.name for step in STEPS.values()}


def _input(workspace: Workspace, name: str) -> ArtifactManifest:
    producer = _PRODUCERS[name]
    record = next((record for record in workspace.records() if record.step == producer), None)
    if record is None or record.artifact is None or record.digest is None:
        raise ConfigError(f"run {workspace.run_id} has no {name} yet: run the step {producer} first")
    return ArtifactManifest(
        step=producer,
        artifact=record.artifact,
        digest=record.digest,
        value=record.value,
        lineage=record.lineage,
    )


def _workspace(root: Path, step: str, run_id: str | None) -> Workspace:
    """The run that a step belongs to: the one that is named, a new one, or the last that was begun by hand."""
    if run_id is None:
        is_first = step == next(iter(STEPS))
        return Workspace(root, new_run_id(is_by_hand=True) if is_first else last_run_by_hand(root))
    workspace = Workspace(root, run_id)
    if not workspace.run_folder.is_dir():
        raise ConfigError(f"run={run_id!r}: {root} has no such run; leave --run out for the last one begun by hand")
    return workspace


def _recipe(workspace: Workspace, chosen: str | None, corpus: str) -> Recipe:
    saved = workspace.run_folder / RECIPE_FILE
    if chosen is None and saved.exists():
        return load(Recipe, saved)
    return find_recipe(chosen or recipe_for(corpus))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vitrail step", description=__doc__)
    parser.add_argument("step", choices=list(STEPS))
    parser.add_argument(
        "--run", help="id of a run; default: a new run for the first step, the last one by hand for the others"
    )
    parser.add_argument("--workspace", type=Path, default=Path("runs"), help="folder for runs and artifacts")
    parser.add_argument("--recipe", help="default: the run's; of a new run the corpus's, or folder")
    parser.add_argument(
        "--corpus", dest="source", default="emoji", help="checkout_corpus: a corpus's name, or a folder"
    )
    parser.add_argument("--repository", default=".", help="checkout_corpus: the repository that holds data.dvc")
    parser.add_argument("--revision", default="", help="checkout_corpus: git revision of data.dvc")
    return parser


def main(argv: list[str] | None = None) -> None:
    """Runs the step and prints its manifest as JSON."""
    options = _parser().parse_args(argv)
    try:
        step = STEPS[options.step]
        workspace = _workspace(options.workspace.resolve(), options.step, options.run)
        sys.stderr.write(f"run {workspace.run_id}\n")
        for name in step.awaits:
            _input(workspace, name)
        manifest = run_step(
            step,
            workspace=workspace,
            recipe=_recipe(workspace, options.recipe, options.source),
            inputs={name: _input(workspace, name) for name in step.inputs},
            arguments={name: getattr(options, name) for name in step.arguments},
        )
    except (VitrailError, OSError) as error:
        sys.exit(f"vitrail step {options.step}: {error}")
    sys.stdout.write(json.dumps(encode(manifest), indent=2) + "\n")


if __name__ == "__main__":
    main()
