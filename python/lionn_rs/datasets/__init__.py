"""Images, structures and potentials bundled with lionn_rs, each with its provenance and units.

Examples
--------
>>> from lionn_rs import datasets
>>> datasets.names()
['lgps', 'lgps_gpaw_pbe', 'lsipscl', 'lsipscl_committee', 'lsipscl_gpaw_pbe']
>>> len(datasets.load("lgps_gpaw_pbe"))
118
>>> datasets.structure("lgps").get_chemical_formula()
'Ge2Li20P4S24'
>>> datasets.potential("lsipscl_committee").elements
['Cl', 'Li', 'P', 'S', 'Si']
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
from difflib import get_close_matches
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from lionn_rs.errors import DataError

if TYPE_CHECKING:
    from ase import Atoms

    from lionn_rs.committee import Committee
    from lionn_rs.potential import Potential

__all__ = ["DATASET_PREFIX", "info", "load", "names", "potential", "potential_text", "structure"]

Kind = Literal["images", "structure", "potential"]

DATASET_PREFIX: Final = "dataset:"
"""``dataset:NAME`` stands for a bundled data set where the name of a file could stand."""
GETTERS: Final = {"images": "load", "structure": "structure", "potential": "potential"}
"""Function that hands over a data set of each kind."""


def names(kind: Kind | None = None) -> list[str]:
    """Names of the bundled data sets, sorted.

    Parameters
    ----------
    kind : {"images", "structure", "potential"}, optional
        Only labeled image sets, only structures, or only potentials. Default: all.

    Returns
    -------
    list of str
    """
    found = sorted(
        entry.name.removesuffix(".json")
        for entry in files(__name__).iterdir()
        if entry.name.endswith(".json")
    )
    return [name for name in found if kind is None or info(name)["kind"] == kind]


def info(name: str) -> dict[str, Any]:
    """Provenance, units, level of theory and known limits of a bundled data set.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Returns
    -------
    dict
        The JSON record that lies beside the data.

    Raises
    ------
    DataError
        No data set of this name is bundled.
    """
    resource = files(__name__).joinpath(f"{name}.json")
    if not resource.is_file():
        known = names()
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"bundled: {', '.join(known)}"
        raise DataError(f"no bundled data set '{name}' ({hint})")
    record: dict[str, Any] = json.loads(resource.read_text(encoding="utf-8"))
    return record


def load(name: str) -> list[Atoms]:
    """Labeled images of a bundled data set.

    Parameters
    ----------
    name : str
        One of ``names("images")``.

    Returns
    -------
    list of ase.Atoms
        Positions in Å. Each carries a ``SinglePointCalculator`` with ``energy`` and
        ``free_energy`` (eV; forces belong to ``free_energy``), ``forces`` ((n_atoms, 3), eV/Å)
        and, where the set has it, ``stress`` ((6,) Voigt, eV/Å³, positive is tension);
        ``info["group"]`` names the trajectory that the image comes from.

    Raises
    ------
    DataError
        Unknown name, a name that is no set of images, or a damaged file.
    """
    return _read(_record(name, "images"))


def structure(name: str) -> Atoms:
    """Crystal structure of a bundled data set.

    Parameters
    ----------
    name : str
        One of ``names("structure")``.

    Returns
    -------
    ase.Atoms
        Positions and cell in Å, periodic in all directions, no calculator.

    Raises
    ------
    DataError
        Unknown name, a name that is no structure, or a damaged file.
    """
    return _read(_record(name, "structure"))[0]


def potential(name: str) -> Potential | Committee:
    """Bundled potential, or committee of potentials.

    The same as ``lionn_rs.load("dataset:NAME")``; ``dataset:NAME`` stands in place of a file name
    on the command line and in configurations too.

    Parameters
    ----------
    name : str
        One of ``names("potential")``.

    Returns
    -------
    Potential or Committee

    Raises
    ------
    DataError
        Unknown name, a name that is no potential, or a damaged file.
    """
    from lionn_rs.committee import load

    _record(name, "potential")
    return load(f"{DATASET_PREFIX}{name}")


def potential_text(name: str) -> str:
    """Contents of the potential file of a bundled potential.

    Raises
    ------
    DataError
        Unknown name, a name that is no potential, or a damaged file.
    """
    return _raw(_record(name, "potential")).decode()


def _record(name: str, kind: Kind) -> dict[str, Any]:
    """Record of a data set that must be of a kind."""
    record = info(name)
    found = record["kind"]
    if found != kind:
        article = "a set of images" if found == "images" else f"a {found}"
        raise DataError(f"'{name}' is {article}: use datasets.{GETTERS[found]}('{name}')")
    return record


def _read(record: dict[str, Any]) -> list[Atoms]:
    from ase.io import read

    text = _raw(record).decode()
    return cast("list[Atoms]", read(io.StringIO(text), index=":", format="extxyz"))


def _raw(record: dict[str, Any]) -> bytes:
    """Bytes of the file of a data set, uncompressed and checked."""
    raw = files(__name__).joinpath(record["file"]).read_bytes()
    if record["file"].endswith(".xz"):
        raw = lzma.decompress(raw)
    expected = record.get("sha256_uncompressed")
    found = hashlib.sha256(raw).hexdigest()
    if expected is not None and found != expected:
        raise DataError(
            f"bundled file {record['file']} is damaged: its SHA-256 is {found[:12]}…, "
            f"expected {expected[:12]}… (reinstall lionn_rs)"
        )
    return raw
