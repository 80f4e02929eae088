"""A kind or a loss is one file; what is not known is refused by its name, everywhere."""

import dataclasses
import re
import shutil
from pathlib import Path

import pytest
import torch

from vitrail.contracts.codec import load, save
from vitrail.contracts.corpus import CorpusManifest, TaskInfo
from vitrail.contracts.evaluation import EvaluationReport
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.models import Architecture, HeadSpec, Transforms
from vitrail.corpus import check_corpus, open_corpus
from vitrail.errors import ConfigError, CorpusError, EvaluationError, ModelError
from vitrail.evaluation import EvaluationConfig, evaluate_model
from vitrail.evaluation import kinds as measured
from vitrail.evaluation.measures import find_measures, measured_kinds
from vitrail.models import VitrailModel, load_model, save_model
from vitrail.tasks import find_kind, find_loss, find_problem, kind_names, kinds, loss_names, losses
from vitrail.training import FinetuneConfig, ScheduleConfig
from vitrail.training.finetuning import assign_finetuning
from vitrail.training.job import FinetuneJob

TRUNK = Architecture(
    name="vit_tiny_patch16_224", options={"patch_size": 8, "depth": 1, "embed_dim": 24, "num_heads": 2}
)
TRANSFORMS = Transforms(image_size=32)
LINEAGE = Lineage(run_id="test")
ONE_STEP = ScheduleConfig(num_steps=1, batch_size=4)


def with_kind(corpus: Path, folder: Path, kind: str, task: str = "category") -> Path:
    """A copy of a corpus in which a task has another kind."""
    shutil.copytree(corpus, folder, copy_function=lambda source, target: Path(target).hardlink_to(source))
    manifest = load(CorpusManifest, folder / "corpus.json")
    tasks = [dataclasses.replace(info, kind=kind) if info.name == task else info for info in manifest.tasks]
    (folder / "corpus.json").unlink()
    save(folder / "corpus.json", dataclasses.replace(manifest, tasks=tuple(tasks)))
    return folder


def job_for(corpus: Path, **changes) -> FinetuneJob:
    config = FinetuneConfig(architecture=TRUNK, transforms=TRANSFORMS, schedule=ONE_STEP, **changes)
    return FinetuneJob(
        corpus=str(corpus), labels="", features=None, backbone=None, config=config, lineage=LINEAGE, inputs={}
    )


def test_every_kind_is_measured_and_has_a_loss():
    assert measured_kinds() == kind_names()
    for name in kind_names():
        assert find_kind(name).name == name
        assert find_loss(find_kind(name).loss, name).activation in (find_kind(name).activations or ("softmax",))


def test_every_loss_is_for_kinds_there_are():
    for name in loss_names():
        kinds_of = [kind for kind in kind_names() if _is_for(name, kind)]
        assert kinds_of, name


def _is_for(loss: str, kind: str) -> bool:
    try:
        return bool(find_loss(loss, kind))
    except ConfigError:
        return False


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        (lambda: find_kind("regression"), ConfigError),
        (lambda: find_loss("hinge", "classification"), ConfigError),
        (lambda: find_loss("cross_entropy", "retrieval"), ConfigError),
        (lambda: find_measures("regression"), EvaluationError),
        (
            lambda: FinetuneConfig(schedule=ScheduleConfig(num_steps=1, batch_size=1), losses={"a": "hinge"}),
            ConfigError,
        ),
        (
            lambda: VitrailModel(TRUNK, TRANSFORMS, [HeadSpec(name="a", kind="regression", dim=1)]),
            ConfigError,
        ),
        (
            lambda: VitrailModel(
                TRUNK, TRANSFORMS, [HeadSpec(name="a", kind="classification", dim=1, activation="regression")]
            ),
            ModelError,
        ),
    ],
)
def test_what_is_not_known_is_refused_by_its_name(refused, error):
    with pytest.raises(error, match=r"regression|hinge|cross_entropy"):
        refused()


def test_a_corpus_with_an_unknown_kind_is_refused(mini_corpus, tmp_path):
    corpus = with_kind(mini_corpus, tmp_path / "corpus", "regression")
    for refused in (open_corpus, check_corpus):
        with pytest.raises(CorpusError, match=r"corpus.json: task 'category' .*'regression' is no task kind"):
            refused(corpus)


def test_a_model_with_an_unknown_kind_is_refused(tmp_path):
    model = VitrailModel(TRUNK, TRANSFORMS, [HeadSpec(name="a", kind="classification", dim=2)])
    model.specs = (dataclasses.replace(model.specs[0], kind="regression"),)
    save_model(tmp_path, model, LINEAGE)
    with pytest.raises(ModelError, match=r"model.json: 'regression' is no task kind"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("kind", "classes", "problem"),
    [
        ("classification", (), "1 classes or more"),
        ("classification", ("a", "b", "a"), "a class twice"),
        ("retrieval", ("a",), "lists no classes"),
        ("ordinal", ("a",), "2 classes or more"),
        ("regression", (), "'regression' is no task kind"),
        ("classification", ("a", "b"), None),
        ("ordinal", ("a", "b"), None),
        ("multilabel", ("a",), None),
        ("retrieval", (), None),
    ],
)
def test_a_declaration_fits_its_kind(kind, classes, problem):
    found = find_problem(TaskInfo(name="task", kind=kind, description="", classes=classes))
    assert (found is None) if problem is None else (problem in found)


def test_losses_are_named_by_task(mini_corpus):
    with pytest.raises(ConfigError, match="'colour', which is no task of the corpus; it has skin_tone"):
        assign_finetuning(job_for(mini_corpus, losses={"colour": "cross_entropy"}))
    with pytest.raises(ConfigError, match="'sigmoid' is made for multilabel and not for classification"):
        assign_finetuning(job_for(mini_corpus, losses={"category": "sigmoid"}))


def test_ordered_classes_start_equally_likely():
    task = TaskInfo(name="size", kind="ordinal", description="", classes=tuple("abcde"))
    spec = find_kind("ordinal").head(task, activation="thresholds", embedding_dim=8)
    model = VitrailModel(TRUNK, TRANSFORMS, [spec]).eval()
    logits = model(torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8))["size"]
    assert logits.shape == (3, 4)
    probabilities = find_kind("ordinal").to_probabilities(spec, logits)
    torch.testing.assert_close(probabilities, torch.full((3, 5), 0.2))


def test_ordered_probabilities_add_up_whatever_the_logits():
    spec = HeadSpec(name="size", kind="ordinal", dim=4, classes=tuple("abcde"), activation="thresholds")
    logits = 50 * torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    probabilities = find_kind("ordinal").to_probabilities(spec, logits)
    assert torch.all(probabilities >= 0)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(200))
    assert find_kind("ordinal").summarise(spec, probabilities[0].numpy())["expected_level"] == pytest.approx(
        float(probabilities[0] @ torch.arange(5.0))
    )


TOY_KIND = """
from vitrail.tasks.kinds.classification import Classification

class Species(Classification):
    name = "species"
    loss = "toy"

KIND = Species()
"""
TOY_MEASURES = """
from vitrail.evaluation.kinds.classification import MEASURES
"""
TOY_LOSS = """
from vitrail.tasks.loss import Loss

LOSS = Loss(kinds=("species",), activation="softmax", compute=lambda task, inputs: 7 * (inputs.labels >= 0).sum())
"""


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """A kind with its measures, and a loss: a file each, and nothing else."""
    for package, name, text in (
        (kinds, "species", TOY_KIND),
        (measured, "species", TOY_MEASURES),
        (losses, "toy", TOY_LOSS),
    ):
        folder = tmp_path / package.__name__
        folder.mkdir()
        (folder / f"{name}.py").write_text(text)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    yield
    find_kind.cache_clear()
    find_measures.cache_clear()


def test_a_kind_and_a_loss_are_a_file_each(toys, mini_corpus, tmp_path):
    corpus = with_kind(mini_corpus, tmp_path / "corpus", "species")
    torch.manual_seed(0)
    assignment = assign_finetuning(job_for(corpus))
    model = assignment.objective.model
    images = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    targets = {task.name: torch.tensor([0, -1]) for task in assignment.objective.tasks}
    found = assignment.objective(images, targets, {name: torch.tensor(1) for name in targets})
    assert found["category"].item() == 7
    save_model(tmp_path / "model", model, LINEAGE)
    config = EvaluationConfig(num_resamples=100, batch_size=64)
    evaluate_model(corpus=corpus, model=tmp_path / "model", features=None, out=tmp_path / "out", config=config)
    report = load(EvaluationReport, tmp_path / "out" / "evaluation.json")
    assert {task.name: task.kind for task in report.tasks}["category"] == "species"
    assert report.metric("category/accuracy") is not None


def test_the_docs_have_a_row_for_each():
    page = (Path(__file__).parents[2] / "docs" / "tasks.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert sorted(rows) == sorted([*kind_names(), *loss_names(), "kind", "classes", "separator"])
