"""Foreign trajectories as :class:`lionn_rs.md.Trajectory`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lionn_rs.errors import DataError
from lionn_rs.md.trajectory import Trajectory
from lionn_rs.spool import Column
from lionn_rs.trajectories.h5md_writer import is_same_cell
from lionn_rs.trajectories.pipeline import Pipeline, Selection, metadata_of, open_source
from lionn_rs.trajectories.source import Block, Floats, Given, PositionKind, joined

if TYPE_CHECKING:
    from lionn_rs.md.trajectory import StageName
    from lionn_rs.trajectories.source import Source

__all__ = ["read_trajectory"]


def read_trajectory(
    path: str | Path,
    *,
    format: str | None = None,
    topology: str | Path | None = None,
    types: Sequence[str] = (),
    timestep_fs: float | None = None,
    frame_interval_fs: float | None = None,
    temperature_K: float | None = None,
    positions: PositionKind | None = None,
    stage: StageName | None = None,
    skip_ps: float = 0.0,
    start_ps: float | None = None,
    stop_ps: float | None = None,
    every: int = 1,
) -> Trajectory:
    """Read molecular dynamics of any program, unwrapped.

    XDATCAR, vasprun.xml (also runs with VASP's machine-learned force fields), extended XYZ, ASE
    .traj, LAMMPS dump, DCD, XTC, TRR (these three through MDAnalysis) and H5MD of others; runs of
    lionn_rs too. Unless the file has unwrapped positions or image flags, each step is replaced by
    its shortest periodic image, which is certified to be the only one
    (:func:`lionn_rs.analysis.unwrap`). Where the cell changes, unwrapped positions are ``s·H``
    with continuous fractional coordinates ``s``. A frame that is cut off at the end of the file
    is left out, and a frame with the step of the one before too; both are noted in the metadata.
    Long trajectories are kept in a temporary file, which analyses read in blocks, not in memory.

    Parameters
    ----------
    path : str or Path
        The file, or the folder of a run of lionn_rs.
    format : str, optional
        ``"xdatcar"``, ``"vasprun"``, ``"extxyz"``, ``"traj"``, ``"lammps-dump"``, ``"dcd"``,
        ``"xtc"``, ``"trr"`` or ``"h5md"``, where the name of the file does not tell.
    topology : str or Path, optional
        A structure with the same order of atoms, for files that do not say what the atoms are:
        LAMMPS data, or whatever ASE reads.
    types : sequence of str
        Chemical symbols of LAMMPS types 1, 2, ...
    timestep_fs : float, optional
        Time step, fs, for files that number steps (LAMMPS).
    frame_interval_fs : float, optional
        Time between the frames of the file, fs. Goes before ``timestep_fs`` and before what the
        file says.
    temperature_K : float, optional
        Goes before what the file says.
    positions : {"wrapped", "unwrapped"}, optional
        ``"unwrapped"`` takes positions as they are. Default: what the file says, else wrapped.
    stage : {"heating", "equilibration", "production"}, optional
        Of a run of lionn_rs.
    skip_ps : float
        Time left out at the beginning, ps: ab initio runs begin hot or cold.
    start_ps, stop_ps : float, optional
        First and last time, ps, of the trajectory's own clock.
    every : int
        Keep one of so many frames. All frames are read to unwrap them.

    Returns
    -------
    Trajectory
        ``metadata["source"]`` states file, reader, how positions were unwrapped, what was given.

    Raises
    ------
    DataError
        The file is missing or damaged, atoms appear, disappear or change their order, frames are
        not equally spaced, or a path is ambiguous.
    ConfigError
        The time between frames or the elements are not in the file and were not given.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from ase.build import bulk
    >>> from ase.io import write
    >>> import lionn_rs
    >>> frames = [bulk("Li", cubic=True) for _ in range(3)]
    >>> frames[2].positions[0, 0] -= 0.5
    >>> for atoms in frames:
    ...     atoms.wrap()
    >>> folder = Path(tempfile.mkdtemp())
    >>> write(folder / "run.extxyz", frames)
    >>> run = lionn_rs.read_trajectory(folder / "run.extxyz", frame_interval_fs=10)
    >>> run.positions()[:, 0, 0].round(9).tolist()
    [0.0, 0.0, -0.5]
    """
    path = Path(path)
    given = Given(
        timestep_fs=timestep_fs,
        frame_interval_fs=frame_interval_fs,
        temperature_K=temperature_K,
        topology=None if topology is None else Path(topology),
        types=tuple(types),
        positions=positions,
    )
    selection = Selection(every=every, start_ps=start_ps, stop_ps=stop_ps, skip_ps=skip_ps)
    source = open_source(path, given, name=format, stage=stage)
    if source.metadata and given == Given() and selection == Selection() and stage is None:
        return Trajectory.open(path)
    pipeline = Pipeline(source, given, selection, unwrapped=True, timed=True)
    places, speeds, blocks = Column(), Column(), []
    for block in pipeline:
        places.add(block.positions)
        if block.velocities is not None:
            speeds.add(block.velocities)
        blocks.append(replace(block, positions=block.positions[:, :0], velocities=None))
    if not blocks:
        raise DataError(f"{path}: no frames in the part that was chosen")
    memory = {"position": places.whole()}
    if len(speeds) == len(places):
        memory["velocity"] = speeds.whole()
    return _trajectory(source, pipeline, joined(blocks), memory)


def _trajectory(
    source: Source, pipeline: Pipeline, whole: Block, memory: dict[str, Floats]
) -> Trajectory:
    from ase.data import atomic_masses

    assert whole.step is not None
    assert whole.time_fs is not None
    changes_cell = not is_same_cell(whole.cells, whole.cells[0])
    if changes_cell:
        memory["cell"] = whole.cells
    masses = atomic_masses[source.numbers] if source.masses is None else source.masses
    return Trajectory(
        cell=whole.cells[0].copy(),
        pbc=source.pbc,
        numbers=source.numbers,
        masses=np.asarray(masses, dtype=np.float64),
        step=whole.step,
        time_fs=whole.time_fs,
        metadata=metadata_of(pipeline, whole.step, whole.time_fs),
        changes_cell=changes_cell,
        memory=memory,
        table={},
    )
