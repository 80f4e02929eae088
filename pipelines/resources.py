"""What a task asks of a cluster. `kfp.local` passes over all of it."""

from kfp import dsl, kubernetes

from components.container_images import pulled_from
from vitrail.recipes import ClusterConfig
from vitrail.steps import Step

__all__ = ["place"]


def place(task: dsl.PipelineTask, step: Step, cluster: ClusterConfig) -> dsl.PipelineTask:
    """Names the image, mounts the shared workspace and sets requests and limits of a step's task.

    KFP's cache is off: it compares parameters and artifact ids, not what is behind them, and a task that it passes
    over leaves no record. The workspace's store is the only cache.
    """
    if cluster.image_prefix:
        task.set_container_image(pulled_from(cluster.image_prefix, task.container_spec.image))
    kubernetes.mount_pvc(task, pvc_name=cluster.workspace_claim, mount_path=cluster.workspace_mount)
    task.set_cpu_request(cluster.cpu).set_memory_request(cluster.memory).set_memory_limit(cluster.memory)
    task.set_caching_options(False)
    return task if step.resources == "cpu" else _with_gpu(task, cluster)


def _with_gpu(task: dsl.PipelineTask, cluster: ClusterConfig) -> dsl.PipelineTask:
    """Adds accelerators and the shared memory that data-loading workers need."""
    if cluster.accelerators:
        task.set_accelerator_type(cluster.accelerator_type).set_accelerator_limit(cluster.accelerators)
    kubernetes.empty_dir_mount(task, volume_name="shm", mount_path="/dev/shm", medium="Memory")  # noqa: S108
    return task
