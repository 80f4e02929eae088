"""The graph compiles for every recipe, and its adapters fit the steps they call."""

import functools
import inspect
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from kfp import dsl

from builders import REPOSITORY
from components.container_images import IMAGES
from components.lightweight import make_component, write_source
from components.trainjob_nodes import pod_settings
from pipelines.__main__ import main
from pipelines.compilation import compile_pipeline
from pipelines.study_pipeline import make_study_pipeline
from pipelines.vitrail_pipeline import make_pipeline
from vitrail.contracts.codec import encode
from vitrail.errors import ConfigError
from vitrail.recipes import RECIPES, ClusterConfig, find_recipe
from vitrail.recipes.cluster import Resources, Retries, SecretVariable, Toleration
from vitrail.steps import STEPS, STUDY_STEPS
from vitrail.training import TrainJobConfig

ALL_STEPS = STEPS | STUDY_STEPS
TRAININGS = ("pretrain_backbone", "finetune_tasks")


@pytest.fixture(scope="module")
def compiled_study(tmp_path_factory):
    out = tmp_path_factory.mktemp("compiled") / "study.yaml"
    compile_pipeline(make_study_pipeline(find_recipe("emoji").on_cluster(), "half-hour"), out)
    return list(yaml.load_all(out.read_text(), yaml.CSafeLoader))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    @functools.cache
    def compile_recipe(recipe):
        out = tmp_path_factory.mktemp("compiled") / f"{recipe}.yaml"
        compile_pipeline(make_pipeline(find_recipe(recipe).on_cluster()), out)
        return list(yaml.load_all(out.read_text(), yaml.CSafeLoader))

    return compile_recipe


def tasks_of(spec):
    """Every task, those of groups among them."""
    parts = [spec["root"], *spec["components"].values()]
    return {name: task for part in parts for name, task in part.get("dag", {}).get("tasks", {}).items()}


def recipe_of(spec, step):
    """What the task of a step is given of the recipe."""
    given = tasks_of(spec)[step.replace("_", "-")]["inputs"]["parameters"]["recipe"]
    return json.loads(given["runtimeValue"]["constant"])


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_compiles(compiled, recipe):
    """The whole recipe is there, in the task that begins the run."""
    assert recipe_of(compiled(recipe)[0], "checkout_corpus") == encode(find_recipe(recipe).on_cluster())


def test_no_recipe_competes_with_another_for_its_champion():
    names = [find_recipe(recipe).registry.name for recipe in RECIPES]
    assert len(set(names)) == len(RECIPES)


def test_wiring(compiled):
    """Who feeds whom: the golden form of the graph."""
    spec = compiled("emoji")[0]
    edges = {}
    for component in [spec["root"], *spec["components"].values()]:
        for name, task in component.get("dag", {}).get("tasks", {}).items():
            edges[name] = sorted(task.get("dependentTasks", []))
    blessed = edges.pop("condition-2")
    assert "gate-model" in blessed
    assert edges == {
        "exit-handler-1": [],
        "publish-report": ["exit-handler-1"],
        "checkout-corpus": [],
        "derive-labels": ["checkout-corpus"],
        "validate-data": ["checkout-corpus", "derive-labels"],
        "materialize-features": ["checkout-corpus", "derive-labels", "validate-data"],
        "pretrain-backbone": ["checkout-corpus", "derive-labels", "validate-data"],
        "finetune-tasks": ["checkout-corpus", "derive-labels", "materialize-features", "pretrain-backbone"],
        "build-index": ["checkout-corpus", "finetune-tasks"],
        "evaluate-model": ["checkout-corpus", "finetune-tasks", "materialize-features"],
        "gate-model": ["evaluate-model"],
        "register-model": [],
        "package-endpoint": ["register-model"],
        "validate-endpoint": ["package-endpoint"],
        "promote-model": ["register-model", "validate-endpoint"],
    }


def test_the_store_is_the_only_cache(compiled, compiled_study):
    for spec, steps in ((compiled("emoji")[0], STEPS), (compiled_study[0], STUDY_STEPS)):
        tasks = tasks_of(spec)
        assert {name.replace("_", "-") for name in steps} <= set(tasks)
        assert not any(task.get("cachingOptions", {}).get("enableCache") for task in tasks.values())


def test_a_task_is_given_the_sections_that_its_step_takes(compiled):
    whole = recipe_of(compiled("emoji")[0], "publish_report")
    for step in STEPS.values():
        expected = whole if step.sections == "all" else {name: whole[name] for name in step.sections}
        assert recipe_of(compiled("emoji")[0], step.name) == expected


def test_another_gate_limit_is_told_to_the_gate_and_to_those_who_keep_the_recipe(tmp_path):
    def given(recipe):
        compile_pipeline(make_pipeline(recipe), tmp_path / "graph.yaml")
        spec = next(yaml.load_all((tmp_path / "graph.yaml").read_text(), yaml.CSafeLoader))
        return {name: recipe_of(spec, name) for name in STEPS}

    recipe = find_recipe("emoji")
    before, after = given(recipe), given(replace(recipe, gates=replace(recipe.gates, min_groups=3)))
    changed = {name for name in STEPS if after[name] != before[name]}
    assert changed == {"gate_model", "checkout_corpus", "register_model", "publish_report"}


def executor_of(spec, step):
    return spec["deploymentSpec"]["executors"][f"exec-{step.replace('_', '-')}"]["container"]


def platform_of(platforms, step):
    executors = platforms["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return executors[f"exec-{step.replace('_', '-')}"]


def test_paper_scale_asks_for_gpus_and_shared_memory(compiled):
    spec, platforms = compiled("vit_b16_1b")
    assert executor_of(spec, "evaluate_model")["resources"]["accelerator"]["resourceCount"] == "8"
    kubernetes = platform_of(platforms, "evaluate_model")
    assert kubernetes["emptyDirMounts"] == [
        {"medium": "Memory", "mountPath": "/dev/shm", "sizeLimit": "64Gi", "volumeName": "shm"}
    ]
    assert kubernetes["pvcMount"][0]["mountPath"] == "/vitrail"


def test_light_tasks_and_the_watchers_of_trainjobs_ask_for_little(compiled):
    spec, platforms = compiled("vit_b16_1b")
    light = ("gate_model", "register_model", "promote_model", "publish_report", *TRAININGS)
    for step in light:
        asked = executor_of(spec, step)["resources"]
        assert (asked["cpuRequest"], asked["memoryRequest"]) == (0.5, 8.589934592)
        assert "accelerator" not in asked
    assert executor_of(spec, "derive_labels")["resources"]["memoryRequest"] > 200
    trainjob = TrainJobConfig()
    patience = int(platform_of(platforms, "pretrain_backbone")["activeDeadlineSeconds"])
    assert patience > trainjob.timeout_s * (trainjob.max_resubmissions + 1)


EVERYTHING = Resources(
    cpu_request="500m",
    cpu_limit="3",
    memory_request="1Gi",
    memory_limit="2Gi",
    accelerators=2,
    accelerator_type="amd.com/gpu",
    shared_memory="512Mi",
    node_selector={"pool": "gpu"},
    tolerations=(Toleration(key="gpu", operator="Exists", effect="NoSchedule"),),
    node_affinity={
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]
        }
    },
    retries=Retries(num=4, backoff_s=20, backoff_factor=3.0, backoff_max_s=300),
    timeout_s=1234,
)


def test_all_that_the_cluster_section_says_is_in_the_graph(tmp_path):
    debug = find_recipe("debug")
    cluster = ClusterConfig(
        image_pull_secrets=("pull",),
        secret_variables=(SecretVariable(variable="MLFLOW_TRACKING_PASSWORD", secret="mlflow", key="password"),),
        run_as_user=1234,
        run_as_group=5678,
        inference=EVERYTHING,
    )
    compile_pipeline(make_pipeline(replace(debug, cluster=cluster)), tmp_path / "graph.yaml")
    spec, platforms = yaml.load_all((tmp_path / "graph.yaml").read_text(), yaml.CSafeLoader)
    assert executor_of(spec, "build_index")["resources"] == {
        "cpuRequest": 0.5,
        "cpuLimit": 3.0,
        "memoryRequest": 1.073741824,
        "memoryLimit": 2.147483648,
        "resourceCpuRequest": "500m",
        "resourceCpuLimit": "3",
        "resourceMemoryRequest": "1Gi",
        "resourceMemoryLimit": "2Gi",
        "accelerator": {"count": "2", "resourceCount": "2", "resourceType": "amd.com/gpu", "type": "amd.com/gpu"},
    }
    assert tasks_of(spec)["build-index"]["retryPolicy"] == {
        "maxRetryCount": 4,
        "backoffDuration": "20s",
        "backoffFactor": 3.0,
        "backoffMaxDuration": "300s",
    }
    kubernetes = platform_of(platforms, "build_index")
    assert kubernetes["activeDeadlineSeconds"] == "1234"
    assert kubernetes["nodeSelector"] == {"labels": {"pool": "gpu"}}
    assert kubernetes["tolerations"] == [{"effect": "NoSchedule", "key": "gpu", "operator": "Exists"}]
    affinity = kubernetes["nodeAffinity"][0]["nodeAffinityJson"]["runtimeValue"]["constant"]
    assert affinity == EVERYTHING.node_affinity
    for step in STEPS:
        kubernetes = platform_of(platforms, step)
        assert kubernetes["securityContext"] == {"runAsGroup": "5678", "runAsNonRoot": True, "runAsUser": "1234"}
        assert kubernetes["imagePullSecret"][0]["secretName"] == "pull"
        [secret] = kubernetes["secretAsEnv"]
        assert secret["keyToEnv"] == [{"envVar": "MLFLOW_TRACKING_PASSWORD", "secretKey": "password"}]
        assert secret["secretName"] == "mlflow"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"cpu_request": "two"}, "cpu_request='two'"),
        ({"memory_limit": "8GB"}, "memory_limit='8GB'"),
        ({"cpu_request": "5"}, "cpu_request='5': must not be above cpu_limit, which is 4"),
        ({"memory_request": "9Gi"}, "must not be above memory_limit"),
        ({"shared_memory": "16Gi"}, "shared_memory="),
        ({"accelerators": -1}, "accelerators=-1"),
        ({"node_affinity": {"podAffinity": {}}}, "pods cannot be named"),
        ({"timeout_s": 0}, "timeout_s=0"),
    ],
)
def test_resources_that_a_cluster_would_refuse_are_refused_here(wrong, said):
    with pytest.raises(ConfigError, match=said):
        Resources(**wrong)


def test_a_cluster_section_names_variables_once_and_no_root():
    twice = (SecretVariable(variable="A", secret="x", key="y"),) * 2
    for wrong, said in (({"secret_variables": twice}, "once"), ({"run_as_user": 0}, "root is refused")):
        with pytest.raises(ConfigError, match=said):
            ClusterConfig(**wrong)
    with pytest.raises(ConfigError, match="name the taint"):
        Toleration(effect="NoSchedule")


@pytest.mark.parametrize(("recipe", "is_handed_on"), [("vit_b16_1b", True), ("emoji", False)])
def test_a_task_that_submits_a_trainjob_is_told_of_its_pod(compiled, recipe, is_handed_on):
    components = compiled(recipe)[0]["components"]
    for name in TRAININGS:
        component = components[f"comp-{name.replace('_', '-')}"]
        assert component["inputDefinitions"]["parameters"]["task_config"]["parameterType"] == "TASK_CONFIG"
        passed = component.get("taskConfigPassthroughs", [])
        kept = {entry["field"]: entry.get("applyToTask", False) for entry in passed}
        assert kept == (dict.fromkeys((field.name for field in dsl.TaskConfigField), True) if is_handed_on else {})


def test_the_registry_of_a_cluster_lies_on_the_shared_volume(compiled):
    """`sqlite:///mlflow.db` would be a file of each pod's own, which it may not even write."""
    for step in ("derive_labels", "register_model", "promote_model"):
        registry = recipe_of(compiled("emoji")[0], step)["registry"]
        assert registry["tracking_uri"] == "sqlite:////vitrail/mlflow.db"
    assert find_recipe("emoji").registry.tracking_uri == "sqlite:///mlflow.db"


def test_a_submitted_run_needs_a_registry_of_images():
    with pytest.raises(SystemExit, match=r"cluster\.image_prefix='': .*--image-prefix"):
        main(["submit", "--recipe", "debug", "--host", "http://127.0.0.1:1"])


def prefixed(recipe):
    return replace(recipe, cluster=replace(recipe.cluster, image_prefix="host:5000/team"))


@pytest.mark.parametrize("prefix", ["https://host/team", "host/team/", "host:port"])
def test_an_image_prefix_is_host_and_path(prefix):
    with pytest.raises(ConfigError, match="image_prefix"):
        ClusterConfig(image_prefix=prefix)


def test_every_image_is_pulled_from_the_registry_of_the_cluster(tmp_path):
    arguments = ["compile", "--recipe", "debug", "--image-prefix", "host:5000/team", "--out"]
    main([*arguments, str(tmp_path / "vitrail.yaml")])
    spec = next(yaml.load_all((tmp_path / "vitrail.yaml").read_text(), yaml.CSafeLoader))
    named = {executor["container"]["image"] for executor in spec["deploymentSpec"]["executors"].values()}
    assert named == {f"host:5000/team/{image}" for image in IMAGES.values()}


@pytest.mark.parametrize("name", TRAININGS)
def test_the_nodes_of_a_trainjob_pull_from_it_too(name):
    pod = pod_settings(STEPS[name], prefixed(find_recipe("vit_b16_1b")).cluster, dsl.TaskConfig())
    assert pod.image == f"host:5000/team/{IMAGES['train']}"


@pytest.mark.parametrize("step", ALL_STEPS.values(), ids=ALL_STEPS)
def test_a_component_is_what_the_table_says(step):
    spec = make_component(step).component_spec
    assert spec.name == step.name.replace("_", "-")
    assert spec.description.startswith(step.summary)
    artifacts = {name for name, kind in spec.inputs.items() if kind.type.startswith("system.Artifact")}
    assert artifacts == set(step.inputs)
    own = {"task_config"} if step.is_training else set()
    assert set(spec.inputs) - artifacts == {"workspace", "run_id", "recipe", *step.arguments} | own
    assert set(spec.outputs) == {step.makes, *step.shows, "Output"}
    assert spec.implementation.container.image == IMAGES[step.image]


@pytest.mark.parametrize("step", ALL_STEPS.values(), ids=ALL_STEPS)
def test_a_component_hands_all_it_is_given_to_the_adapter(step, monkeypatch):
    called = []
    monkeypatch.setattr("components.adapter.run_task", lambda name, given: called.append((name, given)))
    function = make_component(step).python_func
    given = {name: object() for name in inspect.signature(function).parameters}
    function(**given)
    assert called == [(step.name, given)]


@pytest.mark.parametrize("step", ALL_STEPS.values(), ids=ALL_STEPS)
def test_a_component_is_short_and_ships_its_whole_source(step):
    function = make_component(step).python_func
    assert len(inspect.getsource(function).splitlines()) <= 40
    assert inspect.getsource(function) == write_source(step)


def test_kfp_command_compiles_the_pipeline_file(tmp_path):
    out = tmp_path / "pipeline.yaml"
    done = subprocess.run(
        [
            Path(sys.executable).with_name("kfp"),
            "dsl",
            "compile",
            "--py",
            "pipelines/vitrail_pipeline.py",
            "--output",
            out,
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load_all(out.read_text()).__next__()["pipelineInfo"]["name"] == "vitrail"
