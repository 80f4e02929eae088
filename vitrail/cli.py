"""The command line. Every command calls the library, or starts the repository's own module for a tool beside it."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from vitrail import __version__
from vitrail.commands.labels import add_explain, add_labels
from vitrail.commands.study import add_study
from vitrail.commands.training import add_job, add_plan
from vitrail.config import require
from vitrail.errors import ConfigError, VitrailError

__all__ = ["main"]

# Commands that join a tool the library does not know: the rest of the line goes to that module of the repository.
_MODULES = {
    "run": ("pipelines", ["run"], "Run the whole pipeline on this machine."),
    "compile": ("pipelines", ["compile"], "Compile the pipeline to YAML for Kubeflow Pipelines."),
    "submit": ("pipelines", ["submit"], "Start a run on a Kubeflow Pipelines server, and say how it ended."),
    "runs": ("pipelines", ["runs"], "List the runs on a Kubeflow Pipelines server."),
    "logs": ("pipelines", ["logs"], "Print the logs of a run on a Kubeflow Pipelines server."),
    "step": ("components", [], "Run one step of a run by hand."),
    "serve": ("serving", [], "Serve the champion over HTTP."),
}


def _become_module(module: str, arguments: list[str]) -> NoReturn:
    repository = Path(os.environ.get("VITRAIL_HOME", ".")).resolve()
    if not (repository / module / "__main__.py").exists():
        raise ConfigError(
            f"{repository} has no {module}/: run this inside a clone of the Vitrail repository, "
            "or set VITRAIL_HOME to one"
        )
    search_path = os.pathsep.join(filter(None, [str(repository), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": search_path}
    # In this process's place, so that signals reach it.
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)  # noqa: S606


def _corpus_build(options: argparse.Namespace) -> None:
    from vitrail.corpus import build_corpus

    manifest = build_corpus(options.source, options.out, is_trusted=options.trust)
    print(f"{options.out}: {manifest.num_images:,} images, {manifest.num_signals:,} texts, digest {manifest.digest}")


def _corpus_check(options: argparse.Namespace) -> None:
    from vitrail.corpus import check_corpus

    manifest = check_corpus(options.folder)
    print(f"{options.folder}: whole, {manifest.num_images:,} images, {manifest.num_quarantined} quarantined")


def _data_restore(options: argparse.Namespace) -> None:
    from vitrail.corpus.versions.dvc import restore_data

    restore_data(options.repository)
    print("data/ is what data.dvc says")


def _trace(options: argparse.Namespace) -> None:
    from vitrail.steps.trace import trace

    print(json.dumps(trace(options.workspace, options.id), indent=2))


def _recipes(options: argparse.Namespace) -> None:
    from vitrail.contracts.codec import encode
    from vitrail.recipes import RECIPES, describe_difference, find_recipe

    if options.diff is not None:
        require(options.name is not None, "--diff", options.diff, "name the recipe to compare with it")
        print("\n".join(describe_difference(find_recipe(options.name), find_recipe(options.diff))))
    elif options.name:
        print(json.dumps(encode(find_recipe(options.name)), indent=2))
    else:
        for name, recipe in RECIPES.items():
            print(f"{name:<14}{(recipe.__doc__ or '').splitlines()[0]}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vitrail", description="From images and messy text to a proven endpoint.")
    parser.add_argument("--version", action="version", version=f"vitrail {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, _, summary) in _MODULES.items():
        commands.add_parser(name, help=summary, add_help=False)

    corpus = commands.add_parser("corpus", help="Build or check a corpus.").add_subparsers(required=True)
    build = corpus.add_parser("build", help="Build a corpus from its packages or from your own files.")
    build.add_argument(
        "source", help="a name (emoji, emoji12, icons-20k, openclipart, ...), a folder of tars or a folder of images"
    )
    build.add_argument("--out", type=Path, required=True)
    build.add_argument(
        "--trust",
        action="store_true",
        help="decode nothing: read headers only, and leave damaged images to the quarantine of whoever reads them",
    )
    build.set_defaults(function=_corpus_build)
    check = corpus.add_parser("check", help="Verify digests, schemas and joins of a corpus.")
    check.add_argument("folder", type=Path)
    check.set_defaults(function=_corpus_check)

    data = commands.add_parser("data", help="Restore the corpus that data.dvc names: pull it, or rebuild and compare.")
    data.add_argument("--repository", type=Path, default=Path())
    data.set_defaults(function=_data_restore)

    add_labels(commands)
    add_explain(commands)

    trace = commands.add_parser("trace", help="Walk the lineage of a digest, model, version, Bento or run.")
    trace.add_argument("id")
    trace.add_argument("--workspace", type=Path, default=Path("runs"))
    trace.set_defaults(function=_trace)

    recipes = commands.add_parser("recipes", help="List the recipes, print one as JSON, or what distinguishes two.")
    recipes.add_argument("name", nargs="?")
    recipes.add_argument("--diff", metavar="BASE", help="print only what distinguishes NAME from this recipe")
    recipes.set_defaults(function=_recipes)

    add_plan(commands)
    add_job(commands)
    add_study(commands)
    return parser


def _run(function: Callable[[], int]) -> int:
    try:
        return function()
    except (VitrailError, OSError) as error:
        print(f"vitrail: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def main(argv: list[str] | None = None) -> None:
    """Runs one command and exits with its status: 0 done, 1 refused with a reason, 2 wrong usage."""
    arguments = sys.argv[1:] if argv is None else argv
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("vitrail").setLevel(logging.INFO)
    if arguments and arguments[0] in _MODULES:
        module, prefix, _ = _MODULES[arguments[0]]
        sys.exit(_run(lambda: _become_module(module, [*prefix, *arguments[1:]])))
    options = _parser().parse_args(arguments)
    sys.exit(_run(lambda: options.function(options) or 0))


if __name__ == "__main__":
    main()
