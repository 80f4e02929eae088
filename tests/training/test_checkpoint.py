"""Checkpoints appear whole or not at all."""

import copy
import copyreg
import io
import os
import pickle
import re
import resource

import pytest
import torch
import torch.distributed as dist
from torch.distributed.checkpoint.metadata import _MEM_FORMAT_ENCODING, Metadata

from vitrail.errors import TrainingError
from vitrail.training import CheckpointConfig
from vitrail.training.checkpoint import Checkpointer, Progress
from vitrail.training.checkpoint_reader import TensorListReader
from vitrail.training.distributed import Process
from vitrail.training.job import list_checkpoints
from vitrail.training.optimization import MovingAverage


@pytest.fixture(scope="module")
def process():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield Process(rank=0, world_size=1, device=torch.device("cpu"), files=dist.new_group(backend="gloo"))
    dist.destroy_process_group()


class Training:
    """A module with everything a checkpoint holds."""

    def __init__(self, folder, process, seed: int) -> None:
        torch.manual_seed(seed)
        self.module = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.BatchNorm1d(64))
        self.optimizer = torch.optim.AdamW(self.module.parameters(), fused=True)
        self.average = MovingAverage(self.module, 0.9)
        config = CheckpointConfig(every_steps=1, keep=2)
        self.checkpoints = Checkpointer(folder, config, process, self.module, self.optimizer, self.average)

    def step(self, number: int) -> None:
        self.module(torch.ones(4, 64) * torch.arange(4.0)[:, None]).square().sum().backward()
        self.optimizer.step()
        self.average.update(number)

    def save(self, number: int) -> None:
        self.checkpoints.start(Progress(step=number, position=7 * number, identity="test"))
        self.checkpoints.finish()

    def state(self) -> dict:
        optimizer = self.optimizer.state_dict()["state"]
        return {"module": self.module.state_dict(), "average": self.average.tensors, "optimizer": optimizer}


def test_everything_comes_back(process, tmp_path):
    before = Training(tmp_path, process, seed=0)
    for number in range(3):
        before.step(number)
    before.save(3)
    after = Training(tmp_path, process, seed=1)
    progress = after.checkpoints.restore("test")
    assert progress == Progress(step=3, position=21, identity="test")
    torch.testing.assert_close(after.state(), before.state(), rtol=0, atol=0)


def test_training_may_go_on_while_a_checkpoint_is_written(process, tmp_path):
    training = Training(tmp_path, process, seed=0)
    training.step(0)
    before = copy.deepcopy(training.state())
    training.checkpoints.start(Progress(step=1, position=7, identity="test"))
    assert not list_checkpoints(tmp_path)  # it gets its name when it is whole
    training.step(1)
    training.checkpoints.finish()
    after = Training(tmp_path, process, seed=1)
    after.checkpoints.restore("test")
    torch.testing.assert_close(after.state(), before, rtol=0, atol=0)


def test_a_parameter_without_optimizer_state_comes_back_without(process, tmp_path):
    before = Training(tmp_path, process, seed=0)
    before.module[0].requires_grad_(False)
    before.step(0)
    before.save(1)
    after = Training(tmp_path, process, seed=1)
    after.checkpoints.restore("test")
    assert set(after.optimizer.state_dict()["state"]) == {2, 3}
    torch.testing.assert_close(after.state(), before.state(), rtol=0, atol=0)


def test_a_full_disk_leaves_the_last_checkpoint(process, tmp_path):
    training = Training(tmp_path, process, seed=0)
    training.save(1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))  # what a write meets is OSError, as on a full disk
    try:
        with pytest.raises(TrainingError, match=r"step 2 could not be written.*continues from step-00000001"):
            training.save(2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-00000001"]
    again = Training(tmp_path, process, seed=1)
    assert again.checkpoints.restore("test").step == 1
    assert not list(tmp_path.glob(".step-*"))


@pytest.mark.parametrize("kept", [0, 0.001, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("name", ["__0_0.distcp", ".metadata", "progress.json"])
def test_a_cut_checkpoint_is_named_with_a_reason(process, tmp_path, name, kept):
    training = Training(tmp_path, process, seed=0)
    training.step(0)
    training.save(1)
    path = tmp_path / "step-00000001" / name
    whole = path.read_bytes()
    path.write_bytes(whole[: min(int(kept * len(whole)), len(whole) - 2)])  # the last byte of JSON is a line end
    words = r"cannot be read: (rank 0: )?((\w+Error: )?[^:;]*\w+ \w+.*); remove that folder"
    with pytest.raises(TrainingError, match=f"step-00000001 {words}"):
        Training(tmp_path, process, seed=1).checkpoints.restore("test")


class _Intruder:
    def __reduce__(self):
        return os.mkdir, ("intruded",)


def test_a_checkpoint_cannot_run_code(process, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    training = Training(tmp_path / "training", process, seed=0)
    training.step(0)
    training.save(1)
    path = tmp_path / "training" / "step-00000001" / ".metadata"
    path.write_bytes(pickle.dumps(_Intruder()))
    with pytest.raises(TrainingError, match=r"mkdir has no place in the list of a checkpoint's tensors"):
        Training(tmp_path / "training", process, seed=1).checkpoints.restore("test")
    assert not (tmp_path / "intruded").exists()


def test_a_checkpoint_of_an_older_python_is_read(process, tmp_path):
    """Up to 3.11.3 members of enumerations were pickled as attributes."""
    training = Training(tmp_path, process, seed=0)
    training.step(0)
    training.save(1)
    path = tmp_path / "step-00000001" / ".metadata"
    stream = io.BytesIO()
    pickler = pickle.Pickler(stream)
    as_attribute = {_MEM_FORMAT_ENCODING: lambda member: (getattr, (_MEM_FORMAT_ENCODING, member.name))}
    pickler.dispatch_table = copyreg.dispatch_table | as_attribute
    pickler.dump(TensorListReader(path.parent).read_metadata())
    path.write_bytes(stream.getvalue())
    assert b"getattr" in path.read_bytes()
    assert Training(tmp_path, process, seed=1).checkpoints.restore("test").step == 1


@pytest.mark.parametrize("module", [b"pathlib", b"pathlib._local"])
def test_a_checkpoint_is_read_by_another_python(process, tmp_path, module):
    """3.13 pickles paths by the name of an inner module that others do not have."""
    training = Training(tmp_path, process, seed=0)
    training.step(0)
    training.save(1)
    path = tmp_path / "step-00000001" / ".metadata"
    stream = io.BytesIO()
    pickle.Pickler(stream, protocol=2).dump(TensorListReader(path.parent).read_metadata())
    written = re.sub(rb"cpathlib(\._local)?\n", b"c" + module + b"\n", stream.getvalue())
    assert b"c" + module + b"\nPosixPath" in written
    path.write_bytes(written)
    assert Training(tmp_path, process, seed=1).checkpoints.restore("test").step == 1


class _Climber:
    def __reduce__(self):
        return getattr, (Metadata, "__init__")


def test_a_checkpoint_cannot_reach_attributes(process, tmp_path):
    training = Training(tmp_path, process, seed=0)
    training.step(0)
    training.save(1)
    (tmp_path / "step-00000001" / ".metadata").write_bytes(pickle.dumps(_Climber()))
    with pytest.raises(TrainingError, match=r"__init__ has no place in the list of a checkpoint's tensors"):
        Training(tmp_path, process, seed=1).checkpoints.restore("test")
