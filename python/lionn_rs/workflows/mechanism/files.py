"""Structure and mechanism of a run: radial distributions, density, jumps, vibrations on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.files import write_json
from lionn_rs.units import PS_TO_FS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from ase import Atoms

    from lionn_rs.analysis.run_record import RunRecord
    from lionn_rs.analysis.transport.relative import StillFrames
    from lionn_rs.analysis.transport.trajectory import Drift, Floats
    from lionn_rs.md import Trajectory

__all__ = ["Run", "claim", "open_run", "parse_pairs", "targets", "write_record"]


@dataclass(frozen=True)
class Run:
    """Frames of one stage, drift removed, with what every analysis has to know."""

    folder: Path
    trajectory: Trajectory
    stage: str
    frames: StillFrames
    """Unwrapped positions, drift removed, Å; read in blocks."""
    symbols: list[str]
    carrier: str
    temperature_K: float | None

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return self.frames.shape[0]

    @property
    def drift(self) -> Drift:
        """What was subtracted."""
        return self.frames.drift

    @property
    def cell(self) -> Floats:
        """Lattice vectors as rows, Å."""
        return np.asarray(self.trajectory.cell)

    @property
    def interval_fs(self) -> float:
        """Time between frames, fs."""
        return self.trajectory.frame_interval_fs

    @property
    def doubtful_time(self) -> str:
        """Say so if the atoms move between frames as they do at quite another temperature."""
        if self.temperature_K is None:
            return ""
        clock = self.frames.timer.check(
            frame_interval_fs=self.interval_fs, temperature_K=self.temperature_K
        )
        return f"{self.folder}: {clock.warning}" if clock is not None and clock.warning else ""

    @property
    def title(self) -> str:
        """Temperature and length for figures."""
        text = f"{(self.n_frames - 1) * self.interval_fs / PS_TO_FS:.3g} ps"
        return text if self.temperature_K is None else f"{self.temperature_K:g} K, {text}"

    def framework(self) -> Atoms:
        """Atoms that are not carriers at their mean positions."""
        from ase import Atoms

        fixed = [k for k, symbol in enumerate(self.symbols) if symbol != self.carrier]
        return Atoms(
            [self.symbols[k] for k in fixed],
            positions=self.frames.mean[fixed],
            cell=self.cell,
            pbc=True,
        )

    def record(self) -> RunRecord:
        """Return what makes a result reproducible, for its JSON file."""
        from lionn_rs.analysis.run_record import RunRecord

        known = self.trajectory.metadata
        return RunRecord(
            folder=str(self.folder),
            stage=self.stage,
            temperature_K=self.temperature_K,
            n_frames=self.n_frames,
            frame_interval_fs=self.interval_fs,
            cell=self.cell,
            volume_A3=abs(float(np.linalg.det(self.cell))),
            drift=self.drift,
            seed=known.get("seed"),
            potential_hash=known.get("potential_hash"),
            structure_hash=known.get("structure_hash"),
            source=known.get("source"),
        )


def open_run(
    folder: Path,
    *,
    carrier: str,
    stage: str = "production",
    drift_reference: str = "framework",
    reading: Mapping[str, Any] | None = None,
) -> Run:
    """Read a run and remove the drift of its framework.

    Parameters
    ----------
    folder : Path
        Folder of ``lionn md``, or a file of another program.
    carrier : str
        Symbol of the mobile ion.
    stage : str
        ``heating``, ``equilibration``, ``production`` or ``all``.
    drift_reference : str
        ``framework``, ``all``, ``none`` or a symbol.
    reading : mapping, optional
        Keywords of :func:`lionn_rs.read_trajectory` for a file.

    Returns
    -------
    Run

    Raises
    ------
    ConfigError
        For an unknown stage or species.
    DataError
        For a cell that changes, or fewer than two frames.
    """
    from ase.data import chemical_symbols

    from lionn_rs.analysis.transport.relative import without_drift
    from lionn_rs.workflows.foreign import open_source

    trajectory = open_source(folder, reading or {})
    if trajectory.changes_cell:
        raise DataError(
            f"{folder}: the cell changes along this run; start a run with barostat 'none' from its "
            "mean_cell.extxyz"
        )
    if not all(trajectory.pbc):
        raise DataError(f"{folder}: the cell must be periodic along a, b and c")
    symbols = [chemical_symbols[number] for number in trajectory.numbers]
    if carrier not in symbols:
        raise ConfigError(
            f"{folder}: no {carrier} atoms (there are {', '.join(sorted(set(symbols)))})"
        )
    source = trajectory.source(None if stage == "all" else stage)  # type: ignore[arg-type]
    if source.shape[0] < 2:
        raise DataError(f"{folder}: {source.shape[0]} frames of {stage}, at least 2 are needed")
    frames = without_drift(
        source,
        np.array(symbols),
        carrier=carrier,
        reference=drift_reference,
        masses=trajectory.masses,
    )
    return Run(
        folder=folder,
        trajectory=trajectory,
        stage=stage,
        frames=frames,
        symbols=symbols,
        carrier=carrier,
        temperature_K=_temperature(trajectory) if stage == "production" else None,
    )


def _temperature(trajectory: Trajectory) -> float | None:
    """Temperature of the production, K; ``None`` if it changes along it or is not known."""
    protocol = trajectory.metadata.get("protocol", {})
    if protocol.get("production_end_K") is not None or protocol.get("temperature_K") is None:
        return None
    return float(trajectory.temperature_K)


def targets(folders: Sequence[Path], output: Path | None) -> list[Path]:
    """Where the results of each run go: its own folder, or one below ``output``.

    Those of a file go into ``NAME.results`` beside it.

    Raises
    ------
    ConfigError
        If two runs would write into the same folder.
    """
    if output is None:
        return [
            path.with_name(f"{path.name}.results") if path.is_file() else path for path in folders
        ]
    if len(folders) == 1:
        return [output]
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        raise ConfigError(
            "--output: several runs have the same folder name; analyze them one by one"
        )
    return [output / name for name in names]


def claim(folder: Path, names: Iterable[str], *, force: bool) -> None:
    """Refuse to replace results unless asked to; replaced ones are removed first.

    Raises
    ------
    ConfigError
        If one of the files exists and ``force`` is not given, or ``folder`` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: is a file, expected a folder for the output")
    there = [folder / name for name in names if (folder / name).exists()]
    if there and not force:
        raise ConfigError(f"{there[0]}: exists (--force to replace it, --output for another place)")
    for path in there:
        path.unlink()
    folder.mkdir(parents=True, exist_ok=True)


def parse_pairs(text: str, symbols: Sequence[str]) -> list[tuple[str, str]]:
    """``"Li-Li,Li-S"`` as pairs of symbols that occur.

    Raises
    ------
    ConfigError
        Anything else.
    """
    pairs = []
    for part in text.split(","):
        names = [name.strip() for name in part.split("-")]
        if len(names) != 2 or not all(names):
            raise ConfigError(f"--pairs must look like Li-Li,Li-S, got '{text}'")
        for name in names:
            if name not in symbols:
                there = ", ".join(sorted(set(symbols)))
                raise ConfigError(f"--pairs: no {name} atoms (there are {there})")
        pairs.append((names[0], names[1]))
    return list(dict.fromkeys(pairs))


def write_record(path: Path, run: Run, content: dict[str, Any]) -> None:
    """JSON file with the record of the run and of the analysis."""
    write_json(path, {"run": run.record().to_dict(), **content})
