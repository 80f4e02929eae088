"""What a task must say of itself, or a cluster decides it: each rule yields the gap and its remedy."""

from collections.abc import Iterator

from pipelines.lint.compiled_graph import CompiledTask

__all__ = ["GAPS"]

_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a mount point, not a temporary file
_RESOURCES = {
    "resourceCpuRequest": "cpu_request",
    "resourceCpuLimit": "cpu_limit",
    "resourceMemoryRequest": "memory_request",
    "resourceMemoryLimit": "memory_limit",
}


def caching(task: CompiledTask) -> Iterator[str]:
    """KFP's cache knows ids, not bytes, and leaves no record."""
    if task.task.get("cachingOptions", {}).get("enableCache"):
        yield "KFP's cache is on; call set_caching_options(False), the workspace's store is the cache"


def resources(task: CompiledTask) -> Iterator[str]:
    """A pod without requests is put anywhere and evicted first; one without limits takes its neighbours' memory."""
    said = task.container.get("resources", {})
    absent = [name for field, name in _RESOURCES.items() if not said.get(field)]
    if absent:
        yield f"no {', '.join(absent)}; give it a section of `cluster` (Step.resources)"


def timeout(task: CompiledTask) -> Iterator[str]:
    """A pod that hangs holds its node for ever."""
    if not int(task.kubernetes.get("activeDeadlineSeconds", 0)):
        yield "no timeout; set timeout_s of its section of `cluster`"


def security_context(task: CompiledTask) -> Iterator[str]:
    """`runAsNonRoot` needs a number: a USER that an image gives by name is refused."""
    said = task.kubernetes.get("securityContext", {})
    if not said.get("runAsNonRoot") or not int(said.get("runAsUser", 0)):
        yield "no security context with a user's number that is not root; set cluster.run_as_user"


def workspace(task: CompiledTask) -> Iterator[str]:
    """Tasks hand on manifests: what these name lies on the shared volume."""
    if not task.kubernetes.get("pvcMount"):
        yield "the shared workspace is not mounted; set cluster.workspace_claim"


def shared_memory(task: CompiledTask) -> Iterator[str]:
    """Readers and NCCL talk through /dev/shm, where a container has 64 MiB."""
    has_accelerator = "accelerator" in task.container.get("resources", {})
    mounts = [mount for mount in task.kubernetes.get("emptyDirMounts", []) if mount.get("mountPath") == _SHARED_MEMORY]
    if has_accelerator and not any(mount.get("medium") == "Memory" for mount in mounts):
        yield f"accelerators and no {_SHARED_MEMORY} in memory; set shared_memory of its section of `cluster`"


def image(task: CompiledTask) -> Iterator[str]:
    """An image without a tag, or with the one that moves, is another tomorrow."""
    name = task.container.get("image", "").rpartition("/")[2]
    if task.container and (":" not in name or name.endswith(":latest")):
        yield f"its image {name or '(none)'} has no tag that stays; name it with a version or a digest"


GAPS = (caching, resources, timeout, security_context, workspace, shared_memory, image)
