"""The source that a step's artifact hangs on: what its body imports, near and far, and nothing else.

Imports are followed in the text, so nothing is loaded. Names of a lazily importing package lead to the one module
that defines them (its `__init__.pyi` says which). A string that is a module's full name counts as an import: so
processes are started. A package whose `__path__` is read is taken whole: its modules are found by name. What is
imported for type checkers alone does not count, nor do comments and docstrings.
"""

import ast
import functools
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vitrail.contracts.files import digest_file, digest_json
from vitrail.errors import ConfigError

__all__ = ["digest_source", "find_source"]

# The repository's own packages; every other one is pinned, and no part of a key.
_PACKAGES = ("vitrail", "components", "features", "serving")


def digest_source(module: str) -> str:
    """Digest of the code and data files that `module` hangs on; comments, docstrings and layout do not count."""
    files = find_source(module)
    return digest_json({name: _read(path, name).digest for name, path in files.items()})


def find_source(module: str) -> dict[str, Path]:
    """The modules that `module` imports, near and far, and itself, by name; data files beside them by their path.

    Raises:
        ConfigError: There is no such module among the repository's own.
    """
    modules: dict[str, Path] = {}
    due = [module]
    if _locate(module) is None:
        raise ConfigError(f"step module {module!r} is not in this repository; run it from a clone, or set VITRAIL_HOME")
    while due:
        name = due.pop()
        path = _locate(name)
        if path is None or name in modules:
            continue
        modules[name] = path
        due += [*_parents(name), *_read(path, name).imports]
    return dict(sorted((modules | _data_files(modules)).items()))


def _data_files(modules: dict[str, Path]) -> dict[str, Path]:
    """Files beside these modules, or in a folder beside them that is no package, which one of them names."""
    named = frozenset[str]().union(*(_read(path, name).strings for name, path in modules.items()))
    found: dict[str, Path] = {}
    for folder in {path.parent for path in modules.values()}:
        plain = [place for place in folder.iterdir() if place.is_dir() and not (place / "__init__.py").exists()]
        for file in (file for place in (folder, *plain) for file in place.iterdir()):
            if file.name in named and file.is_file() and file.suffix not in (".py", ".pyi"):
                found[str(file.relative_to(folder.parent))] = file
    return found


@dataclass(frozen=True)
class _Text:
    """What a file says: which modules it imports, its strings, and a digest of what it does."""

    imports: frozenset[str]
    strings: frozenset[str]
    digest: str


def _read(path: Path, name: str) -> _Text:
    if path.suffix != ".py":
        return _Text(frozenset(), frozenset(), digest_file(path))
    return _parse(path.read_text(encoding="utf-8"), name, is_package=path.name == "__init__.py")


@functools.lru_cache(maxsize=512)
def _parse(text: str, name: str, *, is_package: bool) -> _Text:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            del node.body[: ast.get_docstring(node, clean=False) is not None]
    nodes = list(_walk(tree))
    strings = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    imports = {string for string in strings if "." in string and _locate(string)}
    bound: dict[str, str] = {}  # local names of packages, whose attributes may be names of further modules
    for node in nodes:
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
            bound |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, name, is_package=is_package)
            imports |= {_definer(base, alias.name) for alias in node.names}
            bound |= {alias.asname or alias.name: f"{base}.{alias.name}" for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.Attribute) and (package := bound.get(ast.unparse(node.value))):
            imports |= set(_modules_in(package)) if node.attr == "__path__" else {_definer(package, node.attr)}
    return _Text(frozenset(imports), frozenset(strings), digest_json(ast.dump(tree)))


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below, except what only type checkers read."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _walk(child)


def _absolute(node: ast.ImportFrom, name: str, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = name.split(".")
    parts = parts[: len(parts) - node.level + is_package]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _definer(package: str, name: str) -> str:
    """The module that `from package import name` needs."""
    if _locate(f"{package}.{name}"):
        return f"{package}.{name}"
    return _lazy_names(package).get(name, package)


@functools.cache
def _lazy_names(package: str) -> dict[str, str]:
    """The defining module of each name of a package that imports them at first use."""
    path = _locate(package)
    stub = path.with_suffix(".pyi") if path else None
    if stub is None or not stub.exists():
        return {}
    nodes = [node for node in ast.parse(stub.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)]
    return {
        alias.name: _definer(_absolute(node, package, is_package=True), alias.name)
        for node in nodes
        for alias in node.names
    }


def _modules_in(package: str) -> Iterator[str]:
    path = _locate(package)
    folder = path.parent if path else Path(package)
    yield from (f"{package}.{file.stem}" for file in folder.glob("*.py") if file.stem != "__init__")


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


@functools.cache
def _locate(name: str) -> Path | None:
    """The file of one of our own modules; None for any other name."""
    first, *rest = name.split(".")
    root = _root(first)
    if root is None or not all(part.isidentifier() for part in rest):
        return None
    place = root.joinpath(*rest)
    return next((path for path in (place / "__init__.py", place.with_suffix(".py")) if path.is_file()), None)


@functools.cache
def _root(package: str) -> Path | None:
    spec = importlib.util.find_spec(package) if package in _PACKAGES else None
    return Path(spec.origin).parent if spec and spec.origin else None
