"""The steps of the pipeline, and those of a study, each declared once.

Runner, components, graph, report, summary and command line read this table. To add a step, add its row here and the
module with its body beside this one.
"""

from vitrail.contracts.runs import REPORT_FILE, RunSummary
from vitrail.contracts.study import StudyReport
from vitrail.contracts.verdict import Verdict
from vitrail.steps.declaration import Step, in_order

__all__ = ["STEPS", "STUDY_STEPS", "find_step", "step_names"]

_OUTSIDE = "components.{name}.step"  # joins a tool that the library does not know

STEPS = in_order(
    Step(
        name="checkout_corpus",
        summary="Resolves a corpus name, a folder or a DVC revision to a corpus with a content digest.",
        arguments=("source", "repository", "revision"),
        sections="all",
        makes="corpus",
        image="data",
        resources="data",
        is_reusable=False,
    ),
    Step(
        name="derive_labels",
        summary="Derives weak labels for the corpus's images from the text around them.",
        inputs=("corpus",),
        sections=("labels", "registry"),
        makes="labels",
        image="data",
        resources="data",
    ),
    Step(
        name="validate_data",
        summary="Checks signals, labels, joins and images; a failed critical expectation stops the run.",
        inputs=("corpus", "labels"),
        sections=("validation", "registry"),
        makes="validation",
        image="data",
        resources="data",
    ),
    Step(
        name="materialize_features",
        summary="Publishes text-derived features offline and online.",
        inputs=("corpus", "labels"),
        awaits=("validation",),
        makes="features",
        image="data",
        resources="data",
        body=_OUTSIDE,
    ),
    Step(
        name="pretrain_backbone",
        summary="Pretrains the trunk on the weak labels.",
        inputs=("corpus", "labels"),
        awaits=("validation",),
        sections=("pretrain", "registry", "cluster"),
        makes="backbone",
        image="train",
        resources="train",
        is_training=True,
    ),
    Step(
        name="finetune_tasks",
        summary="Fine-tunes the trunk on every task of the corpus at once.",
        inputs=("corpus", "labels", "features", "backbone"),
        sections=("finetune", "registry", "cluster"),
        makes="model",
        image="train",
        resources="train",
        is_training=True,
    ),
    Step(
        name="build_index",
        summary="Embeds the gallery and writes the index bound to the model.",
        inputs=("corpus", "model"),
        sections=("index",),
        makes="index",
        image="train",
        resources="inference",
    ),
    Step(
        name="evaluate_model",
        summary="Measures the model, and the champion if there is one, on the test split of the same corpus.",
        inputs=("corpus", "model", "features"),
        sections=("evaluation", "registry"),
        makes="evaluation",
        image="train",
        resources="inference",
    ),
    Step(
        name="gate_model",
        summary="Decides whether the model may take the champion's place.",
        inputs=("evaluation",),
        sections=("gates",),
        makes="verdict",
        image="train",
        announces=Verdict,
    ),
    Step(
        name="register_model",
        summary="Registers the model as a version with the alias `challenger`.",
        inputs=("corpus", "labels", "validation", "features", "backbone", "model", "index", "evaluation", "verdict"),
        sections="all",
        makes="version",
        image="train",
        is_reusable=False,
        when="blessed",
    ),
    Step(
        name="package_endpoint",
        summary="Packs model, transforms, index and online features in one Bento.",
        inputs=("corpus", "labels", "model", "index", "features", "version"),
        sections=("endpoint",),
        makes="endpoint",
        image="serve",
        is_reusable=False,
        when="blessed",
        body=_OUTSIDE,
    ),
    Step(
        name="validate_endpoint",
        summary="Starts the real Bento and replays golden images against it.",
        inputs=("endpoint",),
        sections=("endpoint",),
        makes="serving",
        image="serve",
        is_reusable=False,
        when="blessed",
    ),
    Step(
        name="promote_model",
        summary="Moves the alias `champion` to the proven version.",
        inputs=("version", "verdict", "serving"),
        sections=("registry",),
        makes="release",
        image="train",
        is_reusable=False,
        when="blessed",
    ),
    Step(
        name="publish_report",
        summary="Writes the run's summary and its one-page report, also after a failure.",
        sections="all",
        makes="report",
        image="train",
        is_reusable=False,
        when="ended",
        shows={"report": REPORT_FILE},
        announces=RunSummary,
    ),
)

STUDY_STEPS = in_order(
    Step(
        name="gather_materials",
        summary="Finds or builds the corpora of a study, and derives its label sets.",
        arguments=("budget",),
        sections="all",
        makes="materials",
        image="data",
        resources="data",
        is_reusable=False,
    ),
    Step(
        name="run_study",
        summary="Trains and measures the arms of a study, and says how they compare.",
        inputs=("materials",),
        arguments=("budget",),
        sections="all",
        makes="study",
        image="train",
        resources="train",
        is_reusable=False,
        shows={
            "page": "study.md",
            "result": f"study/{StudyReport.FILE}",
            "gains": "study/gains.svg",
            "sizes": "study/sizes.svg",
        },
    ),
)


def find_step(name: str) -> Step:
    """The step of that name, of a run or of a study."""
    return (STEPS | STUDY_STEPS)[name]


def step_names(*when: str) -> tuple[str, ...]:
    """The names of the steps that run then (see `Step.when`), in their order."""
    return tuple(step.name for step in STEPS.values() if step.when in when)
