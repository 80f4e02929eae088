"""What a task asks of a cluster. `kfp.local` passes over all of it but retries."""

from dataclasses import asdict

from kfp import dsl, kubernetes

from components.container_images import pulled_from
from vitrail.recipes import ClusterConfig
from vitrail.recipes.cluster import Resources

__all__ = ["place"]

_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a mount point, not a temporary file


def place(task: dsl.PipelineTask, asked: Resources, cluster: ClusterConfig) -> dsl.PipelineTask:
    """Names the image, mounts the shared workspace, and sets what the task may use, where, how often and how long.

    KFP's cache is off: it compares parameters and artifact ids, not what is behind them, and a task that it passes
    over leaves no record. The workspace's store is the only cache.
    """
    task.set_caching_options(False)
    _set_image(task, cluster)
    kubernetes.mount_pvc(task, pvc_name=cluster.workspace_claim, mount_path=cluster.workspace_mount)
    for item in cluster.secret_variables:
        kubernetes.use_secret_as_env(task, item.secret, {item.key: item.variable})
    kubernetes.set_security_context(
        task, run_as_user=cluster.run_as_user, run_as_group=cluster.run_as_group, run_as_non_root=True
    )
    _set_resources(task, asked)
    _set_nodes(task, asked)
    _set_patience(task, asked)
    return task


def _set_image(task: dsl.PipelineTask, cluster: ClusterConfig) -> None:
    if cluster.image_prefix:
        task.set_container_image(pulled_from(cluster.image_prefix, task.container_spec.image))
    if cluster.image_pull_secrets:
        kubernetes.set_image_pull_secrets(task, list(cluster.image_pull_secrets))


def _set_resources(task: dsl.PipelineTask, asked: Resources) -> None:
    task.set_cpu_request(asked.cpu_request).set_cpu_limit(asked.cpu_limit)
    task.set_memory_request(asked.memory_request).set_memory_limit(asked.memory_limit)
    if asked.accelerators:
        task.set_accelerator_type(asked.accelerator_type).set_accelerator_limit(asked.accelerators)
    if asked.shared_memory:
        kubernetes.empty_dir_mount(
            task,
            volume_name="shm",
            mount_path=_SHARED_MEMORY,
            medium="Memory",
            size_limit=asked.shared_memory,
        )


def _set_nodes(task: dsl.PipelineTask, asked: Resources) -> None:
    for label, value in asked.node_selector.items():
        kubernetes.add_node_selector(task, label, value)
    for toleration in asked.tolerations:
        kubernetes.add_toleration(task, **asdict(toleration))
    if asked.node_affinity:
        kubernetes.add_node_affinity_json(task, asked.node_affinity)


def _set_patience(task: dsl.PipelineTask, asked: Resources) -> None:
    retries = asked.retries
    if retries.num:
        task.set_retry(
            retries.num,
            backoff_duration=f"{retries.backoff_s}s",
            backoff_factor=retries.backoff_factor,
            backoff_max_duration=f"{retries.backoff_max_s}s",
        )
    kubernetes.set_timeout(task, asked.timeout_s)
