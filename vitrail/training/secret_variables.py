"""Variables of a TrainJob's nodes whose values are in secrets.

The Trainer API takes them in `trainer.env`, which the SDK fills with plain values only, and it refuses variables of the
container `node` in a pod patch. Volumes are allowed there: each variable is a file of a secret volume, which the shell
of the node reads. No value of a secret enters the TrainJob.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vitrail.config import require

__all__ = ["SecretVariables"]

_FOLDER = "/etc/vitrail/variables"


@dataclass(frozen=True, kw_only=True)
class SecretVariables:
    """What the nodes mount, and the commands that make variables of it.

    Attributes:
        exports: For a POSIX shell; a variable of a secret that is optional and not there stays unset.
    """

    volumes: list[dict[str, Any]]
    volume_mounts: list[dict[str, Any]]
    exports: str

    @classmethod
    def among(cls, env: Sequence[dict[str, Any]]) -> "SecretVariables":
        """Those of a container's variables that are taken from a secret.

        Raises:
            ConfigError: A variable has neither a value nor a secret.
        """
        volumes: list[dict[str, Any]] = []
        mounts: list[dict[str, Any]] = []
        exports: list[str] = []
        for variable in env:
            name, told = variable["name"], variable.get("valueFrom", {})
            is_told = "value" in variable or "secretKeyRef" in told
            require(is_told, "env", name, "a TrainJob takes variables with a value or with the key of a secret")
            if "secretKeyRef" not in told:
                continue
            reference, volume = told["secretKeyRef"], f"variable-{len(volumes)}"
            items = [{"key": reference["key"], "path": name}]
            is_optional = reference.get("optional", False)
            volumes.append(
                {
                    "name": volume,
                    "secret": {"secretName": reference["name"], "items": items, "optional": is_optional},
                }
            )
            mounts.append({"name": volume, "mountPath": f"{_FOLDER}/{name}", "readOnly": True})
            file = shlex.quote(f"{_FOLDER}/{name}/{name}")
            exports.append(f'if [ -e {file} ]; then export {name}="$(cat {file})"; fi; ')
        return cls(volumes=volumes, volume_mounts=mounts, exports="".join(exports))
