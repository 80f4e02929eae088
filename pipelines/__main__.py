"""Compile the pipeline, run it on this machine, or have a Kubeflow Pipelines server run it: `python -m pipelines`."""

import argparse
import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.compilation import compile_pipeline
from vitrail.errors import VitrailError
from vitrail.recipes import Recipe, find_recipe, recipe_for
from vitrail.steps import STEPS, STUDY_STEPS
from vitrail.study import find_budget

if TYPE_CHECKING:
    from kfp.dsl.base_component import BaseComponent

    from pipelines.server.pipeline_server import PipelineServer

__all__ = ["main"]


def main(argv: list[str] | None = None) -> None:
    """Parses the command line, and exits with the status of the command if it is not 0."""
    options = _parser().parse_args(argv)
    try:
        if status := options.function(options):
            sys.exit(status)
    except VitrailError as error:
        sys.exit(f"vitrail {options.action}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vitrail", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    compiling = actions.add_parser("compile", help="Write the pipeline for Kubeflow Pipelines.")
    _add_graph(compiling)
    compiling.add_argument("--out", type=Path, default=Path("vitrail.yaml"), help="where the IR goes")
    compiling.set_defaults(function=_compile)

    running = actions.add_parser("run", help="Run the pipeline on this machine.")
    _add_graph(running)
    running.add_argument("--workspace", default="runs", help="folder for runs and artifacts")
    running.set_defaults(function=_run)

    submitting = actions.add_parser("submit", help="Start a run on a server, wait for its end and say how it ended.")
    _add_graph(submitting)
    _add_server(submitting)
    submitting.add_argument("--service-account", help="of the tasks' pods; default: the server's")
    submitting.add_argument("--name", help="label of the run, for people; default: recipe and corpus")
    submitting.add_argument(
        "--comment", type=Path, metavar="FILE", help="also write outcome and gates here, in Markdown"
    )
    submitting.set_defaults(function=_submit)

    listing = actions.add_parser("runs", help="List the runs that were submitted to a server.")
    _add_server(listing)
    listing.set_defaults(function=_runs)

    logging = actions.add_parser("logs", help="Print the logs of a run's steps.")
    logging.add_argument("run", help="its id, which `submit` and `runs` print")
    logging.add_argument("step", nargs="?", choices=[*STEPS, *STUDY_STEPS], help="default: all that have started")
    _add_server(logging)
    logging.set_defaults(function=_logs)
    return parser


def _add_graph(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--recipe", help="a recipe's name, or a JSON file with a resolved recipe; default: the corpus's, or folder"
    )
    parser.add_argument("--study", metavar="BUDGET", help="a study of this budget (vitrail study) in place of a run")
    parser.add_argument("--corpus", default="emoji", help="a corpus's name, or a folder")
    parser.add_argument("--repository", default=".", help="the repository that holds data.dvc")
    parser.add_argument("--revision", default="", help="git revision of data.dvc; empty: the working tree")
    parser.add_argument("--engine", choices=("native", "ray"), help="of the label derivation; default: the recipe's")
    parser.add_argument("--profile-steps", type=int, help="steps of the pretraining to profile; default: the recipe's")
    parser.add_argument("--image-prefix", help="registry the cluster pulls images from, as in host:5000/team")


def _add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host", help="address of the Kubeflow Pipelines API; default: $KF_PIPELINES_ENDPOINT, or the own cluster's"
    )
    parser.add_argument("--namespace", help="of the runs, where an installation has profiles")


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


def _make_graph(recipe: Recipe, options: argparse.Namespace) -> tuple["BaseComponent", dict[str, str]]:
    """The graph for a cluster, and its arguments."""
    if options.study:
        from pipelines.study_pipeline import make_study_pipeline

        return make_study_pipeline(recipe, options.study), {"budget": options.study}
    from pipelines.vitrail_pipeline import make_pipeline

    return make_pipeline(recipe), _source_of(options)


def _compile(options: argparse.Namespace) -> int:
    compile_pipeline(_make_graph(_choose_recipe(options).on_cluster(), options)[0], options.out)
    return 0


def _run(options: argparse.Namespace) -> int:
    from pipelines.local_run import run_locally, run_study_locally

    recipe, workspace = _choose_recipe(options), str(Path(options.workspace).resolve())
    if options.study:
        return run_study_locally(recipe, options.study, workspace)
    return run_locally(recipe, _source_of(options) | {"workspace": workspace})


def _submit(options: argparse.Namespace) -> int:
    from pipelines.server.commands import submit

    recipe = _choose_recipe(options).on_cluster()
    pipeline, arguments = _make_graph(recipe, options)
    return submit(
        _server(options),
        pipeline,
        recipe,
        arguments,
        name=_name(recipe, options) if options.name is None else options.name,
        service_account=options.service_account,
        is_study=bool(options.study),
        comment=options.comment,
    )


def _runs(options: argparse.Namespace) -> int:
    from pipelines.server.commands import show_runs

    return show_runs(_server(options))


def _logs(options: argparse.Namespace) -> int:
    from pipelines.server.commands import show_logs

    return show_logs(_server(options), options.run, options.step)


def _server(options: argparse.Namespace) -> "PipelineServer":
    from pipelines.server.access import find_access
    from pipelines.server.pipeline_server import PipelineServer

    return PipelineServer(find_access(options.host, options.namespace, os.environ))


def _name(recipe: Recipe, options: argparse.Namespace) -> str:
    if options.study:
        return f"study {options.study}"
    return f"{recipe.name} on {options.corpus}" + (f" at {options.revision}" if options.revision else "")


def _source_of(options: argparse.Namespace) -> dict[str, str]:
    return {"corpus": options.corpus, "repository": options.repository, "revision": options.revision}


if __name__ == "__main__":
    main()
