"""Compile, run locally or submit: `python -m pipelines {compile,run,submit} ...`."""

import argparse
import contextlib
import dataclasses
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import psutil

from pipelines.console import StepConsole
from pipelines.vitrail_pipeline import make_pipeline
from vitrail.config import require
from vitrail.contracts.codec import encode, read
from vitrail.contracts.runs import REPORT_FILE, RunSummary
from vitrail.errors import VitrailError
from vitrail.recipes import Recipe, find_recipe, recipe_for
from vitrail.steps import Workspace, new_run_id

__all__ = ["main"]


def compile_pipeline(recipe: Recipe, out: Path) -> None:
    """Writes the pipeline's IR, with the recipe as the default of its parameter."""
    from kfp import compiler

    out.parent.mkdir(parents=True, exist_ok=True)
    compiler.Compiler().compile(make_pipeline(recipe), str(out))


def run_locally(recipe: Recipe, arguments: dict[str, str]) -> int:
    """Runs every task as a subprocess of this interpreter's environment and returns the exit status of its own run."""
    from kfp import local

    workspace = Workspace(Path(arguments["workspace"]), new_run_id())
    workspace.begin(recipe)
    run, log_path = workspace.run_folder, workspace.run_folder / "pipeline.log"
    sys.stdout.write(f"run {run.name}, recipe {recipe.name}\n")
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(workspace.root / "kfp" / run.name))
    with (
        _stopping_in_order(),
        log_path.open("a", encoding="utf-8", buffering=1) as log,
        contextlib.redirect_stdout(StepConsole(log)),
        contextlib.redirect_stderr(log),
    ):
        try:
            make_pipeline(recipe, run.name)(recipe=json.dumps(encode(recipe)), **arguments)
        except RuntimeError as error:  # KFP names the task; why it failed is in the run's records
            log.write(f"{error}\n")
    if not (run / RunSummary.FILE).exists():
        sys.stderr.write(f"the run ended before its report; see {log_path}\n")
        return 1
    return _describe(run, log_path)


@contextlib.contextmanager
def _stopping_in_order() -> Iterator[None]:
    """SIGTERM goes on to the running task, which keeps what it has; the exit handler then writes the report."""

    def forward(number: int, frame: FrameType | None) -> None:
        for shell in psutil.Process().children():  # KFP starts each task through one
            for process in (*shell.children(), shell):
                process.terminate()

    previous = signal.signal(signal.SIGTERM, forward)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _describe(run: Path, log: Path) -> int:
    """Prints how the run ended; 0 when every step succeeded, whatever the verdict."""
    summary = read(RunSummary, run)
    model, is_failed = summary.model, summary.status != "succeeded"
    lines = {
        "failed at": f"{summary.failed_step}: {summary.error}" if is_failed else None,
        "verdict": summary.verdict,
        "model": f"{model.name}/{model.version} ({model.alias})" if model else "not registered",
        "Bento": summary.bento or "not packaged",
        "report": str(run / REPORT_FILE),
        "log": str(log) if is_failed else None,
    }
    sys.stdout.write("\n" + "".join(f"{name:<10}{value}\n" for name, value in lines.items() if value))
    return int(is_failed)


def submit(recipe: Recipe, host: str, arguments: dict[str, str]) -> str:
    """Starts a run on the Kubeflow Pipelines server at `host` and returns its id.

    Raises:
        ConfigError: Nothing says where the cluster pulls its images from.
    """
    import kfp

    require(
        bool(recipe.cluster.image_prefix),
        "cluster.image_prefix",
        recipe.cluster.image_prefix,
        "name the registry that holds the images of containers/, with --image-prefix or in a recipe's JSON file",
    )
    client = kfp.Client(host=host)
    return str(client.create_run_from_pipeline_func(make_pipeline(recipe), arguments=arguments).run_id)


def main(argv: list[str] | None = None) -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(prog="python -m pipelines", description=__doc__)
    parser.add_argument("action", choices=("compile", "run", "submit"))
    parser.add_argument(
        "--recipe", help="a recipe's name, or a JSON file with a resolved recipe; default: the corpus's, or folder"
    )
    parser.add_argument("--corpus", default="emoji", help="a corpus's name, or a folder")
    parser.add_argument("--repository", default=".", help="the repository that holds data.dvc")
    parser.add_argument("--revision", default="", help="git revision of data.dvc; empty: the working tree")
    parser.add_argument("--workspace", default="runs", help="folder for runs and artifacts")
    parser.add_argument("--engine", choices=("native", "ray"), help="of the label derivation; default: the recipe's")
    parser.add_argument("--profile-steps", type=int, help="steps of the pretraining to profile; default: the recipe's")
    parser.add_argument("--image-prefix", help="registry the cluster pulls images from, as in host:5000/team")
    parser.add_argument("--out", type=Path, default=Path("vitrail.yaml"), help="compile: where the IR goes")
    parser.add_argument("--host", help="submit: address of the Kubeflow Pipelines API")
    options = parser.parse_args(argv)
    if options.action == "submit" and not options.host:
        parser.error("submit needs --host")
    try:
        _act(options)
    except VitrailError as error:
        sys.exit(f"vitrail {options.action}: {error}")


def _choose_recipe(options: argparse.Namespace) -> Recipe:
    recipe = find_recipe(options.recipe or recipe_for(options.corpus))
    if options.engine:
        recipe = dataclasses.replace(recipe, labels=dataclasses.replace(recipe.labels, engine=options.engine))
    if options.profile_steps is not None:
        pretrain = dataclasses.replace(recipe.pretrain, profile_steps=options.profile_steps)
        recipe = dataclasses.replace(recipe, pretrain=pretrain)
    if options.image_prefix:
        cluster = dataclasses.replace(recipe.cluster, image_prefix=options.image_prefix)
        recipe = dataclasses.replace(recipe, cluster=cluster)
    return recipe


def _act(options: argparse.Namespace) -> None:
    recipe = _choose_recipe(options)
    arguments = {"corpus": options.corpus, "repository": options.repository, "revision": options.revision}
    if options.action == "compile":
        compile_pipeline(recipe, options.out)
    elif options.action == "run":
        sys.exit(run_locally(recipe, arguments | {"workspace": str(Path(options.workspace).resolve())}))
    else:
        sys.stdout.write(submit(recipe, options.host, arguments) + "\n")


if __name__ == "__main__":
    main()
