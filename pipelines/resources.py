"""What a task asks of a cluster. `kfp.local` passes over all of it."""

from kfp import dsl, kubernetes

from components.container_images import pulled_from
from vitrail.recipes import ClusterConfig

__all__ = ["place", "place_on_gpu"]


def place(task: dsl.PipelineTask, cluster: ClusterConfig, *, is_cached: bool = True) -> dsl.PipelineTask:
    """Names the image, mounts the shared workspace, sets requests and limits, and switches KFP's cache on or off.

    A task that reads a registry or starts a server is never cached: the backend compares parameters and
    artifact ids, not what the registry holds.
    """
    if cluster.image_prefix:
        task.set_container_image(pulled_from(cluster.image_prefix, task.container_spec.image))
    kubernetes.mount_pvc(task, pvc_name=cluster.workspace_claim, mount_path=cluster.workspace_mount)
    task.set_cpu_request(cluster.cpu).set_memory_request(cluster.memory).set_memory_limit(cluster.memory)
    task.set_caching_options(is_cached)
    return task


def place_on_gpu(task: dsl.PipelineTask, cluster: ClusterConfig) -> dsl.PipelineTask:
    """As `place`, with accelerators and the shared memory that data-loading workers need."""
    place(task, cluster)
    if cluster.accelerators:
        task.set_accelerator_type(cluster.accelerator_type).set_accelerator_limit(cluster.accelerators)
    kubernetes.empty_dir_mount(task, volume_name="shm", mount_path="/dev/shm", medium="Memory")  # noqa: S108
    return task
