"""Names that come from data: plain, or refused. They become files, parameters of models and metrics, never paths."""

import re
import unicodedata
from collections.abc import Iterable

from vitrail.errors import ConfigError

__all__ = ["RESERVED_TASKS", "TASK_NAME", "require_distinct", "require_file_name", "require_task_name"]

TASK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_FILE_NAME_BYTES = 200  # leaves room for an extension and a suffix under the 255 of a file system

# A model has a head a task, and an attribute of torch's containers cannot be one. Loading transformers adds one.
_TORCH_ATTRIBUTES = """
add_module apply bfloat16 buffers call_super_init children clear compile copy cpu cuda double dump_patches eval
extra_repr float forward fromkeys get get_buffer get_extra_state get_parameter get_submodule half ipu items keys
load_state_dict modules mtia named_buffers named_children named_modules named_parameters parameters pop popitem
register_backward_hook register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook
register_full_backward_pre_hook register_load_state_dict_post_hook register_load_state_dict_pre_hook
register_module register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
set_extra_state set_submodule setdefault share_memory smart_apply state_dict t_destination to to_empty train training
type update values xpu zero_grad
"""
RESERVED_TASKS = frozenset({"annotations", "embedding", *_TORCH_ATTRIBUTES.split()})


def require_task_name(name: str) -> None:
    """Refuses a task name that is not a plain identifier, or that a model has for itself.

    Raises:
        ConfigError: The name has another letter than a-z, 0-9, "_" and "-", is too long, or is reserved.
    """
    if not TASK_NAME.fullmatch(name):
        raise ConfigError(
            f"task name {name!r:.120}: a name is a letter or digit, then at most 63 letters (a-z), digits, '_' or '-'"
        )
    if name.lower() in RESERVED_TASKS:
        raise ConfigError(f"task name {name!r} is reserved: a model has a part of that name; choose another")


def require_file_name(name: str, what: str) -> None:
    """Refuses what is not the plain name of one file.

    Raises:
        ConfigError: The name is empty, leads elsewhere, is too long, or holds characters that cannot be shown.
    """
    is_plain = (
        name not in {"", ".", ".."}
        and not set(name) & {"/", "\\"}
        and not any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in name)
        and len(name.encode()) <= _FILE_NAME_BYTES
    )
    if not is_plain:
        raise ConfigError(
            f"{what} {name!r:.240} is not the plain name of a file: rename it, without '/', '\\' and control "
            f"characters, in UTF-8, at most {_FILE_NAME_BYTES} bytes"
        )


def require_distinct(names: Iterable[str], what: str) -> None:
    """Refuses two names that one file system could take for one.

    Raises:
        ConfigError: Two names differ at most in upper and lower case.
    """
    seen: dict[str, str] = {}
    for name in names:
        folded = name.lower()
        if folded in seen:
            raise ConfigError(f"two {what} have one name ({seen[folded]!r} and {name!r}): rename one")
        seen[folded] = name
