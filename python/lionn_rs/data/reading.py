"""Reading labeled images from any format that ASE knows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lionn_rs.data.images import GROUP_KEYS, LabeledImage
from lionn_rs.errors import DataError

if TYPE_CHECKING:
    from ase import Atoms

logger = logging.getLogger(__name__)

ENERGY_KEYS = ("free_energy", "energy")
"""Energy labels looked for when none is named; forces are derivatives of the free energy."""


def read_images(
    source: str | Path | Sequence[Atoms],
    *,
    index: str = ":",
    energy: str | None = None,
    forces: str = "forces",
    stress: str = "stress",
) -> list[Atoms]:
    """Read labeled images and settle which energy counts.

    Parameters
    ----------
    source : str, Path or sequence of ase.Atoms
        A file in any format that ASE reads (extxyz, OUTCAR, vasprun.xml, .traj, ...), or structures
        read already.
    index : str
        Which images, as in ASE (``"::10"``, ``"-100:"``).
    energy : str, optional
        Label to use as energy, eV. By default ``free_energy`` if every image has it, else
        ``energy``. Labels are looked for in the calculator's results, then in ``atoms.info``.
    forces : str
        Label of the forces, eV/Å, in the calculator's results or ``atoms.arrays``; may be absent.
    stress : str
        Label of the stress, eV/Å³, ASE sign; may be absent, also in some of the images only.

    Returns
    -------
    list of ase.Atoms
        Copies whose calculator holds ``energy`` and ``free_energy`` (both the chosen label),
        ``forces``, ``stress``. ``info["source"]`` names the file where neither ``group`` nor
        ``source`` was given.

    Raises
    ------
    DataError
        If the file cannot be read, holds no images, an image lacks the energy label (the message
        names the labels found), or a label is not finite or has the wrong shape.
    """
    raw, origin = _load(source, index)
    chosen = energy or _default_energy(raw, origin)
    selection = "" if index == ":" else f" of '{index}'"
    images = []
    for number, atoms in enumerate(raw):
        where = f"{origin}, image {number}{selection}"
        value = _label(atoms, chosen)
        if value is None:
            raise DataError(f"{where}: no label '{chosen}' (found: {_found(atoms)})")
        if np.size(value) != 1:
            raise DataError(
                f"{where}: label '{chosen}' is no number but has shape {np.shape(value)}"
            )
        image = _labeled_copy(atoms, float(np.squeeze(value)), forces, stress, origin)
        LabeledImage.from_atoms(image, name=where)  # refuses labels that cannot be used
        images.append(image)
    with_forces = sum("forces" in atoms.calc.results for atoms in images)
    with_stress = sum("stress" in atoms.calc.results for atoms in images)
    logger.info(
        "%s: %d images, energy label '%s', %d with forces, %d with stress",
        origin,
        len(images),
        chosen,
        with_forces,
        with_stress,
    )
    return images


def _load(source: str | Path | Sequence[Atoms], index: str) -> tuple[list[Atoms], str]:
    if not isinstance(source, str | Path):
        return _select(list(source), index), "images"
    from ase.io import read

    path = Path(source)
    if not path.is_file():
        raise DataError(f"{path}: {'is a folder, not a file' if path.is_dir() else 'no such file'}")
    try:
        found = read(path, index=index)
    except Exception as error:
        # ASE's readers raise whatever their parser meets: IndexError, KeyError, StopIteration...
        reason = str(error) or type(error).__name__
        raise DataError(f"{path}: cannot be read as images ({reason})") from error
    images = found if isinstance(found, list) else [found]
    if not images:
        raise DataError(f"{path}: no images selected by '{index}'")
    return images, path.name


def _select(images: list[Atoms], index: str) -> list[Atoms]:
    """Choose images by ASE's index text: a number or a slice."""
    try:
        parts = [int(part) if part else None for part in index.split(":")]
        if len(parts) == 1 and parts[0] is not None:
            return [images[parts[0]]]
        return images[slice(*parts)]
    except (ValueError, TypeError, IndexError) as error:
        raise DataError(
            f"index must be a number or a slice such as '::10', got '{index}' ({error})"
        ) from None


def _default_energy(images: Sequence[Atoms], origin: str) -> str:
    for key in ENERGY_KEYS:
        if all(_label(atoms, key) is not None for atoms in images):
            return key
    for number, atoms in enumerate(images):
        if all(_label(atoms, key) is None for key in ENERGY_KEYS):
            raise DataError(
                f"{origin}, image {number}: no energy label (found: {_found(atoms)}); "
                "name the right one with energy=..."
            )
    raise DataError(
        f"{origin}: some images have only 'energy', others only 'free_energy'; "
        "they must not be mixed"
    )


def _label(atoms: Atoms, key: str) -> Any:
    if atoms.calc is not None and key in atoms.calc.results:
        return atoms.calc.results[key]
    return atoms.arrays.get(key, atoms.info.get(key))


def _found(atoms: Atoms) -> str:
    results = [] if atoms.calc is None else list(atoms.calc.results)
    arrays = [key for key in atoms.arrays if key not in ("numbers", "positions")]
    return ", ".join([*results, *atoms.info, *arrays]) or "nothing"


def _labeled_copy(atoms: Atoms, energy: float, forces: str, stress: str, origin: str) -> Atoms:
    from ase.calculators.singlepoint import SinglePointCalculator

    copy: Atoms = atoms.copy()
    results: dict[str, Any] = {"energy": energy, "free_energy": energy}
    for name, key in (("forces", forces), ("stress", stress)):
        value = _label(atoms, key)
        if value is not None:
            results[name] = np.array(value, dtype=np.float64)
    copy.calc = SinglePointCalculator(copy, **results)
    if not any(key in copy.info for key in GROUP_KEYS):
        copy.info["source"] = origin
    return copy
