"""Output of CP2K with the files beside it: positions, forces, cells of dynamics.

ASE reads neither. The output says whether a step converged; positions of dynamics and energies are
in ``PROJECT-pos-1.xyz``, forces in ``PROJECT-frc-1.xyz`` or the output, cells in
``PROJECT-1.cell``, stresses in the output or ``PROJECT-1.stress``. Positions find their evaluation
in the output by the energy, which both print: that also holds for restarts, for geometry
optimizations with line searches, and where only every n-th step was written.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lionn_rs.data.formats.cp2k_log import GPA, Cp2kHead, Evaluation, evaluations
from lionn_rs.data.formats.image import MAX_ATOMS, RawImage
from lionn_rs.data.formats.n2p2 import BOHR, HARTREE
from lionn_rs.data.formats.source import ImageSource, ReadOptions, Truncated, guarded, reason_of
from lionn_rs.data.formats.text import TextLines, symbols_to_numbers
from lionn_rs.errors import DataError

__all__ = ["is_cp2k_output", "read_cp2k"]

SAME_ENERGY: Final = 1e-8
"""Hartree; positions have the energy to ten decimals."""
HEAD_BYTES: Final = 100_000
BAR: Final = 1e-4 * GPA
NOT_CONVERGED: Final = "not converged electronically"
_COMMENT = re.compile(r"i\s*=\s*(\d+).*?E\s*=\s*(\S+)", re.S)
_STEP = re.compile(r"i\s*=\s*(\d+)")


def is_cp2k_output(path: Path) -> bool:
    """Whether a text file begins like an output of CP2K."""
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    return b"CP2K|" in head or b"PROGRAM STARTED AT" in head


def read_cp2k(path: Path, options: ReadOptions) -> ImageSource:
    """Read an output, or ``PROJECT-pos-1.xyz``, whose output is looked for beside it."""
    notes: list[str] = []
    dropped: Counter[str] = Counter()
    log, positions = path, None
    if path.suffix == ".xyz":
        positions = path
        log = _log_of(path)
    else:
        head = _head(path)
        positions = _beside(path, f"{head.project}-pos-1.xyz") if head.project else None
    run = _Run(log, positions, options.keep_unconverged, dropped, notes)
    images = run.dynamics() if positions is not None else run.single_points()
    return ImageSource(
        path=path,
        reader=f"CP2K output{'' if positions is None else f' and {positions.name}'}, hartree and "
        "bohr, stress sign changed",
        images=guarded(images, path, notes, line=run.line, dropped=dropped),
        dropped=dropped,
        notes=notes,
    )


def _head(path: Path) -> Cp2kHead:
    """Head of an output, up to its first energy."""
    head = Cp2kHead()
    with TextLines(path, whole=True) as lines:
        try:
            next(evaluations(lines, head), None)
        except (ValueError, IndexError, Truncated) as error:
            reason = str(error) or "it ends too early"
            raise DataError(f"{path}, line {lines.number}: cannot be read ({reason})") from error
    return head


def _beside(path: Path, name: str) -> Path | None:
    found = path.parent / Path(name).name
    return found if found.is_file() else None


def _log_of(positions: Path) -> Path:
    project = positions.name.partition("-pos-")[0]
    for suffix in (".out", ".log"):
        for entry in sorted(positions.parent.glob(f"*{suffix}")):
            if entry.is_file() and is_cp2k_output(entry) and _head(entry).project == project:
                return entry
    raise DataError(
        f"{positions}: no output of CP2K (*.out, *.log) of project '{project}' beside it; it says "
        "which steps converged"
    )


class _Run:
    """An output and the files beside it, read in step."""

    def __init__(
        self,
        log: Path,
        positions: Path | None,
        keep_unconverged: bool,
        dropped: Counter[str],
        notes: list[str],
    ) -> None:
        self.lines = TextLines(log, whole=True)
        self.head = Cp2kHead()
        self.log = log
        self.positions = positions
        self.keep = keep_unconverged
        self.dropped = dropped
        self.notes = notes
        self.project = "" if positions is None else positions.name.partition("-pos-")[0]

    def line(self) -> int:
        return self.lines.number

    def single_points(self) -> Iterator[RawImage]:
        """One evaluation with the coordinates of the output itself."""
        with self.lines:
            for n, evaluation in enumerate(evaluations(self.lines, self.head)):
                if n > 0:
                    raise DataError(
                        f"{self.log}: has several steps, but {self.head.project}-pos-1.xyz with "
                        "their positions is not beside it"
                    )
                if not self.head.positions:
                    raise ValueError(
                        "no coordinates in the output (set PRINT_LEVEL MEDIUM in &GLOBAL)"
                    )
                positions = np.array(self.head.positions, dtype=np.float64)
                numbers = np.array(self.head.numbers, dtype=np.int64)
                if self._take(evaluation):
                    yield self._image(numbers, positions, evaluation, self._log_cell())

    def dynamics(self) -> Iterator[RawImage]:
        """Positions of every written step, with the evaluation of the same energy."""
        assert self.positions is not None
        folder = self.positions
        forces = _beside(folder, f"{self.project}-frc-1.xyz")
        cells = _beside(folder, f"{self.project}-1.cell")
        stresses = _beside(folder, f"{self.project}-1.stress")
        cell_rows = _Table(cells, (2, 11)) if cells else None
        stress_rows = _Table(stresses, (2, 11)) if stresses else None
        force_frames = _frames(forces) if forces else None
        with ExitStack() as stack:
            for opened in (self.lines, cell_rows, stress_rows):
                if opened is not None:
                    stack.callback(opened.close)
            found = evaluations(self.lines, self.head)
            for frame in _frames(self.positions):
                evaluation = self._matching(found, frame)
                if evaluation is None:
                    self.notes.append(
                        f"{self.log.name} ends before step {frame.step} of {self.positions.name}"
                    )
                    return
                cell = cell_rows.row(frame.step) if cell_rows else self._log_cell()
                if cell is None:
                    raise DataError(f"{cells}: has no step {frame.step}")
                stress = stress_rows.row(frame.step) if stress_rows else None
                if evaluation.stress is None and stress is not None:
                    evaluation.stress = -BAR * 0.5 * (stress + stress.T)
                if force_frames is not None:
                    evaluation.forces = _same_step(force_frames, frame) * (HARTREE / BOHR)
                if self._take(evaluation):
                    yield self._image(frame.numbers, frame.table, evaluation, cell)

    def _matching(self, found: Iterator[Evaluation], frame: _Frame) -> Evaluation | None:
        n = 0
        for evaluation in found:
            if frame.energy is None:
                raise ValueError(f"{self.positions}: the comment lines have no 'E ='")
            if abs(evaluation.hartree - frame.energy) < SAME_ENERGY:
                return evaluation
            n += 1
        if n:
            raise DataError(
                f"{self.positions}, step {frame.step}: no step of {self.log.name} has its energy "
                f"{frame.energy} hartree; do the two files belong together?"
            )
        return None

    def _take(self, evaluation: Evaluation) -> bool:
        if evaluation.converged is False and not self.keep:
            self.dropped[NOT_CONVERGED] += 1
            return False
        return True

    def _log_cell(self) -> NDArray[np.float64]:
        if len(self.head.cell) != 3:
            raise ValueError("no cell in the output (set PRINT_LEVEL MEDIUM in &GLOBAL)")
        note = (
            f"{self.log.name} has cell vectors to three decimals only: "
            "PROJECT-1.cell (&MOTION &PRINT &CELL) has all"
        )
        cell = np.array(self.head.cell, dtype=np.float64)
        if note not in self.notes and np.abs(cell - np.diag(np.diag(cell))).max() > 0:
            self.notes.append(note)
        return cell

    def _image(
        self,
        numbers: NDArray[np.int64],
        positions: NDArray[np.float64],
        evaluation: Evaluation,
        cell: NDArray[np.float64],
    ) -> RawImage:
        image = RawImage(numbers=numbers, positions=positions)
        image.pbc = np.array([axis in self.head.periodic for axis in "XYZ"])
        image.cell = cell
        image.results["free_energy"] = evaluation.hartree * HARTREE
        if evaluation.forces is not None:
            image.results["forces"] = evaluation.forces
        if evaluation.stress is not None and image.pbc.all():
            image.results["stress"] = evaluation.stress
        return image


class _Frame(NamedTuple):
    """A step of an xyz file of CP2K: positions in Å, or forces in hartree/bohr."""

    step: int
    energy: float | None
    numbers: NDArray[np.int64]
    table: NDArray[np.float64]


def _frames(path: Path) -> Iterator[_Frame]:
    with TextLines(path, whole=True) as lines:
        try:
            while line := lines.next():
                n_atoms = int(line)
                if not 0 < n_atoms <= MAX_ATOMS:
                    raise ValueError(f"{n_atoms} atoms")
                comment = lines.next()
                rows = [row.split() for row in lines.take(n_atoms)]
                if len(rows) < n_atoms or len(rows[-1]) < 4:
                    return  # cut off
                found, step = _COMMENT.search(comment), _STEP.search(comment)
                if step is None:
                    raise ValueError("the comment line has no 'i ='")
                numbers = symbols_to_numbers([row[0] for row in rows])
                yield _Frame(
                    int(step[1]),
                    float(found[2].rstrip(",")) if found else None,
                    np.array(numbers, dtype=np.int64),
                    np.array([[float(x) for x in row[1:4]] for row in rows], dtype=np.float64),
                )
        except (ValueError, IndexError) as error:
            raise DataError(
                f"{path}, line {lines.number}: cannot be read ({reason_of(error)})"
            ) from error


def _same_step(frames: Iterator[_Frame], wanted: _Frame) -> NDArray[np.float64]:
    for frame in frames:
        if frame.step == wanted.step:
            if not np.array_equal(frame.numbers, wanted.numbers):
                raise ValueError(f"step {wanted.step}: other atoms in the file of forces")
            return frame.table
    raise ValueError(f"step {wanted.step} is not in the file of forces")


class _Table:
    """Rows of ``PROJECT-1.cell`` or ``.stress``: step, time, nine numbers."""

    def __init__(self, path: Path, columns: tuple[int, int]) -> None:
        self._path = path
        self._lines = TextLines(path, whole=True)
        self._columns = slice(*columns)

    def close(self) -> None:
        self._lines.close()

    def row(self, step: int) -> NDArray[np.float64] | None:
        for line in self._lines:
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            try:
                if int(words[0]) == step:
                    return np.array([float(w) for w in words[self._columns]]).reshape(3, 3)
            except ValueError as error:
                raise DataError(
                    f"{self._path}, line {self._lines.number}: cannot be read ({reason_of(error)})"
                ) from error
        return None
