"""Images and structures bundled with lionn_rs, each with its provenance, units and level of theory.

Examples
--------
>>> from lionn_rs import datasets
>>> datasets.names()
['lgps', 'lgps_gpaw_pbe']
>>> len(datasets.load("lgps_gpaw_pbe"))
118
>>> datasets.structure("lgps").get_chemical_formula()
'Ge2Li20P4S24'
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
from difflib import get_close_matches
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, cast

from lionn_rs.errors import DataError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["info", "load", "names", "structure"]

Kind = Literal["images", "structure"]


def names(kind: Kind | None = None) -> list[str]:
    """Names of the bundled data sets, sorted.

    Parameters
    ----------
    kind : {"images", "structure"}, optional
        Only labeled image sets, or only structures. Default: both.

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
        Unknown name, a name that is a bare structure, or a damaged file.
    """
    record = info(name)
    if record["kind"] != "images":
        raise DataError(f"'{name}' is a structure without labels: use datasets.structure('{name}')")
    return _read(record)


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
        Unknown name, a name that is a set of images, or a damaged file.
    """
    record = info(name)
    if record["kind"] != "structure":
        raise DataError(f"'{name}' is a set of images: use datasets.load('{name}')")
    return _read(record)[0]


def _read(record: dict[str, Any]) -> list[Atoms]:
    from ase.io import read

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
    return cast("list[Atoms]", read(io.StringIO(raw.decode()), index=":", format="extxyz"))
