"""Compile, run locally or submit: `python -m pipelines {compile,run,submit} ...`."""

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.lint import lint_graph
from pipelines.local_tasks import run_tasks
from pipelines.study_pipeline import make_study_pipeline
from pipelines.vitrail_pipeline import make_pipeline
from vitrail.config import require
from vitrail.contracts.codec import read
from vitrail.contracts.files import atomic_file
from vitrail.contracts.runs import REPORT_FILE, RunSummary
from vitrail.errors import VitrailError
from vitrail.recipes import Recipe, find_recipe, recipe_for
from vitrail.steps import Workspace, new_run_id
from vitrail.study import find_budget

if TYPE_CHECKING:
    from kfp.dsl.base_component import BaseComponent

__all__ = ["main"]


def compile_pipeline(pipeline: "BaseComponent", out: Path) -> None:
    """Writes a pipeline's IR.

    Raises:
        ConfigError: A task has gaps, or something that executors do not do alike (`pipelines.lint`).
    """
    from kfp import compiler

    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "graph.yaml"
        compiler.Compiler().compile(pipeline, str(draft))
        text = draft.read_text(encoding="utf-8")
    lint_graph(text)
    with atomic_file(out) as partial:
        partial.write_text(text, encoding="utf-8")


def run_locally(recipe: Recipe, arguments: dict[str, str]) -> int:
    """Runs every task on this machine and returns the exit status of its own run."""
    workspace = _begin(recipe, arguments["workspace"])
    run = workspace.run_folder
    log = run_tasks(make_pipeline(recipe, run.name), workspace, arguments)
    if not (run / RunSummary.FILE).exists():
        sys.stderr.write(f"the run ended before its report; see {log}\n")
        return 1
    return _describe(run, log)


def run_study_locally(recipe: Recipe, budget: str, workspace_root: str) -> int:
    """Runs the tasks of a study on this machine, prints where its page is and returns the exit status."""
    workspace = _begin(recipe, workspace_root)
    run = workspace.run_folder
    log = run_tasks(
        make_study_pipeline(recipe, budget, run.name), workspace, {"budget": budget, "workspace": workspace_root}
    )
    failed = next((record for record in workspace.records() if record.status != "succeeded"), None)
    page = run / "study" / "study.md"
    if failed or not page.exists():
        reason = f"at {failed.step}: {failed.error}" if failed else "before its page"
        sys.stderr.write(f"the study ended {reason}; see {log}\n")
        return 1
    sys.stdout.write(f"\npage      {page}\n")
    return 0


def _begin(recipe: Recipe, root: str) -> Workspace:
    workspace = Workspace(Path(root), new_run_id())
    workspace.begin(recipe)
    sys.stdout.write(f"run {workspace.run_id}, recipe {recipe.name}\n")
    return workspace


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


def submit(pipeline: "BaseComponent", recipe: Recipe, host: str, arguments: dict[str, str]) -> str:
    """Starts a run of a recipe's pipeline on the Kubeflow Pipelines server at `host` and returns its id.

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
    return str(client.create_run_from_pipeline_func(pipeline, arguments=arguments).run_id)


def main(argv: list[str] | None = None) -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(prog="python -m pipelines", description=__doc__)
    parser.add_argument("action", choices=("compile", "run", "submit"))
    parser.add_argument(
        "--recipe", help="a recipe's name, or a JSON file with a resolved recipe; default: the corpus's, or folder"
    )
    parser.add_argument("--study", metavar="BUDGET", help="a study of this budget (vitrail study) in place of a run")
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
    own = find_budget(options.study).recipe if options.study else recipe_for(options.corpus)
    recipe = find_recipe(options.recipe or own)
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
    if options.action == "run":
        sys.exit(_run(recipe, options))
    recipe = recipe.on_cluster()
    if options.study:
        pipeline, arguments = make_study_pipeline(recipe, options.study), {"budget": options.study}
    else:
        pipeline, arguments = make_pipeline(recipe), _source_of(options)
    if options.action == "compile":
        compile_pipeline(pipeline, options.out)
    else:
        sys.stdout.write(submit(pipeline, recipe, options.host, arguments) + "\n")


def _run(recipe: Recipe, options: argparse.Namespace) -> int:
    workspace = str(Path(options.workspace).resolve())
    if options.study:
        return run_study_locally(recipe, options.study, workspace)
    return run_locally(recipe, _source_of(options) | {"workspace": workspace})


def _source_of(options: argparse.Namespace) -> dict[str, str]:
    return {"corpus": options.corpus, "repository": options.repository, "revision": options.revision}


if __name__ == "__main__":
    main()
