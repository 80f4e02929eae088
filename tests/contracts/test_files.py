import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from vitrail.config import Config, require
from vitrail.contracts.codec import decode, encode, load, save
from vitrail.contracts.files import atomic_file, atomic_folder, digest_json, replace_link, write_json
from vitrail.errors import ConfigError


def leftovers(folder):
    return [path.name for path in folder.iterdir() if "partial" in path.name]


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(RuntimeError), atomic_file(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert path.read_text() == "before"
    with atomic_file(path) as partial:
        partial.write_text("after")
    assert path.read_text() == "after"
    assert leftovers(tmp_path) == []


def test_a_folder_replaces_the_old_one_when_it_is_complete(tmp_path):
    path = tmp_path / "folder"
    for text in ("one", "two"):
        with atomic_folder(path) as partial:
            (partial / text).touch()
    assert [child.name for child in path.iterdir()] == ["two"]
    with pytest.raises(KeyboardInterrupt), atomic_folder(path) as partial:
        (partial / "three").touch()
        raise KeyboardInterrupt
    assert [child.name for child in path.iterdir()] == ["two"]
    assert leftovers(tmp_path) == []


def test_a_kill_in_the_middle_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"state": "before"})
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom vitrail.contracts.files import atomic_file\n"
        "with atomic_file(Path(sys.argv[1])) as partial:\n    partial.write_text('half')\n    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == -9
    assert json.loads(path.read_text()) == {"state": "before"}


def test_a_full_disk_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, "before")
    with pytest.raises(OSError, match="No space left"), atomic_file(path):
        Path("/dev/full").write_text("x")
    assert json.loads(path.read_text()) == "before"


def test_devices_are_not_replaced():
    with pytest.raises(ValueError, match="device"), atomic_file(Path(os.devnull)):
        raise AssertionError("must not get here")


def test_not_a_number_is_not_json(tmp_path):
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "a.json", float("nan"))
    assert list(tmp_path.iterdir()) == []


def test_digest_does_not_depend_on_the_order_of_keys():
    assert digest_json({"a": 1, "b": 2}) == digest_json({"b": 2, "a": 1}) != digest_json({"a": 1, "b": 3})


def test_link_is_replaced(tmp_path):
    for target in ("one", "two"):
        replace_link(tmp_path / "link", target)
    assert (tmp_path / "link").readlink() == Path("two")


@dataclass(frozen=True, kw_only=True)
class Inner(Config):
    rate: float = 0.5

    def __post_init__(self) -> None:
        require(self.rate > 0, "rate", self.rate, "must be above 0")


@dataclass(frozen=True, kw_only=True)
class Outer(Config):
    name: str
    inner: Inner
    sizes: tuple[int, ...] = (1, 2)


def test_config_survives_json(tmp_path):
    outer = Outer(name="x", inner=Inner(rate=2))
    save(tmp_path / "outer.json", outer)
    assert load(Outer, tmp_path / "outer.json") == outer
    assert outer.digest == load(Outer, tmp_path / "outer.json").digest != Outer(name="y", inner=Inner()).digest


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": "x"}, "inner: Field required"),
        ({"name": "x", "inner": {}, "nmae": 1}, "nmae: Unexpected keyword argument"),
        ({"name": "x", "inner": {"rate": "fast"}}, "inner.rate: .*number.*got 'fast'"),
        ({"name": "x", "inner": {"rate": -1}}, "rate=-1.0: must be above 0"),
    ],
)
def test_bad_config_names_the_field(data, message):
    with pytest.raises(ConfigError, match=message):
        decode(Outer, data, "recipe.json")


def test_unreadable_documents_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.json does not exist"):
        load(Outer, tmp_path / "absent.json")
    (tmp_path / "half.json").write_text('{"name": ')
    with pytest.raises(ConfigError, match=r"half\.json is not JSON"):
        load(Outer, tmp_path / "half.json")


def test_encode_gives_plain_json():
    assert encode(Outer(name="x", inner=Inner())) == {"name": "x", "inner": {"rate": 0.5}, "sizes": [1, 2]}
