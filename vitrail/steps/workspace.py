"""Where runs and their artifacts lie: a folder a run, and a content-addressed store that runs share.

<workspace>/store/<step>/<key>/          artifacts, whole or absent; `key` is a digest of everything they depend on
<workspace>/store/<step>/<key>.work/     what an unfinished step keeps for its next try; of a training, checkpoints, and
                                         `key` is a digest of what decides the training
<workspace>/<run_id>/steps/<step>.json   StepRecord
<workspace>/<run_id>/failed/<step>/      what a failed step had written
<workspace>/<run_id>/pipeline.log        what the tools of a local pipeline run wrote
<workspace>/latest -> <run_id>           the run that was begun last; for people, nothing is read through it
"""

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path

from vitrail.contracts.codec import load, save
from vitrail.contracts.files import replace_link
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.runs import RECIPE_FILE, StepRecord
from vitrail.recipes import Recipe
from vitrail.steps.run_ids import require_run_id

__all__ = ["Workspace"]


@dataclass(frozen=True)
class Workspace:
    """One run's view of the workspace folder.

    Raises:
        ConfigError: `run_id` is not a generated id.
    """

    root: Path
    run_id: str

    def __post_init__(self) -> None:
        require_run_id(self.run_id)

    @property
    def run_folder(self) -> Path:
        """The run's own folder."""
        return self.root / self.run_id

    def failed(self, step: str) -> Path:
        """Where what a failed step had written is kept."""
        return self.run_folder / "failed" / step

    def begin(self, recipe: Recipe) -> None:
        """Makes the run folder with the resolved recipe and points `latest` at it; does nothing the next time."""
        if not (self.run_folder / RECIPE_FILE).exists():
            save(self.run_folder / RECIPE_FILE, recipe)
            replace_link(self.root / "latest", self.run_id)

    def stored(self, step: str, key: str) -> Path:
        """Where the artifact of `step` with that key lies or would lie."""
        return self.root / "store" / step / key

    def write(self, record: StepRecord) -> None:
        """Writes or replaces the record of a step; its artifact relative to the run: a workspace can be moved."""
        if record.artifact is not None:
            relative = os.path.relpath(record.artifact, self.run_folder.resolve())
            record = replace(record, artifact=relative)
        save(self.run_folder / StepRecord.FILE.format(step=record.step), record)

    def records(self) -> tuple[StepRecord, ...]:
        """The records of this run, in the order the steps started.

        Raises:
            RunError: One is of another version of the library, or damaged.
        """
        paths = self.run_folder.glob(StepRecord.FILE.format(step="*"))
        return tuple(sorted(map(self._read, paths), key=lambda record: record.started_at))

    def _read(self, path: Path) -> StepRecord:
        record = load(StepRecord, path)
        if record.artifact is None:
            return record
        return replace(record, artifact=os.path.normpath(self.run_folder.resolve() / record.artifact))

    def lineage(self) -> Lineage:
        """What the steps of this run have settled so far."""
        known = {field.name for field in fields(Lineage)}
        settled = {name: value for record in self.records() for name, value in record.lineage.items()}
        return replace(Lineage(run_id=self.run_id), **{k: v for k, v in settled.items() if k in known})
