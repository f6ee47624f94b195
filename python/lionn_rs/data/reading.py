"""Reading labeled images of any format: all at once, or one by one."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lionn_rs.data.formats import ImageSource, RawImage, ReadOptions, open_images
from lionn_rs.data.images import GROUP_KEYS, LabeledImage
from lionn_rs.data.labels import ENERGY_KEYS, Keys, choose_labels, stress_from_virial
from lionn_rs.errors import DataError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["ENERGY_KEYS", "iter_images", "parse_index", "read_images", "read_structures"]

logger = logging.getLogger(__name__)

Item = TypeVar("Item")


def read_images(
    source: str | Path | Sequence[Atoms],
    *,
    index: str = ":",
    energy: str | None = None,
    forces: str = "forces",
    stress: str = "stress",
    format: str | None = None,
    options: ReadOptions | None = None,
) -> list[Atoms]:
    """Read labeled images and settle which energy counts.

    Parameters
    ----------
    source : str, Path or sequence of ase.Atoms
        A file or folder of any format (:func:`lionn_rs.data.open_images`), or structures read
        already.
    index : str
        Which images, as in ASE (``"::10"``, ``"-100:"``).
    energy : str, optional
        Label to use as energy, eV. By default ``free_energy`` if every image has it, else
        ``energy``. Labels are looked for in the calculator's results, then in ``atoms.info``.
    forces : str
        Label of the forces, eV/Å, in the calculator's results or ``atoms.arrays``; may be absent.
    stress : str
        Label of the stress, eV/Å³, ASE sign; may be absent, also in some of the images only. Where
        there is none, a ``virial`` (eV) is used: -virial/volume.
    format : str, optional
        Name of the format, where the path does not tell it.
    options : ReadOptions, optional
        What the file does not say, such as units.

    Returns
    -------
    list of ase.Atoms
        Copies whose calculator holds ``energy`` and ``free_energy`` (both the chosen label),
        ``forces``, ``stress``. ``info["source"]`` names the file where neither ``group`` nor
        ``source`` was given. Images that were left out (not converged) are counted in the log.

    Raises
    ------
    DataError
        If the file cannot be read, holds no images, an image lacks the energy label (the message
        names the labels found), or a label is not finite or has the wrong shape.
    """
    raw, origin = _load(source, index, format, options)
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


def read_structures(
    source: str | Path, *, index: str = ":", format: str | None = None
) -> list[Atoms]:
    """Read structures of any format, with or without labels.

    Parameters
    ----------
    source : str or Path
    index : str
        Which of them, as in ASE.
    format : str, optional
        Name of the format, where the path does not tell it.

    Raises
    ------
    DataError
        The file cannot be read, or holds no structures.
    """
    return _load(source, index, format, ReadOptions(keep_unconverged=True))[0]


def iter_images(
    source: str | Path | ImageSource,
    *,
    index: str = ":",
    keys: Keys | None = None,
    format: str | None = None,
    options: ReadOptions | None = None,
) -> Iterator[RawImage]:
    """Images one by one, with their labels chosen: a file may be larger than the memory.

    Parameters
    ----------
    source : str, Path or ImageSource
    index : str
        Which images, as in ASE; a start or end counted from the end holds all in memory.
    keys : Keys, optional
        Names of the labels.
    format, options
        As for :func:`open_images`.

    Yields
    ------
    RawImage
        Labels in ``results``; images may lack some or all of them.

    Raises
    ------
    DataError
        A file is damaged or a label is not what it should be, with file, image and line.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import lionn_rs
    >>> path = Path(tempfile.mkdtemp()) / "images.extxyz"
    >>> from ase.io import write
    >>> write(path, lionn_rs.datasets.load("lgps_gpaw_pbe")[:3])
    >>> [image.n_atoms for image in lionn_rs.data.iter_images(path, index="::2")]
    [50, 50]
    """
    if not isinstance(source, ImageSource):
        source = open_images(source, format=format, options=options)
    chosen = keys or Keys()
    n = -1
    for n, image in enumerate(_selected(source.images, index)):
        selection = "" if index == ":" else f" of '{index}'"
        yield choose_labels(image, chosen, f"{source.path}, image {n}{selection}")
    if n < 0:
        raise DataError(f"{source.path}: no images selected by '{index}'")


def parse_index(index: str) -> slice | int:
    """Index text of ASE: a number or a slice.

    Raises
    ------
    DataError
        It is neither.
    """
    try:
        parts = [int(part) if part.strip() else None for part in index.split(":")]
        if len(parts) == 1 and parts[0] is not None:
            return parts[0]
        if len(parts) == 3 and parts[2] == 0:
            raise ValueError("step 0")
        return slice(*parts)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"index must be a number or a slice such as '::10', got '{index}' ({error})"
        ) from None


def _selected(images: Iterator[Item], index: str) -> Iterator[Item]:
    """Images of an index, without holding them where the index counts from the beginning."""
    part = parse_index(index)
    if isinstance(part, int):
        part = slice(part, part + 1 or None)
    numbers = (part.start, part.stop, part.step)
    if all(number is None or number >= 0 for number in numbers):
        return islice(images, part.start, part.stop, part.step)
    return iter(list(images)[part])


def _load(
    source: str | Path | Sequence[Atoms],
    index: str,
    format: str | None = None,
    options: ReadOptions | None = None,
) -> tuple[list[Atoms], str]:
    if not isinstance(source, str | Path):
        return _select(list(source), index), "images"
    opened = open_images(source, format=format, options=options)
    images = [image.to_atoms() for image in _selected(opened.images, index)]
    for text in opened.notes:
        logger.warning("%s: %s", opened.path.name, text)
    for reason, count in opened.dropped.items():
        logger.warning("%s: %d images left out: %s", opened.path.name, count, reason)
    if not images:
        raise DataError(f"{opened.path}: no images selected by '{index}'")
    return images, opened.path.name


def _select(images: list[Item], index: str) -> list[Item]:
    """Choose images by ASE's index text: a number or a slice."""
    part = parse_index(index)
    try:
        return [images[part]] if isinstance(part, int) else images[part]
    except IndexError as error:
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
    if "stress" not in results:
        found = stress_from_virial(RawImage.from_atoms(copy))
        if found is not None:
            results["stress"] = found
    copy.calc = SinglePointCalculator(copy, **results)
    if not any(key in copy.info for key in GROUP_KEYS):
        copy.info["source"] = origin
    return copy
