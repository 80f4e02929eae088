"""Each rule of the linter finds the fault that is planted for it, in a graph that has no other."""

import copy

import pytest
import yaml
from kfp import compiler, dsl

from pipelines.compilation import compile_pipeline
from pipelines.lint import lint_graph
from pipelines.vitrail_pipeline import make_pipeline
from vitrail.errors import ConfigError
from vitrail.recipes import find_recipe

GATE = "gate-model"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """The documents of a graph that is fit for a cluster."""
    out = tmp_path_factory.mktemp("compiled") / "graph.yaml"
    compile_pipeline(make_pipeline(find_recipe("debug").on_cluster()), out)
    return list(yaml.load_all(out.read_text(), yaml.CSafeLoader))


class Parts:
    """What is said of a task, to damage it."""

    def __init__(self, documents, name):
        spec, platforms = documents
        groups = [part["dag"]["tasks"] for part in (spec["root"], *spec["components"].values()) if "dag" in part]
        [self.task] = [tasks[name] for tasks in groups if name in tasks]
        self.component = spec["components"][f"comp-{name}"]
        self.executor = spec["deploymentSpec"]["executors"].get(f"exec-{name}")
        executors = platforms["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        self.kubernetes = executors.get(f"exec-{name}")


def with_gpu(parts):
    parts.executor["container"]["resources"]["accelerator"] = {"resourceCount": "1", "resourceType": "nvidia.com/gpu"}


FAULTS = {
    "cache": (lambda gate: gate.task.update(cachingOptions={"enableCache": True}), "KFP's cache is on; .*False"),
    "request": (
        lambda gate: gate.executor["container"]["resources"].pop("resourceCpuRequest"),
        "no cpu_request; give it a section",
    ),
    "resources": (
        lambda gate: gate.executor["container"].pop("resources"),
        "no cpu_request, cpu_limit, memory_request, memory_limit; ",
    ),
    "timeout": (lambda gate: gate.kubernetes.pop("activeDeadlineSeconds"), "no timeout; set timeout_s"),
    "security": (lambda gate: gate.kubernetes.pop("securityContext"), "no security context .*run_as_user"),
    "root": (lambda gate: gate.kubernetes["securityContext"].update(runAsUser="0"), "no security context"),
    "named user": (lambda gate: gate.kubernetes["securityContext"].pop("runAsUser"), "no security context"),
    "workspace": (lambda gate: gate.kubernetes.pop("pvcMount"), "workspace is not mounted; .*workspace_claim"),
    "shared memory": (with_gpu, "accelerators and no /dev/shm in memory; set shared_memory"),
    "no tag": (lambda gate: gate.executor["container"].update(image="host:5000/vitrail"), "vitrail has no tag"),
    "moving tag": (lambda gate: gate.executor["container"].update(image="vitrail:latest"), "name it with a version"),
    "container": (
        lambda gate: gate.executor["container"].update(command=["gate"]),
        "container component .*step of the table",
    ),
    "install": (
        lambda gate: gate.executor["container"]["command"].append("pip install mlflow"),
        "installs packages .*image",
    ),
    "structure": (
        lambda gate: gate.component["inputDefinitions"]["parameters"]["recipe"].update(parameterType="STRUCT"),
        "parameter recipe is a struct.*JSON text",
    ),
    "typed name": (
        lambda gate: gate.task["inputs"]["parameters"]["run_id"].update(
            runtimeValue={"constant": "{{$.pipeline_job_name}}"}
        ),
        "name that somebody typed.*PIPELINE_JOB_ID_PLACEHOLDER",
    ),
    "importer": (
        lambda gate: gate.executor.update(importer={"artifactUri": {"constant": "s3://there"}}),
        "an importer keeps .*digest",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_the_one_line_that_is_said(compiled, fault):
    plant, said = FAULTS[fault]
    documents = copy.deepcopy(compiled)
    lint_graph(yaml.dump_all(documents))
    plant(Parts(documents, GATE))
    with pytest.raises(ConfigError, match=f"^the graph is not fit for a cluster:\n{GATE}: .*{said}[^\n]*$"):
        lint_graph(yaml.dump_all(documents))


@pytest.mark.parametrize(("literal", "is_plain"), [("'blessed'", True), ("'it\\'s'", False), ("'\"quoted\"'", False)])
def test_what_is_branched_on_is_plain(compiled, literal, is_plain):
    documents = copy.deepcopy(compiled)
    tasks = documents[0]["components"]["comp-exit-handler-1"]["dag"]["tasks"]
    tasks["condition-2"]["triggerPolicy"]["condition"] = f"inputs.parameter_values['verdict'] == {literal}"
    if is_plain:
        lint_graph(yaml.dump_all(documents))
    else:
        with pytest.raises(ConfigError, match=r"condition-2: it branches on .*; compare with plain words"):
            lint_graph(yaml.dump_all(documents))


def test_an_artifact_of_either_branch_is_refused(tmp_path):
    @dsl.component
    def flip() -> str:
        return "heads"

    @dsl.component
    def write(made: dsl.Output[dsl.Artifact]):
        pass

    @dsl.pipeline(name="either")
    def either() -> dsl.Artifact:
        with dsl.If(flip().output == "heads"):
            heads = write()
        with dsl.Else():
            tails = write()
        return dsl.OneOf(heads.outputs["made"], tails.outputs["made"])

    compiler.Compiler().compile(either, str(tmp_path / "either.yaml"))
    with pytest.raises(ConfigError, match=r"\n[\w-]+: its artifact [\w-]+ is one of several \(dsl.OneOf\); hand a"):
        lint_graph((tmp_path / "either.yaml").read_text())


def test_a_graph_with_gaps_is_not_written(tmp_path):
    @dsl.component
    def careless() -> str:
        return ""

    @dsl.pipeline(name="careless")
    def pipeline():
        careless()

    out = tmp_path / "graph.yaml"
    with pytest.raises(ConfigError, match=r"\ncareless: KFP's cache is on"):
        compile_pipeline(pipeline, out)
    assert not out.exists()
