"""``lionn convert`` for trajectories: any readable format into any writable one, in blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.progress import progress as progress_display
from lionn_rs.trajectories.formats import Format, find_format
from lionn_rs.trajectories.geometry import fold, restricted_cells
from lionn_rs.trajectories.pipeline import Pipeline, Selection, metadata_of, open_source
from lionn_rs.trajectories.source import Block, Floats, Given, PositionKind, joined
from lionn_rs.trajectories.writing import Header, Writer, complete_or_absent, open_writer
from lionn_rs.units import PS_TO_FS

if TYPE_CHECKING:
    from lionn_rs.md.trajectory import StageName

__all__ = ["Conversion", "convert_trajectory"]


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What was written.

    Attributes
    ----------
    output : Path
    format : str
    n_frames, n_read : int
        Frames written, frames read.
    span_ps : (float, float) or None
        Times of the first and last frame, if known.
    positions : str
        Folded or unwrapped, and how.
    velocities : bool
    rotation : (3, 3) float64 or None
        Of the first frame, where positions ``x`` were written as ``x·R``.
    notes : tuple of str
    """

    output: Path
    format: str
    n_frames: int
    n_read: int
    span_ps: tuple[float, float] | None
    positions: str
    velocities: bool
    rotation: Floats | None
    notes: tuple[str, ...]

    def __str__(self) -> str:
        frames = f"{self.n_frames} frames" + (
            "" if self.n_frames == self.n_read else f" of {self.n_read}"
        )
        if self.span_ps is not None:
            frames += f", {self.span_ps[0]:g} to {self.span_ps[1]:g} ps"
        moving = ", velocities" if self.velocities else ""
        lines = [f"{self.output}: {frames}{moving}", f"  positions: {self.positions}"]
        if self.rotation is not None:
            rows = "; ".join(" ".join(f"{x:.6f}" for x in row) for row in self.rotation)
            lines.append(
                "  rotated, as this format wants a along x and b in the xy plane: row vectors "
                f"times [{rows}]"
            )
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])


def convert_trajectory(
    source: str | Path,
    output: str | Path,
    *,
    format: str | None = None,
    source_format: str | None = None,
    stage: StageName | None = None,
    every: int = 1,
    start_ps: float | None = None,
    stop_ps: float | None = None,
    wrap: bool | None = None,
    velocities: bool | None = None,
    topology: str | Path | None = None,
    types: Sequence[str] = (),
    timestep_fs: float | None = None,
    frame_interval_fs: float | None = None,
    temperature_K: float | None = None,
    positions: PositionKind | None = None,
    force: bool = False,
    progress: bool = True,
) -> Conversion:
    """Write a trajectory in another format, block by block, whatever its length.

    Parameters
    ----------
    source, output : str or Path
        File (or folder of a run) and new file; the names tell the formats.
    format, source_format : str, optional
        Names of the formats, where the file names do not tell.
    wrap : bool, optional
        Fold positions into the cell, or keep paths continuous. Default: continuous where the
        format can.
    velocities : bool, optional
        Default: where the source has them and the format can hold them.
    stage, every, start_ps, stop_ps, topology, types, timestep_fs, frame_interval_fs, \
temperature_K, positions
        See :func:`lionn_rs.read_trajectory`.
    force : bool
        Replace an existing file.
    progress : bool
        Show progress on standard error.

    Returns
    -------
    Conversion

    Raises
    ------
    ConfigError
        The output exists, or the options ask for what a format cannot hold.
    DataError
        The source cannot be read.
    """
    path, target = Path(source), Path(output)
    form = find_format(target, format, writing=True)
    _check(path, target, form, wrap=wrap, velocities=velocities, force=force)
    given = Given(
        timestep_fs=timestep_fs,
        frame_interval_fs=frame_interval_fs,
        temperature_K=temperature_K,
        topology=None if topology is None else Path(topology),
        types=tuple(types),
        positions=positions,
    )
    selection = Selection(every=every, start_ps=start_ps, stop_ps=stop_ps)
    opened = open_source(path, given, name=source_format, stage=stage)
    folded = bool(wrap) if form.unwrapped else True
    pipeline = Pipeline(
        opened,
        given,
        selection,
        # Image flags need the path as well.
        unwrapped=not folded or form.name == "lammps-dump",
        timed=form.name == "h5md",
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    job = _Job(pipeline, form, folded=folded, wants_velocities=velocities)
    with (
        complete_or_absent(target) as temporary,
        progress_display(
            f"{path.name} → {target.name}",
            opened.n_frames or 0,
            "frames",
            enabled=progress and opened.n_frames is not None,
        ) as display,
    ):
        for n_read in job.run(temporary):
            display.advance(n_read)
    return job.result(target)


def _check(
    path: Path,
    target: Path,
    form: Format,
    *,
    wrap: bool | None,
    velocities: bool | None,
    force: bool,
) -> None:
    if target.is_dir():
        raise ConfigError(f"{target}: is a folder, expected a file")
    if target.exists() and path.exists() and target.samefile(path):
        raise ConfigError(f"{target}: is the input itself")
    if target.exists() and not force:
        raise ConfigError(f"{target}: exists already (--force to replace it)")
    if wrap is False and not form.unwrapped:
        raise ConfigError(f"--unwrap: {form.title} holds positions inside the cell only")
    if wrap and form.name == "h5md":
        raise ConfigError("--wrap: H5MD files of lionn_rs hold unwrapped positions")
    if velocities and not form.velocities:
        raise ConfigError(f"--velocities: {form.title} holds no velocities")


class _Job:
    """One conversion: what the writer needs, and what happened."""

    def __init__(
        self, pipeline: Pipeline, form: Format, *, folded: bool, wants_velocities: bool | None
    ) -> None:
        self.pipeline = pipeline
        self.form = form
        self.folded = folded and bool(pipeline.source.pbc.all())
        self.wants_velocities = wants_velocities
        self.header: Header | None = None
        self.rotation: Floats | None = None
        self.steps: list[NDArray[np.int64]] = []
        self.times: list[Floats] = []

    def run(self, temporary: Path) -> Iterator[int]:
        """Write the file; yields numbers of frames as they are read."""
        path = self.pipeline.source.path
        writer: Writer | None = None
        n_before = 0
        try:
            for block in _with_an_interval(self.pipeline):
                if self.header is None:
                    self.header = self._header(block)
                    writer = open_writer(temporary, self.header, self.form)
                assert writer is not None
                assert block.step is not None
                self.steps.append(block.step)
                if block.time_fs is not None:
                    self.times.append(block.time_fs)
                writer.write(self._shaped(block))
                yield self.pipeline.n_read - n_before
                n_before = self.pipeline.n_read
            if self.header is None:
                raise DataError(f"{path}: no frames in the part that was chosen")
            if self.form.name == "h5md":
                steps, times = np.concatenate(self.steps), np.concatenate(self.times)
                self.header.metadata = metadata_of(self.pipeline, steps, times)
        finally:
            if writer is not None:
                writer.close()

    def _header(self, block: Block) -> Header:
        from ase.data import atomic_masses

        source = self.pipeline.source
        if self.form.needs_cell and not np.all(np.abs(np.linalg.det(block.cells)) > 0):
            raise DataError(f"{source.path}: has no cell, {self.form.title} needs one")
        if self.wants_velocities and block.velocities is None:
            raise DataError(f"{source.path}: has no velocities")
        moving = block.velocities is not None and self.wants_velocities is not False
        several = len(block) > 1
        assert block.step is not None
        interval = None
        if several and block.time_fs is not None:
            interval = float(block.time_fs[1] - block.time_fs[0])
        precision = source.metadata.get("protocol", {}).get("precision", "float32")
        masses = atomic_masses[source.numbers] if source.masses is None else source.masses
        return Header(
            numbers=source.numbers,
            pbc=source.pbc,
            masses=np.asarray(masses, dtype=np.float64),
            folded=self.folded,
            velocities=moving and self.form.velocities,
            frame_interval_fs=interval,
            stride=int(block.step[1] - block.step[0]) if several else None,
            temperature_K=self.pipeline.given.temperature_K or source.temperature_K,
            metadata={"protocol": {"precision": precision}},
        )

    def _shaped(self, block: Block) -> Block:
        """Rotate and fold as the format wants it."""
        if self.form.restricted_cell and block.cells.any():
            cells, rotations = restricted_cells(block.cells)
            if self.rotation is None and not np.allclose(rotations[0], np.eye(3)):
                self.rotation = rotations[0]
            moved = None if block.velocities is None else block.velocities @ rotations
            block = replace(
                block, positions=block.positions @ rotations, cells=cells, velocities=moved
            )
        # A dump folds by itself: it keeps the image flags. So does an XDATCAR, in fractions.
        if self.folded and self.form.name not in ("lammps-dump", "xdatcar"):
            block = replace(block, positions=fold(block.positions, block.cells)[0] @ block.cells)
        return block

    def result(self, target: Path) -> Conversion:
        """Record of the conversion."""
        header = self.header
        assert header is not None
        span = None
        if self.times:
            span = (self.times[0][0] / PS_TO_FS, self.times[-1][-1] / PS_TO_FS)
        flags = " with image flags" if self.form.name == "lammps-dump" else ""
        folded = f"folded into the cell{flags}"
        return Conversion(
            output=target,
            format=self.form.name,
            n_frames=sum(len(steps) for steps in self.steps),
            n_read=self.pipeline.n_read,
            span_ps=span,
            positions=folded if self.folded else f"unwrapped ({self.pipeline.how})",
            velocities=header.velocities,
            rotation=self.rotation,
            notes=tuple(self.pipeline.notes),
        )


def _with_an_interval(blocks: Iterable[Block]) -> Iterator[Block]:
    """Join the first frame and the second where they come alone: headers have the time between."""
    alone: Block | None = None
    for k, block in enumerate(blocks):
        if k == 0 and len(block) == 1:
            alone = block
            continue
        yield block if alone is None else joined([alone, block])
        alone = None
    if alone is not None:
        yield alone
