"""Time of energy and forces of the members of a scan, one after the other, on one core."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lionn_rs.errors import LionnError
from lionn_rs.files import write_json
from lionn_rs.progress import progress as progress_display
from lionn_rs.workflows.benchmark.run import Subject, benchmark, instruction_set
from lionn_rs.workflows.describe import software

if TYPE_CHECKING:
    from ase import Atoms

    from lionn_rs.workflows.scan.results import ScanMember

__all__ = ["time_members"]

logger = logging.getLogger("lionn_rs.scan")

TIMINGS_FILE = "timings.json"
N_ATOMS = 400
"""Atoms of the supercell that is timed: as a small molecular-dynamics cell."""
BUDGET_S = 0.5
"""Wall time of the samples of one member, s."""


def time_members(
    members: Sequence[ScanMember], atoms: Atoms, folder: Path, *, progress: bool
) -> dict[str, float]:
    """Time energy and forces with a new neighbor list, µs per atom, by name of the member.

    The least processor time of several samples: nearer to the truth than the time on the clock
    where other work disturbs the machine.

    Times are kept in ``timings.json`` and taken again on another machine only.

    Parameters
    ----------
    members : sequence of ScanMember
        Finished ones.
    atoms : Atoms
        Structure; its supercell of about :data:`N_ATOMS` atoms is timed.
    folder : Path
        Folder of the scan.
    progress : bool
        Show progress.
    """
    found = software()
    machine = {"cpu": found["cpu"], "lionn_rs": found["lionn_rs"], "simd": instruction_set()}
    path = folder / TIMINGS_FILE
    times = _known_times(path, machine)
    waiting = [member for member in members if member.name not in times]
    if not waiting:
        return times
    plain = atoms.copy()
    plain.calc = None
    with progress_display("timing", len(waiting), "members", enabled=progress) as display:
        for member in waiting:
            try:
                (case,) = benchmark(
                    Subject(member.potential, plain, member.name),
                    [N_ATOMS],
                    [1],
                    quantities=["energy_and_forces"],
                    budget_s=BUDGET_S,
                )
            except LionnError as error:
                logger.warning("%s: not timed: %s", member.name, error)
            else:
                timing = case.results["energy_and_forces"]
                assert timing is not None
                times[member.name] = 1e6 * timing["processor_s"] / case.n_atoms
                write_json(path, {"machine": machine, "us_per_atom": times})
            display.advance(1, now=member.name)
    return times


def _known_times(path: Path, machine: dict[str, str]) -> dict[str, float]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return dict(content["us_per_atom"]) if content["machine"] == machine else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
