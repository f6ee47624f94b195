"""Watching the reliability of the potential along a run: limits, kept frames, columns."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lionn_rs import _core
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.files import write_bytes

if TYPE_CHECKING:
    from ase import Atoms

    from lionn_rs.committee import Committee
    from lionn_rs.md.protocol import Protocol, ProtocolSettings

__all__ = [
    "GRADE_COLUMNS",
    "SPREAD_COLUMNS",
    "UNCERTAIN_FILE",
    "UncertainWriter",
    "assessed_columns",
    "check_committee",
    "check_limits",
    "frame_origin",
    "set_monitor",
    "uncertain_atoms",
]

UNCERTAIN_FILE: Final = "uncertain_frames.extxyz"

SPREAD_COLUMNS: Final = ("energy_std", "mean_force_std", "max_force_std")
"""Spread of a committee: of the energy (eV), mean and maximum over atoms of the force (eV/Å)."""
GRADE_COLUMNS: Final = ("mean_grade", "max_grade")
"""Mean and maximum over atoms of the extrapolation grade."""

STEP: Final = re.compile(r"\bstep=(\d+)\b")

Frame = dict[str, Any]


def assessed_columns(potential: Any, committee: Committee | None = None) -> tuple[str, ...]:
    """Columns that a thermo table of this potential has beside those of every run.

    The spread is that of ``committee`` where there is one beside the potential.
    """
    core = getattr(potential, "core", potential)
    judge = core if committee is None else committee.core
    columns: tuple[str, ...] = ()
    if isinstance(judge, _core.Committee) and len(judge.members) > 1:
        columns += SPREAD_COLUMNS
    if getattr(core, "training_range", None) is not None:
        columns += GRADE_COLUMNS
    return columns


def check_limits(
    protocol: ProtocolSettings, potential: Any, committee: Committee | None = None
) -> None:
    """Refuse limits that this potential cannot be held to, before anything is run.

    Raises
    ------
    ConfigError
        A limit on what the potential does not know, or an action without any limit.
    """
    known = assessed_columns(potential, committee)
    if protocol.max_force_std is not None and "max_force_std" not in known:
        raise ConfigError(
            "max_force_std needs a committee, this is one potential (give one with --committee, "
            "or train one with 'lionn train --committee 4')"
        )
    if protocol.max_grade is not None and "max_grade" not in known:
        raise ConfigError(
            "max_grade needs a potential that knows its training environments, this file does not "
            "hold them (train it again with this version)"
        )
    limited = protocol.max_force_std is not None or protocol.max_grade is not None
    if protocol.on_uncertain != "report" and not limited:
        raise ConfigError(
            f"on_uncertain = '{protocol.on_uncertain}' needs a limit: max_force_std (eV/Å, "
            "committees) or max_grade"
        )


def check_committee(committee: Committee, atoms: Atoms) -> None:
    """Refuse a committee that cannot watch a run of this structure.

    Raises
    ------
    DataError
        An element that it does not know.
    """
    unknown = sorted({*atoms.get_chemical_symbols()} - {*committee.elements})
    if unknown:
        raise DataError(
            f"the committee cannot watch this run: element {', '.join(unknown)} is not in it (it "
            f"was trained on {', '.join(committee.elements)})"
        )


def set_monitor(core: _core.MdRun, protocol: Protocol) -> None:
    """Let the core watch the potential as the protocol says."""
    spacing = round(protocol.uncertain_interval_ps * 1000.0 / protocol.timestep_fs)
    core.set_monitor(
        stride=protocol.assess_stride,
        max_force_std=np.inf if protocol.max_force_std is None else protocol.max_force_std,
        max_grade=np.inf if protocol.max_grade is None else protocol.max_grade,
        action=protocol.on_uncertain,
        spacing=spacing,
        n_frames=protocol.max_uncertain_frames,
    )


def frame_origin(metadata: dict[str, Any], folder: Path | None) -> dict[str, Any]:
    """Return what the kept frames of a run say about it, from the metadata of the run."""
    protocol = metadata["protocol"]
    info = {
        "temperature_K": protocol["temperature_K"],
        "seed": protocol["seed"],
        "potential_hash": metadata["potential_hash"],
    }
    if metadata.get("committee_hash"):
        info["committee_hash"] = metadata["committee_hash"]
    if folder is not None:
        # The name alone: a run that goes on elsewhere writes the same frames.
        info["run"] = folder.resolve().name
    return {"timestep_fs": protocol["timestep_fs"], "info": info}


def uncertain_atoms(frame: Frame, atoms: Atoms, origin: dict[str, Any]) -> Atoms:
    """One kept frame, wrapped into the cell, with what the potential said about it.

    ``origin`` has ``timestep_fs``, and what is told about the run (see :func:`frame_origin`).

    Energy and forces of the network are called ``network_energy`` and ``network_forces``, so that
    nobody trains on them as if they were labels.
    """
    from ase import Atoms as AseAtoms

    kept = AseAtoms(atoms.numbers, frame["positions"], cell=frame["cell"], pbc=atoms.pbc)
    kept.wrap()
    kept.info |= {
        "step": int(frame["step"]),
        "time_fs": frame["step"] * origin["timestep_fs"],
        **origin["info"],
        "network_energy": frame["energy"],
    }
    kept.arrays["network_forces"] = frame["forces"]
    kept.arrays["extrapolation_excess"] = frame["excess"]
    if "grade" in frame:
        kept.arrays["extrapolation_grade"] = frame["grade"]
    if "force_std" in frame:
        kept.arrays["force_std"] = frame["force_std"]
        kept.info["energy_std"] = frame["energy_std"]
    return kept


class UncertainWriter:
    """Keeps frames in an extended XYZ file; the file appears with the first frame.

    Parameters
    ----------
    path : Path
        The file.
    last_step : int, optional
        Continue the file: frames after this step, and what a killed process left, are dropped.
    """

    def __init__(self, path: Path, *, last_step: int | None = None) -> None:
        self.path = path
        self._text = "" if last_step is None else _text_until(path, last_step)
        if self._text:
            write_bytes(path, self._text.encode("utf-8"))
        else:
            path.unlink(missing_ok=True)

    def append(self, frames: Sequence[Frame], atoms: Atoms, origin: dict[str, Any]) -> None:
        """Append frames; the file is replaced as a whole, so it is never half written."""
        from ase.io import write

        if not frames:
            return
        stream = io.StringIO()
        write(stream, [uncertain_atoms(f, atoms, origin) for f in frames], format="extxyz")
        self._text += stream.getvalue()
        write_bytes(self.path, self._text.encode("utf-8"))


def _text_until(path: Path, last_step: int) -> str:
    """Frames of the file up to a step, as they stand there."""
    if not path.is_file():
        return ""
    lines = path.read_text("utf-8").splitlines(keepends=True)
    kept, start = "", 0
    while start < len(lines):
        try:
            end = start + int(lines[start]) + 2
            step = int(STEP.search(lines[start + 1]).group(1))  # type: ignore[union-attr]
        except (ValueError, IndexError, AttributeError):
            raise DataError(
                f"{path}: line {start + 1}: not a frame of this run; move the file away to resume"
            ) from None
        if step > last_step:
            break
        kept += "".join(lines[start:end])
        start = end
    return kept
