"""Inputs named in a configuration: bundled data sets or files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lionn_rs import datasets
from lionn_rs.datasets import DATASET_PREFIX
from lionn_rs.errors import DataError

if TYPE_CHECKING:
    from ase import Atoms

    from lionn_rs.config import DataSection, DescriptorSection
    from lionn_rs.descriptors import Descriptor

__all__ = [
    "level_of_theory",
    "load_images",
    "load_structure",
    "make_descriptor",
]


def load_images(section: DataSection) -> list[Atoms]:
    """Labeled images of all files and bundled sets of a ``[data]`` section, in order.

    Raises
    ------
    DataError
        A file is missing or has no usable labels, or an unknown set is named.
    """
    from lionn_rs.data import ReadOptions, read_images

    images: list[Atoms] = []
    for name in section.images:
        source: str | list[Atoms] = name
        if name.startswith(DATASET_PREFIX):
            source = datasets.load(name.removeprefix(DATASET_PREFIX))
        images += read_images(
            source,
            index=section.index,
            energy=section.energy,
            forces=section.forces,
            stress=section.stress,
            format=section.format,
            options=ReadOptions(units=section.units),
        )
    return images


def level_of_theory(section: DataSection) -> str:
    """Return the text of the section, or that of the bundled sets it names."""
    if section.level_of_theory:
        return section.level_of_theory
    texts = [
        datasets.info(name.removeprefix(DATASET_PREFIX)).get("level_of_theory", "")
        for name in section.images
        if name.startswith(DATASET_PREFIX)
    ]
    return "; ".join(dict.fromkeys(text for text in texts if text))


def load_structure(name: str, supercell: tuple[int, int, int] = (1, 1, 1)) -> Atoms:
    """Load a crystal structure, repeated along its cell vectors.

    Parameters
    ----------
    name : str
        ``"dataset:NAME"`` or a file of any format (of several frames, the last).
    supercell : (3,) int
        Repetitions along a, b, c.

    Returns
    -------
    ase.Atoms
        Positions in Å, without calculator.

    Raises
    ------
    DataError
        The file is missing, cannot be read, or holds no cell.
    """
    from lionn_rs.md import repeat

    if name.startswith(DATASET_PREFIX):
        atoms = datasets.structure(name.removeprefix(DATASET_PREFIX))
    else:
        atoms = _read_structure(Path(name))
    atoms.calc = None
    if atoms.cell.rank < 3 and atoms.pbc.any():
        raise DataError(f"{name}: periodic structure without a three-dimensional cell")
    return repeat(atoms, supercell)


def _read_structure(path: Path) -> Atoms:
    from lionn_rs.data import read_structures

    return read_structures(path)[-1]


def make_descriptor(
    section: DescriptorSection, elements: list[str], images: Sequence[Atoms]
) -> Descriptor:
    """Make the descriptor of a ``[descriptor]`` section.

    Parameters
    ----------
    section : DescriptorSection
    elements : list of str
        Elements of the images, used where the section names none.
    images : sequence of ase.Atoms
        Training images, to which a power spectrum is fitted.
    """
    from lionn_rs.density import PowerSpectrum, Zernike
    from lionn_rs.descriptors import Cosine, Gaussian, Polynomial

    cutoff = (
        Cosine(section.cutoff)
        if section.cutoff_function == "cosine"
        else Polynomial(section.cutoff, gamma=section.cutoff_gamma)
    )
    chosen = section.elements or elements
    if section.type == "zernike":
        n_max = 5 if section.n_max is None else section.n_max
        return Zernike(chosen, cutoff=cutoff, n_max=n_max, resolved=bool(section.resolved))
    if section.type == "powerspectrum":
        return PowerSpectrum.fit(
            images,
            elements=chosen,
            cutoff=cutoff,
            n_radial=section.n_radial or 8,
            l_max=4 if section.l_max is None else section.l_max,
            bispectrum_l_max=section.bispectrum_l_max or 0,
            n_channels=section.n_channels or 12,
        )
    if section.radial == "shifted":
        return Gaussian.shifted(chosen, cutoff=cutoff, n_centers=section.n_radial or 8)
    return Gaussian.amp_default(
        chosen,
        cutoff=cutoff,
        n_radial_exponents=section.n_radial or 4,
        eta_unit=section.eta_unit or "1/Rc^2",
    )
