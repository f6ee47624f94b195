"""What ``lionn label`` has to say at its end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING

from lionn_rs.files import write_json
from lionn_rs.progress import format_duration
from lionn_rs.workflows.label.folder import LABELLED_FILE, Ending
from lionn_rs.workflows.label.frames import Entry

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["LabelResult", "result_rows", "write_summary"]

SUMMARY_FILE = "summary.json"
NUMBER = re.compile(r"\d+(\.\d+)?(e[+-]?\d+)?")


@dataclass(frozen=True)
class LabelResult:
    """Labels of a folder.

    Attributes
    ----------
    folder : Path
    calculator : str
    entries : list of Entry
        All frames, in order.
    endings : dict
        How frames ended, by name; those that have not are missing.
    stopped : bool
        Whether a stop file ended the work before all was done.
    """

    folder: Path
    calculator: str
    entries: Sequence[Entry]
    endings: dict[str, Ending]
    stopped: bool = False

    @property
    def file(self) -> Path:
        """The labelled frames, extended XYZ, sorted as the frames were given."""
        return self.folder / LABELLED_FILE

    @property
    def n_labelled(self) -> int:
        """Number of frames with a label."""
        return sum(ending.status == "labelled" for ending in self.endings.values())

    @property
    def n_waiting(self) -> int:
        """Number of frames that are still to be done."""
        return len(self.entries) - len(self.endings)

    @property
    def failed(self) -> list[tuple[Entry, str]]:
        """Frames that were dropped, with the reason."""
        return [
            (entry, self.endings[entry.name].message)
            for entry in self.entries
            if entry.name in self.endings and self.endings[entry.name].status == "failed"
        ]

    @property
    def reasons(self) -> Counter[str]:
        """How often frames failed for each reason; numbers in it do not make it another one."""
        return Counter(NUMBER.sub("N", reason) for _, reason in self.failed)

    @property
    def seconds(self) -> list[float]:
        """Wall time of each label, s."""
        return [ending.seconds for ending in self.endings.values() if ending.status == "labelled"]

    def images(self) -> list[Atoms]:
        """Labelled frames, ready for training (see :func:`lionn_rs.read_images`)."""
        from lionn_rs.data import read_images

        return read_images(self.file)


def result_rows(result: LabelResult) -> list[tuple[str, str]]:
    """Rows of the table at the end."""
    codes = Counter(e.code for e in result.endings.values() if e.status == "labelled")
    rows = [
        ("calculator", result.calculator),
        ("code", ", ".join(codes) or "–"),
        ("frames", str(len(result.entries))),
        ("labelled", str(result.n_labelled)),
        ("failed", str(len(result.failed))),
    ]
    rows += [(f"  {count} ×", reason) for reason, count in result.reasons.most_common()]
    if result.n_waiting:
        rows.append(("waiting", str(result.n_waiting)))
    if result.seconds:
        text = (
            f"{mean(result.seconds):.3g} mean, {median(result.seconds):.3g} median, "
            f"{max(result.seconds):.3g} at most"
        )
        rows.append(("seconds per frame", text))
        rows.append(("time of all labels", format_duration(sum(result.seconds))))
    return rows


def write_summary(result: LabelResult) -> None:
    """Write ``summary.json``: counts, times, and the frames that failed."""
    write_json(
        result.folder / SUMMARY_FILE,
        {
            "calculator": result.calculator,
            "frames": len(result.entries),
            "labelled": result.n_labelled,
            "waiting": result.n_waiting,
            "codes": Counter(e.code for e in result.endings.values() if e.status == "labelled"),
            "seconds_mean": mean(result.seconds) if result.seconds else None,
            "failed": [
                {"source": e.source, "frame": e.source_frame, "name": e.name, "reason": reason}
                for e, reason in result.failed
            ],
        },
    )
