"""Every contract, found in the source: what a reader says to each way in which its file can be wrong."""

import ast
import dataclasses
import importlib
import json
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from vitrail.contracts.codec import decode, encode, read, read_optional, write
from vitrail.contracts.contract import Contract
from vitrail.contracts.verdict import Verdict
from vitrail.errors import GateError, VitrailError

REPOSITORY = Path(__file__).parents[2]
DECLARATIONS = REPOSITORY / "vitrail" / "contracts"
PACKAGES = ("vitrail", "components", "pipelines", "serving", "features")


def sources():
    for package in PACKAGES:
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            if not path.is_relative_to(REPOSITORY / "serving" / "lib"):  # a copy of the library
                yield path, ast.parse(path.read_text(encoding="utf-8"))


def found_contracts():
    """Every class that names Contract as a base, so that a new one is tested the day it is written."""
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Contract" for base in node.bases):
                module = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
                yield getattr(importlib.import_module(module), node.name)


CONTRACTS = sorted(found_contracts(), key=lambda kind: kind.__name__)


def example(kind: Any) -> Any:
    """A value of a type, made up of its fields."""
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{field.name: example(hints[field.name]) for field in dataclasses.fields(kind)})
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return arguments[0]
    if origin is tuple:
        return tuple(example(argument) for argument in arguments if argument is not Ellipsis)
    if origin is dict:
        return {example(arguments[0]): example(arguments[1])}
    if arguments:  # a union: its first member
        return example(arguments[0])
    return {str: "text", int: 3, float: 0.5, bool: True, Path: Path("a/b"), Any: "anything"}[kind]


def file_of(kind: type[Contract]) -> str:
    """The name of its file, with anything where it changes from one to the next."""
    return kind.FILE.replace("{", "").replace("}", "")


def wrongly_typed(form: dict[str, Any]) -> dict[str, Any]:
    """The form with a first field that holds what no contract does: a list in a list."""
    name = next(name for name in form if name != "schema_version")
    return form | {name: [[]]}


def inside_a_part(form: dict[str, Any]) -> dict[str, Any]:
    """The form with a field nobody knows in the first of its parts, or in itself when it has none."""
    for name, value in form.items():
        part = value[0] if isinstance(value, list) and value else value
        if isinstance(part, dict) and len(part) > 1:
            changed = part | {"nobody_knows": 1}
            return form | {name: [changed] if isinstance(value, list) else changed}
    return form | {"nobody_knows": 1}


# What is done to the JSON form, and what the message says beside the remedy. None: the file is not there.
FAULTS = {
    "missing": (None, r"is not {noun} \(no {file}\)"),
    "truncated": (lambda form: json.dumps(form)[:-2], r"{file} is not JSON"),
    "not an object": (lambda form: json.dumps([form]), r"{file} is not a valid {name}: value: "),
    "newer version": (
        lambda form: form | {"schema_version": 99},
        "has schema version 99, {reads}; update vitrail, or ",
    ),
    "older version": (
        lambda form: form | {"schema_version": 0},
        "has schema version 0, {reads}; ",
    ),
    "no version": (
        lambda form: {k: v for k, v in form.items() if k != "schema_version"},
        "no schema version, {reads}; ",
    ),
    "version no number": (lambda form: form | {"schema_version": "1"}, "schema_version: '1' is no number"),
    "unknown field": (lambda form: form | {"nobody_knows": 1}, "nobody_knows: Unexpected keyword argument"),
    "unknown field in a part": (inside_a_part, "nobody_knows: Unexpected keyword argument"),
    "wrong type": (wrongly_typed, r"is not a valid {name}: .*Input should be"),
    "missing field": (
        lambda form: {"schema_version": form["schema_version"]},
        r"is not a valid {name}: .*Field required",
    ),
}


def test_the_contracts_are_those_that_are_handed_on():
    handed_on = {
        *("CorpusManifest", "LabelSetManifest", "ModelManifest", "IndexManifest", "EvaluationReport", "Verdict"),
        *("ServingReport", "ValidationReport", "Profile", "BundleManifest", "StepRecord", "ArtifactManifest"),
        *("ModelVersion", "Release", "LabelDiff", "BuiltBento", "ComparedChampion", "RunSummary", "PlanReview"),
    }
    assert handed_on <= {kind.__name__ for kind in CONTRACTS}


def test_no_two_contracts_share_a_file():
    names = [kind.FILE for kind in CONTRACTS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("kind", CONTRACTS, ids=lambda kind: kind.__name__)
def test_what_is_written_is_read(kind, tmp_path):
    value = example(kind)
    (tmp_path / file_of(kind)).parent.mkdir(exist_ok=True)
    assert read_optional(kind, tmp_path) is None
    write(tmp_path, value)
    assert read(kind, tmp_path) == value == read_optional(kind, tmp_path)
    assert encode(value)["schema_version"] == kind.VERSION >= 1


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", CONTRACTS, ids=lambda kind: kind.__name__)
def test_what_is_wrong_is_named_with_its_remedy(kind, fault, tmp_path):
    change, message = FAULTS[fault]
    if change is not None:
        changed = change(encode(example(kind)))
        path = tmp_path / kind.FILE
        path.parent.mkdir(exist_ok=True)
        path.write_text(changed if isinstance(changed, str) else json.dumps(changed))
    words = {
        "reads": f"this vitrail reads version {kind.VERSION}",
        "noun": kind.NOUN,
        "file": Path(kind.FILE).name,
        "name": kind.__name__,
    }
    with pytest.raises(VitrailError, match=message.format(**words)) as refused:
        read(kind, tmp_path)
    assert type(refused.value) is kind.ERROR
    assert str(refused.value).endswith(kind.REMEDY)
    assert str(tmp_path) in str(refused.value)


def test_a_verdict_of_another_form_blesses_nothing():
    blessed = encode(dataclasses.replace(example(Verdict), status="blessed"))
    assert decode(Verdict, blessed, "a verdict").is_blessed
    with pytest.raises(GateError, match="schema version 99"):
        decode(Verdict, blessed | {"schema_version": 99, "unknown": 1}, "a verdict")
    with pytest.raises(GateError, match="unknown: Unexpected keyword argument"):
        decode(Verdict, blessed | {"unknown": 1}, "a verdict")


def named_files():
    """The files of contracts, and the tables beside them that a module of contracts gives a name."""
    modules = [importlib.import_module(f"vitrail.contracts.{path.stem}") for path in DECLARATIONS.glob("*.py")]
    tables = {value for module in modules for name, value in vars(module).items() if name.endswith(("_FILE", "_FILES"))}
    return tables | {kind.FILE for kind in CONTRACTS}


def literals(tree):
    """Every text in a module but those that declare a contract."""
    declared = {
        keyword.value
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for keyword in node.keywords
        if keyword.arg == "file"
    }
    return [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in declared]


def test_files_of_contracts_are_named_by_them_alone():
    """A literal in a module would go on naming the old file when the contract names a new one."""
    names = named_files()
    assert {"corpus.json", "steps/{step}.json", "splits.parquet", "model.safetensors"} <= names
    spelled = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}: {node.value}"
        for path, tree in sources()
        if not path.is_relative_to(DECLARATIONS)
        for node in literals(tree)
        if node.value in names
    ]
    assert spelled == []
