"""From the frames of a file to the frames that are wanted: times, unwrapping, selection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lionn_rs._core import __version__
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.trajectories import ase_files, h5md, lammps_dump, mdanalysis, vasp
from lionn_rs.trajectories.formats import Format, find_format
from lionn_rs.trajectories.geometry import SteadyBasis, Unwrapper
from lionn_rs.trajectories.source import Block, Floats, Given, Source, in_blocks
from lionn_rs.units import PS_TO_FS

if TYPE_CHECKING:
    from lionn_rs.md.trajectory import StageName

__all__ = ["Pipeline", "Selection", "check_spacing", "metadata_of", "open_source"]

SPACING_TOLERANCE = 1e-4
"""Relative to the time between frames: files write times with few digits."""
TIME_ROUNDING = 2.0**-22
"""Relative to the times: XTC has them in single precision."""

EXTENT_OF_FOLDED = 1.5
"""Positions that range over more of a lattice vector than this are not folded; 1 would be enough
but for atoms that a program folds only when it rebuilds its neighbor list."""

_READERS = {
    "extxyz": ase_files.read_extxyz,
    "traj": ase_files.read_traj,
    "xdatcar": vasp.read_xdatcar,
    "vasprun": vasp.read_vasprun,
    "lammps-dump": lammps_dump.read_dump,
    "dcd": mdanalysis.read_dcd,
    "xtc": mdanalysis.read_xtc,
    "trr": mdanalysis.read_trr,
}


def open_source(
    path: Path, given: Given, *, name: str | None = None, stage: StageName | None = None
) -> Source:
    """Open a trajectory of any readable format.

    Raises
    ------
    DataError
        The file is missing, damaged, or of an unknown format.
    ConfigError
        Something has to be said about it.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    form: Format = find_format(path, name)
    if form.name == "h5md":
        return h5md.read_h5md(path, given, stage)
    if stage is not None:
        raise ConfigError(
            f"{path}: only runs of lionn_rs have stages: choose frames by time (--start, --stop)"
        )
    if path.is_dir():
        raise DataError(f"{path}: is a folder, expected a file ({form.title})")
    return _READERS[form.name](path, given)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which frames are wanted.

    Attributes
    ----------
    every : int
        One of so many, counted from the first that is wanted.
    start_ps, stop_ps : float, optional
        Times of the trajectory, ends included.
    skip_ps : float
        Left out after the first frame.
    """

    every: int = 1
    start_ps: float | None = None
    stop_ps: float | None = None
    skip_ps: float = 0.0

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(f"--every (every) must be at least 1, got {self.every}")
        if not self.skip_ps >= 0:
            raise ConfigError(f"--skip-ps (skip_ps) must not be negative, got {self.skip_ps}")
        start, stop = self.start_ps, self.stop_ps
        if start is not None and stop is not None and start > stop:
            raise ConfigError(f"--start {start:g} lies after --stop {stop:g}")

    @property
    def by_time(self) -> bool:
        """Whether the times of the frames are needed."""
        return bool(self.skip_ps) or self.start_ps is not None or self.stop_ps is not None

    def record(self) -> dict[str, Any]:
        """Only what differs from "all frames"."""
        entries = {"every": self.every, "start_ps": self.start_ps, "stop_ps": self.stop_ps}
        entries["skip_ps"] = self.skip_ps
        return {name: value for name, value in entries.items() if value not in (None, 0.0, 1)}


class Pipeline:
    """Blocks of selected frames with Cartesian positions, step and time.

    Parameters
    ----------
    source : Source
    given : Given
    selection : Selection
    unwrapped : bool
        Make paths continuous.
    timed : bool
        Times are needed; otherwise they may be missing.

    Attributes
    ----------
    how : str
        How positions became unwrapped, in words.
    n_read : int
        Frames read so far.
    """

    def __init__(
        self,
        source: Source,
        given: Given,
        selection: Selection,
        *,
        unwrapped: bool,
        timed: bool,
    ) -> None:
        self.source = source
        self.given = given
        self.selection = selection
        self.timed = timed or selection.by_time
        self.kind = given.positions or source.positions
        self.how = source.how or "taken as they are"
        self.n_read = 0
        self._unwrap = Unwrapper() if unwrapped and self._foldable() else None
        self._basis = SteadyBasis() if source.pbc.all() else None
        self._last_step: int | None = None
        self._first_step: int | None = None
        self._n_timed = 0
        self._start_fs: float | None = None
        self._n_wanted = 0

    def _foldable(self) -> bool:
        """Whether positions must be unwrapped by shortest images."""
        if self.kind == "unwrapped":
            return False
        axes = self.source.pbc
        if not axes.any():
            self.how = "not periodic, taken as they are"
            return False
        if not axes.all():
            raise DataError(
                f"{self.source.path}: is not periodic along all three axes and cannot be unwrapped "
                "(--positions unwrapped, if it is already)"
            )
        self.how = "shortest periodic image of every step, certified to be the only one"
        return True

    def __iter__(self) -> Iterator[Block]:
        for block in in_blocks(self.source.frames, len(self.source.numbers)):
            self.n_read += len(block)
            block = self._without_repeats(block)
            if len(block) == 0:
                continue
            block = self._timed(block)
            rows = self._wanted(block)
            if self._unwrap is not None:  # the path goes through all frames
                block = self._cartesian(block)
            if len(rows):
                chosen = block.part(rows)
                yield chosen if self._unwrap is not None else self._cartesian(chosen)
            stop, times = self.selection.stop_ps, block.time_fs
            if stop is not None and times is not None and times[-1] > stop * PS_TO_FS:
                return

    def _without_repeats(self, block: Block) -> Block:
        """Drop frames written twice where a run was continued."""
        if block.step is None:
            return block
        path = self.source.path
        before = block.step[0] - 1 if self._last_step is None else self._last_step
        change = np.diff(block.step, prepend=before)
        if (change < 0).any():
            row = int(np.flatnonzero(change < 0)[0])
            raise DataError(
                f"{path}, frame {block.index[row]}: step {block.step[row]} after step "
                f"{block.step[row] - change[row]}: several runs in one file? split them"
            )
        self._last_step = int(block.step[-1])
        if (change == 0).any():
            n = int((change == 0).sum())
            self.source.notes.append(f"{n} repeated frames (same step) left out")
        return block.part(change > 0)

    def _cartesian(self, block: Block) -> Block:
        source, positions, cells = self.source, block.positions, block.cells
        if self._basis is None:
            return replace(block, positions=positions @ cells) if source.fractional else block
        if not np.all(np.abs(np.linalg.det(cells)) > 0):
            raise DataError(f"{source.path}: periodic, but a frame has no cell")
        try:
            cells, changes = self._basis(cells)
            if source.fractional:
                positions = positions @ changes
            if self._unwrap is not None:
                s = positions if source.fractional else positions @ np.linalg.inv(cells)
                positions = self._unwrap(s, cells, int(block.index[0]))
            elif source.fractional:
                positions = positions @ cells
        except DataError as error:
            raise DataError(f"{source.path}: {error}") from error
        return replace(block, positions=positions, cells=cells)

    @property
    def notes(self) -> list[str]:
        """What the reader noticed, and changes of the lattice vectors."""
        found = list(self.source.notes)
        n = 0 if self._basis is None else self._basis.n_changes
        if n:
            found.append(
                f"lattice vectors were exchanged {n} times (box flips): those of the first frame "
                "are followed"
            )
        unwrap = self._unwrap
        if unwrap is not None and unwrap.shifted and unwrap.extent > EXTENT_OF_FOLDED:
            found.append(
                "positions are not folded into the cell, yet some steps were longer than to their "
                "nearest image and were replaced; --positions unwrapped (positions) keeps them"
            )
        return found

    def _timed(self, block: Block) -> Block:
        """Add steps and times: what the user says goes before what the file says."""
        source, given = self.source, self.given
        step = block.step if block.step is not None else block.index
        if self._first_step is None:
            self._first_step = int(step[0])
        since = step - self._first_step
        # Repeated frames, which are left out by now, take no time.
        count = self._n_timed + np.arange(len(block))
        self._n_timed += len(block)
        if given.frame_interval_fs is not None:
            time: NDArray[Any] = count * given.frame_interval_fs
        elif given.timestep_fs is not None and block.step is not None:
            time = since * given.timestep_fs
        elif block.time_fs is not None:
            time = block.time_fs
        elif source.frame_interval_fs is not None:
            time = count * source.frame_interval_fs
        elif self.timed:
            raise ConfigError(f"{source.path}: {source.time_advice}")
        else:
            return replace(block, step=step)
        return replace(block, step=step, time_fs=np.asarray(time, dtype=np.float64))

    def _wanted(self, block: Block) -> NDArray[np.int64]:
        selection, keep = self.selection, np.ones(len(block), dtype=bool)
        if selection.by_time:
            assert block.time_fs is not None
            if self._start_fs is None:
                self._start_fs = float(block.time_fs[0])
            low = self._start_fs + selection.skip_ps * PS_TO_FS
            if selection.start_ps is not None:
                low = max(low, selection.start_ps * PS_TO_FS)
            slack = SPACING_TOLERANCE  # fs; times are sums of rounded numbers
            keep &= block.time_fs >= low - slack
            if selection.stop_ps is not None:
                keep &= block.time_fs <= selection.stop_ps * PS_TO_FS + slack
        rows: NDArray[np.int64] = np.flatnonzero(keep)
        count = self._n_wanted + np.arange(len(rows))
        self._n_wanted += len(rows)
        chosen: NDArray[np.int64] = rows[count % selection.every == 0]
        return chosen


def check_spacing(times_fs: Floats, steps: NDArray[np.int64], path: Path) -> float:
    """Time between frames, fs; they must be equally spaced in steps and in time.

    Raises
    ------
    DataError
        Fewer than two frames, or frames not equally spaced.
    """
    if len(times_fs) < 2:
        raise DataError(f"{path}: {len(times_fs)} frames selected, a trajectory needs two or more")
    gaps = np.diff(times_fs)
    typical = float(np.median(gaps))
    slack = SPACING_TOLERANCE * abs(typical) + TIME_ROUNDING * np.abs(times_fs).max()
    strides = np.diff(steps)
    wrong = (np.abs(gaps - typical) > slack) | (strides != np.median(strides))
    if wrong.any() or not typical > 0:
        row = int(np.flatnonzero(wrong)[0]) if wrong.any() else 0
        raise DataError(
            f"{path}: frames are not equally spaced in time: {gaps[row]:g} fs after selected frame "
            f"{row}, {typical:g} fs elsewhere (choose a part with --start and --stop)"
        )
    return float((times_fs[-1] - times_fs[0]) / (len(times_fs) - 1))


def metadata_of(pipeline: Pipeline, steps: NDArray[np.int64], times_fs: Floats) -> dict[str, Any]:
    """Metadata of the selected frames: those of the run, or what is known of a foreign file.

    Raises
    ------
    DataError
        See :func:`check_spacing`.
    """
    source, given = pipeline.source, pipeline.given
    interval = check_spacing(times_fs, steps, source.path)
    stride = max(1, round((int(steps[-1]) - int(steps[0])) / (len(steps) - 1)))
    temperature = given.temperature_K or source.temperature_K
    origin: dict[str, Any] = {
        "file": source.path.name,
        "format": source.format,
        "reader": source.reader,
        "positions": pipeline.how,
        "given": given.record() if given != Given() else {},
        "selection": pipeline.selection.record(),
        "notes": pipeline.notes,
    }
    if source.metadata:
        protocol = {**source.metadata["protocol"], "stride": stride}
        protocol["timestep_fs"] = interval / stride
        if given.temperature_K is not None:
            protocol["temperature_K"] = temperature
        return {**source.metadata, "protocol": protocol, "source": origin}
    first, last = int(steps[0]), int(steps[-1])
    return {
        "schema": "lionn-foreign-trajectory",
        "schema_version": 1,
        "lionn_version": __version__,
        "protocol": {
            "temperature_K": temperature,
            "timestep_fs": interval / stride,
            "stride": stride,
        },
        "stages": [{"label": "production", "first_step": first, "n_steps": last - first}],
        "n_atoms": len(source.numbers),
        "potential_hash": None,
        "seed": None,
        "status": "finished",
        "source": origin,
    }
