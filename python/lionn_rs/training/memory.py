"""Memory of a training run, known before it starts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from lionn_rs import _core
from lionn_rs.data.images import ImageArrays, LabeledImage, label_images

if TYPE_CHECKING:
    from ase import Atoms

    from lionn_rs.descriptors import Descriptor

Precision = Literal["float32", "float64"]

GIGABYTE: Final = 1e9

SAMPLE: Final = 300
"""Images whose neighbors are counted; the rest is extrapolated by the number of atoms."""

FREE_MEMORY_SHARE: Final = 0.8
"""Part of the free memory that a training may take when no limit is given."""


@dataclass(frozen=True)
class MemoryEstimate:
    """Memory of prepared images.

    Attributes
    ----------
    fixed : int
        Bytes of structures, labels and fingerprints, which are always kept.
    derivatives : int
        Bytes of the derivatives of the fingerprints; they are kept as far as the limit allows, the rest is recomputed.
    """

    fixed: int
    derivatives: int

    @property
    def total(self) -> int:
        """Bytes when everything is kept."""
        return self.fixed + self.derivatives

    def __add__(self, other: MemoryEstimate) -> MemoryEstimate:
        return MemoryEstimate(self.fixed + other.fixed, self.derivatives + other.derivatives)

    def __str__(self) -> str:
        parts = f"derivatives {format_bytes(self.derivatives)}, rest {format_bytes(self.fixed)}"
        return f"{format_bytes(self.total)} ({parts})"


def estimate_memory(
    images: Sequence[Atoms | LabeledImage],
    descriptor: Descriptor,
    *,
    precision: Precision = "float32",
    forces: bool = True,
    stress: bool = False,
) -> MemoryEstimate:
    """Memory that training on these images will take, from their neighbor lists alone.

    Parameters
    ----------
    images : sequence of ase.Atoms or LabeledImage
        The images.
    descriptor : Descriptor
        The descriptor.
    precision : {"float32", "float64"}
        Precision of the stored derivatives.
    forces, stress : bool
        Whether forces and stress take part in the loss.

    Returns
    -------
    MemoryEstimate
        Exact for up to 300 images; for more, extrapolated from 300 of them, evenly spaced.

    Raises
    ------
    DataError
        For images without labels or with elements the descriptor does not know.
    """
    labeled = label_images(images)
    stride = max(1, len(labeled) // SAMPLE)
    sample = labeled[::stride]
    arrays = ImageArrays.pack(sample)
    fixed, derivatives = _core.TrainingSet.estimate_memory(
        descriptor.core,
        **arrays.structure_arguments(),
        precision=precision,
        use_forces=forces,
        use_stress=stress,
    )
    scale = sum(image.n_atoms for image in labeled) / sum(image.n_atoms for image in sample)
    return MemoryEstimate(round(fixed * scale), round(derivatives * scale))


def free_memory() -> int | None:
    """Bytes of memory that programs may still take, or None where the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def format_bytes(n_bytes: float) -> str:
    """Size in decimal units, three digits."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            return f"{n_bytes / size:.3g} {unit}"
    return f"{n_bytes:.0f} B"
