"""Writers of trajectories: blocks of frames in, one complete file out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from typing import Protocol as Interface

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import DataError
from lionn_rs.trajectories.formats import Format
from lionn_rs.trajectories.geometry import fold
from lionn_rs.trajectories.source import Block, Floats
from lionn_rs.units import PS_TO_FS

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Header", "Writer", "complete_or_absent", "open_writer"]


@dataclass(kw_only=True)
class Header:
    """What holds for all frames that are written.

    Attributes
    ----------
    numbers : (n_atoms,) int64
    pbc : (3,) bool
    masses : (n_atoms,) float64, u
    folded : bool
        Positions are folded into the cell.
    velocities : bool
    frame_interval_fs : float or None
        Between the frames that are written.
    stride : int or None
        Steps between them.
    temperature_K : float or None
    metadata : dict
        For H5MD; may be completed before the writer is closed.
    """

    numbers: NDArray[np.int64]
    pbc: NDArray[np.bool_]
    masses: Floats
    folded: bool
    velocities: bool
    frame_interval_fs: float | None
    stride: int | None
    temperature_K: float | None
    metadata: dict[str, Any] = field(default_factory=dict)

    def atoms(self, block: Block, k: int) -> Atoms:
        """Frame ``k`` of a block as ASE atoms; time, step and folding in ``info``."""
        from ase import Atoms, units

        atoms = Atoms(
            self.numbers,
            block.positions[k],
            cell=block.cells[k],
            pbc=self.pbc,
            masses=self.masses,
        )
        if block.velocities is not None and self.velocities:
            atoms.set_velocities(block.velocities[k] / units.fs)
        if block.step is not None:
            atoms.info["step"] = int(block.step[k])
        if block.time_fs is not None:
            atoms.info["time_fs"] = float(block.time_fs[k])
        if self.temperature_K is not None:
            atoms.info["temperature_K"] = self.temperature_K
        atoms.info["unwrapped"] = not self.folded
        return atoms


class Writer(Interface):
    """Takes blocks of frames; :meth:`close` finishes the file."""

    def write(self, block: Block) -> None:
        """Write frames."""

    def close(self) -> None:
        """Finish the file."""


def open_writer(path: Path, header: Header, form: Format) -> Writer:
    """Writer of a format; the file has a temporary name until it is complete."""
    if form.name == "h5md":
        from lionn_rs.trajectories.h5md_writer import H5mdWriter

        return H5mdWriter(path, header)
    if form.name in ("dcd", "xtc", "pdb"):
        from lionn_rs.trajectories.mdanalysis import MDAnalysisWriter

        return MDAnalysisWriter(path, header, form.name)
    return _WRITERS[form.name](path, header)


@contextmanager
def complete_or_absent(path: Path) -> Iterator[Path]:
    """Temporary name for a file that appears under its own when the block ends without error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


class _TextWriter:
    """Common to the text formats."""

    def __init__(self, path: Path, header: Header) -> None:
        self.header = header
        self.stream = path.open("w", encoding="utf-8")

    def close(self) -> None:
        self.stream.close()


class ExtxyzWriter(_TextWriter):
    """Extended XYZ by ASE; velocities as momenta in ASE's units."""

    def write(self, block: Block) -> None:
        """Write frames."""
        from ase.io.extxyz import write_xyz

        columns = ["symbols", "positions"]
        for k in range(len(block)):
            atoms = self.header.atoms(block, k)
            momenta = ["momenta"] if "momenta" in atoms.arrays else []
            write_xyz(self.stream, atoms, columns=columns + momenta, write_results=False)


class TrajWriter:
    """ASE's binary trajectory."""

    def __init__(self, path: Path, header: Header) -> None:
        from ase.io import Trajectory

        self.header = header
        self.file = Trajectory(path, "w")

    def write(self, block: Block) -> None:
        """Write frames."""
        for k in range(len(block)):
            self.file.write(self.header.atoms(block, k))

    def close(self) -> None:
        """Finish the file."""
        self.file.close()


class XdatcarWriter(_TextWriter):
    """XDATCAR of VASP 5 and 6; the header is repeated when the cell changes.

    The order of atoms is kept: a symbol appears once for each run of equal neighbors.
    """

    def __init__(self, path: Path, header: Header) -> None:
        from ase.data import chemical_symbols

        super().__init__(path, header)
        symbols = [chemical_symbols[number] for number in header.numbers]
        runs = [(symbol, len(list(group))) for symbol, group in groupby(symbols)]
        self.atoms = (
            " ".join(f"{name:>4}" for name, _ in runs)
            + "\n"
            + " ".join(f"{count:>4}" for _, count in runs)
            + "\n"
        )
        self.title = "".join(f"{name}{count} " for name, count in runs).strip()
        self.cell: Floats | None = None
        self.n_frames = 0

    def write(self, block: Block) -> None:
        """Write frames."""
        fractional, _ = fold(block.positions, block.cells)
        # What rounds to 1 is written as 0.
        fractional = np.where(np.round(fractional, 8) >= 1.0, 0.0, fractional)
        line = "  %.8f  %.8f  %.8f\n" * fractional.shape[1]
        for k in range(len(block)):
            if self.cell is None or not np.array_equal(self.cell, block.cells[k]):
                self.cell = block.cells[k]
                rows = "".join(
                    "  {:20.15f} {:20.15f} {:20.15f}\n".format(*row) for row in self.cell
                )
                self.stream.write(f"{self.title[:60]}\n           1\n{rows}{self.atoms}")
            self.n_frames += 1
            self.stream.write(f"Direct configuration={self.n_frames:6d}\n")
            self.stream.write(line % tuple(fractional[k].ravel()))


class DumpWriter(_TextWriter):
    """LAMMPS text dump (``custom``), metal units, corner of the box at the origin.

    Unwrapped positions are the columns ``xu yu zu``; folded ones ``x y z`` with the image flags
    ``ix iy iz``. Velocities in Å/ps.
    """

    def __init__(self, path: Path, header: Header) -> None:
        from ase.data import chemical_symbols

        super().__init__(path, header)
        distinct = sorted(set(header.numbers.tolist()))
        kinds = [distinct.index(number) + 1 for number in header.numbers.tolist()]
        self.prefixes = [
            f"{k + 1} {kind} {chemical_symbols[number]} "
            for k, (kind, number) in enumerate(zip(kinds, header.numbers, strict=True))
        ]
        self.names = "id type element " + ("x y z ix iy iz" if header.folded else "xu yu zu")
        self.form = "%.8f %.8f %.8f" + (" %d %d %d" if header.folded else "")
        if header.velocities:
            self.names += " vx vy vz"
            self.form += " %.8f %.8f %.8f"
        self.flags = " ".join("pp" if axis else "ff" for axis in header.pbc)

    def write(self, block: Block) -> None:
        """Write frames."""
        columns = [block.positions]
        if self.header.folded:
            fractional, images = fold(block.positions, block.cells)
            columns = [fractional @ block.cells, images.astype(np.float64)]
        if self.header.velocities:
            if block.velocities is None:
                raise DataError(f"frame {block.index[0]}: has no velocities, earlier frames have")
            columns.append(block.velocities * PS_TO_FS)
        table = np.concatenate(columns, axis=2)
        for k in range(len(block)):
            step = block.index[k] if block.step is None else block.step[k]
            self.stream.write(
                f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{len(self.prefixes)}\n"
                f"{self._box(block.cells[k])}ITEM: ATOMS {self.names}\n"
            )
            self.stream.writelines(
                f"{prefix}{self.form % tuple(row)}\n"
                for prefix, row in zip(self.prefixes, table[k].tolist(), strict=True)
            )

    def _box(self, cell: Floats) -> str:
        (a, _, _), (xy, b, _), (xz, yz, c) = cell.tolist()
        if xy == xz == yz == 0.0:
            rows = "".join(f"0.0 {length!r}\n" for length in (a, b, c))
            return f"ITEM: BOX BOUNDS {self.flags}\n{rows}"
        low_x, high_x = min(0.0, xy, xz, xy + xz), a + max(0.0, xy, xz, xy + xz)
        low_y, high_y = min(0.0, yz), b + max(0.0, yz)
        return (
            f"ITEM: BOX BOUNDS xy xz yz {self.flags}\n{low_x!r} {high_x!r} {xy!r}\n"
            f"{low_y!r} {high_y!r} {xz!r}\n0.0 {c!r} {yz!r}\n"
        )


_WRITERS: dict[str, type[ExtxyzWriter | TrajWriter | XdatcarWriter | DumpWriter]] = {
    "extxyz": ExtxyzWriter,
    "traj": TrajWriter,
    "xdatcar": XdatcarWriter,
    "lammps-dump": DumpWriter,
}
