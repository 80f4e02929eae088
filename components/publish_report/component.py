"""Writes the run's summary and its one-page report, also after a failure."""

from kfp import dsl

from components import container_images


@dsl.component(base_image=container_images.TRAIN, install_kfp_package=False)
def publish_report(
    workspace: str,
    run_id: str,
    recipe: str,
    report: dsl.Output[dsl.HTML],
) -> None:
    """Writes the run's summary and its one-page report, also after a failure."""
    import pathlib
    import shutil

    from components.adapter import run
    from vitrail.contracts.runs import REPORT_FILE

    manifest = run("publish_report", workspace=workspace, run_id=run_id, recipe=recipe, output=report.path + ".json")
    shutil.copyfile(pathlib.Path(manifest.artifact) / REPORT_FILE, report.path)
