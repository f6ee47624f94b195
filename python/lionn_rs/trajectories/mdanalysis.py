"""DCD, XTC and TRR files through MDAnalysis; PDB, DCD and XTC written through it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs.errors import ConfigError, DataError
from lionn_rs.trajectories.source import (
    Frame,
    Given,
    Source,
    TruncatedFrame,
    with_notes_on_the_end,
)
from lionn_rs.trajectories.topology import Topology, read_topology
from lionn_rs.units import PS_TO_FS

if TYPE_CHECKING:
    from lionn_rs.trajectories.source import Block, Floats
    from lionn_rs.trajectories.writing import Header

__all__ = ["MDAnalysisWriter", "read_dcd", "read_trr", "read_xtc", "require"]

A_PER_NM = 10.0
XTC_DIGITS = 5
"""Decimals of nm in XTC files that are written."""


def require(path: Path) -> None:
    """Say how to install MDAnalysis where it is missing.

    Raises
    ------
    ConfigError
        It is missing.
    """
    if find_spec("MDAnalysis") is None:
        raise ConfigError(
            f"{path}: this format needs MDAnalysis: pip install 'lionn_rs[mdanalysis]'"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """MDAnalysis warns of its own plans and of guessed names; neither concerns the user here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _topology(path: Path, given: Given, n_atoms: int) -> Topology:
    if given.topology is None:
        raise DataError(
            f"{path}: the file does not say what the atoms are: give --topology (topology), a "
            "structure with the same order of atoms (LAMMPS data, POSCAR, extxyz, PDB, ...)"
        )
    topology = read_topology(given.topology, given.types)
    if len(topology.numbers) != n_atoms:
        raise DataError(
            f"{path}: {n_atoms} atoms, the topology {given.topology} has {len(topology.numbers)}"
        )
    return topology


def _source(
    path: Path,
    given: Given,
    name: str,
    frames: Iterator[Frame],
    *,
    n_frames: int | None,
    advice: str,
) -> Source:
    notes: list[str] = []
    checked = with_notes_on_the_end(frames, path, notes)
    first = next(checked)
    topology = _topology(path, given, len(first.positions))
    all_frames: Iterator[Frame] = chain([first], checked)
    boxed = bool(first.cell.any())
    if not boxed and topology.cell.any():
        notes.append("no cell in the file: that of the topology is used")
        all_frames = (
            Frame(
                positions=frame.positions,
                cell=topology.cell,
                velocities=frame.velocities,
                step=frame.step,
                time_fs=frame.time_fs,
            )
            for frame in all_frames
        )
    return Source(
        path=path,
        format=name,
        reader=f"MDAnalysis ({name.upper()})",
        numbers=topology.numbers,
        pbc=np.array([True] * 3) if boxed else topology.pbc,
        frames=all_frames,
        n_frames=n_frames,
        timestep_fs=given.timestep_fs,
        time_advice=advice,
        notes=notes,
    )


def read_dcd(path: Path, given: Given) -> Source:
    """DCD: single precision, cell as lengths and angles.

    Programs disagree on the unit of the time step in the header, so it is not used; the number of
    steps between frames is.
    """
    require(path)
    from MDAnalysis.coordinates.DCD import DCDReader

    with _quiet():
        try:
            file = DCDReader(str(path))
        except Exception as error:
            raise DataError(f"{path}: not a DCD file ({error})") from error
    stride = int(file.skip_timestep)

    def frames() -> Iterator[Frame]:
        with file, _quiet():
            for k in range(file.n_frames):
                try:
                    now = file[k]
                except OSError as error:
                    raise TruncatedFrame from error
                yield Frame(
                    positions=now.positions.astype(np.float64),
                    cell=_vectors(now),
                    step=k * stride,
                )

    advice = (
        "programs write times of different units into a DCD: give --frame-interval-fs "
        "(frame_interval_fs), or --timestep-fs (timestep_fs)"
    )
    return _source(path, given, "dcd", frames(), n_frames=file.n_frames, advice=advice)


def _vectors(now: Any) -> Floats:
    from MDAnalysis.lib.mdamath import triclinic_vectors

    if now.dimensions is None:
        return np.zeros((3, 3))
    return np.asarray(triclinic_vectors(now.dimensions, dtype=np.float64), dtype=np.float64)


def read_xtc(path: Path, given: Given) -> Source:
    """XTC: nm and ps, rounded."""
    require(path)
    from MDAnalysis.lib.formats.libmdaxdr import XTCFile

    return _read_xdr(path, given, "xtc", XTCFile)


def read_trr(path: Path, given: Given) -> Source:
    """TRR: nm, ps and nm/ps."""
    require(path)
    from MDAnalysis.lib.formats.libmdaxdr import TRRFile

    return _read_xdr(path, given, "trr", TRRFile)


def _read_xdr(path: Path, given: Given, name: str, kind: Any) -> Source:
    # MDAnalysis' readers of higher level leave files with offsets beside the trajectory.
    def frames() -> Iterator[Frame]:
        try:
            file = kind(str(path))
        except OSError as error:
            raise DataError(f"{path}: not an {name.upper()} file ({error})") from error
        with file:
            while True:
                try:
                    now = file.read()
                except StopIteration:
                    return
                except OSError as error:
                    raise TruncatedFrame from error
                moving = getattr(now, "hasv", False)
                yield Frame(
                    positions=now.x.astype(np.float64) * A_PER_NM,
                    cell=now.box.astype(np.float64) * A_PER_NM,
                    velocities=now.v.astype(np.float64) * A_PER_NM / PS_TO_FS if moving else None,
                    step=int(now.step),
                    time_fs=float(now.time) * PS_TO_FS,
                )

    advice = f"the {name.upper()} file has no times: give --frame-interval-fs (frame_interval_fs)"
    return _source(path, given, name, frames(), n_frames=None, advice=advice)


class MDAnalysisWriter:
    """PDB, DCD or XTC; the cell as lengths and angles, so positions arrive rotated.

    Parameters
    ----------
    path : Path
    header : Header
    name : {"pdb", "dcd", "xtc"}
    """

    def __init__(self, path: Path, header: Header, name: str) -> None:
        require(path)
        import MDAnalysis
        from ase.data import chemical_symbols

        symbols = [chemical_symbols[number] for number in header.numbers]
        universe = MDAnalysis.Universe.empty(len(symbols), trajectory=True)
        for attribute in ("names", "types", "elements"):
            universe.add_TopologyAttr(attribute, symbols)
        universe.add_TopologyAttr("resnames", ["UNK"])
        options: dict[str, Any] = {"multiframe": True} if name == "pdb" else {}
        if name == "xtc":
            options["precision"] = XTC_DIGITS
        if name == "dcd":
            interval_fs = header.frame_interval_fs or 1.0
            options |= {"dt": interval_fs / PS_TO_FS, "nsavc": header.stride or 1}
        self.universe = universe
        with _quiet():
            self.file = MDAnalysis.Writer(
                str(path), n_atoms=len(symbols), format=name.upper(), **options
            )

    def write(self, block: Block) -> None:
        """Write frames."""
        from MDAnalysis.lib.mdamath import triclinic_box

        now = self.universe.trajectory.ts
        with _quiet():
            for k in range(len(block)):
                self.universe.atoms.positions = block.positions[k]
                cell = block.cells[k]
                now.dimensions = triclinic_box(*cell) if cell.any() else None
                now.time = 0.0 if block.time_fs is None else block.time_fs[k] / PS_TO_FS
                now.frame = int(block.index[k])
                now.data["step"] = int(block.index[k] if block.step is None else block.step[k])
                self.file.write(self.universe.atoms)

    def close(self) -> None:
        """Finish the file."""
        with _quiet():
            self.file.close()
