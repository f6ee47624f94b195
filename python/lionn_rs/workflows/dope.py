"""``lionn dope``: from a rule to structure files and their table."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import numpy as np
from numpy.typing import NDArray

from lionn_rs.config_file import load_config, parse_config, resolve_path, to_toml
from lionn_rs.datasets import DATASET_PREFIX
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.files import check_folder, prepare_folder, write_bytes, write_json, write_text
from lionn_rs.structures.charges import VACANCY
from lionn_rs.structures.doping import DopedStructure, Doping, dope_host
from lionn_rs.structures.prototypes import PROTOTYPES, prototype
from lionn_rs.structures.rule import DopeConfig, HostSection, LadderSection

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Format", "dope", "load_host", "parse_exchange", "read_rule", "write_doping"]

Format = Literal["extxyz", "cif"]
VERSION: Final = 1
"""Version of ``structures.json``."""


def read_rule(path: str | Path) -> DopeConfig:
    """Rule from a TOML file; file names in it are relative to the file.

    Raises
    ------
    ConfigError
        See :func:`lionn_rs.config_file.load_config`.
    """
    rule = load_config(path, DopeConfig)
    name = rule.host.structure
    if name in PROTOTYPES or name.startswith(DATASET_PREFIX):
        return rule
    place = resolve_path(name, Path(path).parent)
    return rule.model_copy(update={"host": rule.host.model_copy(update={"structure": place})})


def parse_exchange(text: str) -> dict[str, str]:
    """``"Cl -> S"`` as the keys of an exchange.

    Raises
    ------
    ConfigError
        Anything else.

    Examples
    --------
    >>> parse_exchange("Li -> vacancy")
    {'remove': 'Li', 'insert': 'vacancy'}
    """
    parts = [part.strip() for part in text.replace("→", "->").split("->")]
    if len(parts) != 2 or not all(parts):
        raise ConfigError(f"--exchange must look like 'Cl -> S' or 'Li -> vacancy', got '{text}'")
    return {"remove": parts[0], "insert": parts[1]}


def load_host(section: HostSection) -> Atoms:
    """Host cell of a rule, before it is repeated.

    Parameters
    ----------
    section : HostSection

    Returns
    -------
    ase.Atoms
        With ``arrays["site"]`` for a prototype, or where ``prototype`` names the structure type.

    Raises
    ------
    ConfigError
        ``prototype`` is given for a prototype.
    DataError
        No such prototype or file, no crystal, or a structure of another type.
    """
    from lionn_rs.structures.tetrahedra import label_centers
    from lionn_rs.workflows.inputs import load_structure

    name = section.structure
    if name in PROTOTYPES:
        if section.prototype is not None:
            raise ConfigError(
                f"[host] prototype labels files and bundled structures; '{name}' is a prototype "
                "and has its labels: leave the key out"
            )
        return cast("Atoms", _ordered(name, section.seed).copy())
    if not name.startswith(DATASET_PREFIX) and not Path(name).exists():
        raise DataError(
            f"{name}: no such file, and no prototype of that name (prototypes: "
            f"{', '.join(PROTOTYPES)})"
        )
    atoms = load_structure(name)
    if not atoms.pbc.all():
        raise DataError(f"{name}: not periodic in all directions, expected a crystal")
    return (
        atoms if section.prototype is None else label_centers(atoms, prototype(section.prototype))
    )


@cache
def _ordered(name: str, seed: int) -> Atoms:
    return prototype(name).ordered(seed=seed)


def dope(rule: DopeConfig | Mapping[str, Any]) -> Doping:
    """Make all structures of a rule.

    Parameters
    ----------
    rule : DopeConfig or mapping
        From :func:`read_rule`, or the same sections as nested dictionaries.

    Returns
    -------
    Doping

    Raises
    ------
    ConfigError, DataError
        See :func:`lionn_rs.structures.doping.dope_host`.

    Examples
    --------
    >>> made = dope({
    ...     "host": {"structure": "li20si3p3s23cl", "supercell": [1, 1, 3]},
    ...     "ladder": {"element": "Cl", "counts": [2], "exchanges": [
    ...         {"remove": "Cl", "insert": "S"}, {"remove": "Si", "insert": "P"}]},
    ...     "arrangements": {"keep": 1}})
    >>> best = made.structures[0]
    >>> best.label, best.atoms.get_chemical_formula(), best.degeneracy
    ('Cl2-1', 'Cl2Li60P10S70Si8', 3)
    """
    from lionn_rs.structures.supercell import repeat

    config = (
        rule
        if isinstance(rule, DopeConfig)
        else parse_config(_plain(rule), DopeConfig, source="rule")
    )
    unit = load_host(config.host)
    host = repeat(unit, config.host.supercell)
    return dope_host(host, config, _empty_sites(unit, config))


def _plain(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {name: dict(section) for name, section in rule.items()}


def _empty_sites(unit: Atoms, config: DopeConfig) -> NDArray[np.float64]:
    """Fractional coordinates in the supercell of sites that may be filled."""
    if not _fills_sites(config.ladder):
        return np.zeros((0, 3))
    from lionn_rs.structures.interstitials import checked_sites, empty_prototype_sites, voids

    if config.ladder.interstitial_sites is not None:
        sites = checked_sites(unit, config.ladder.interstitial_sites)
    elif config.host.structure in PROTOTYPES:
        crystal = prototype(config.host.structure)
        sites = empty_prototype_sites(unit, crystal, element=crystal.mobile)
    else:
        sites = voids(unit)
    copies = np.array(config.host.supercell)
    shifts = np.stack(np.meshgrid(*[np.arange(n) for n in copies], indexing="ij"), axis=-1).reshape(
        -1, 3
    )
    return np.asarray((sites[None] + shifts[:, None]).reshape(-1, 3) / copies)


def _fills_sites(ladder: LadderSection) -> bool:
    return ladder.compensate == "lithium" or any(
        rule.remove == VACANCY for rule in ladder.exchanges
    )


def write_doping(
    doping: Doping,
    config: DopeConfig,
    folder: str | Path,
    *,
    file_format: Format = "extxyz",
    force: bool = False,
) -> Path:
    """Write structures, table and rule.

    Parameters
    ----------
    doping : Doping
    config : DopeConfig
        The rule that was followed.
    folder : str or Path
        Gets one file per arrangement, ``structures.csv``, ``structures.json``,
        ``config.resolved.toml``, and ``campaign.toml``: the structures as a list for
        ``lionn campaign``.
    file_format : {"extxyz", "cif"}
        Extended XYZ keeps the record of every structure beside its atoms.
    force : bool
        Replace results in the folder.

    Returns
    -------
    Path
        The table, ``structures.json``.

    Raises
    ------
    ConfigError
        The folder holds results and ``force`` is not given.
    """
    from lionn_rs.workflows.describe import software
    from lionn_rs.workflows.diagnose.run import write_csv

    check_folder(folder, force=force, resumable=False)
    place = prepare_folder(folder, force=force)
    write_text(place / "config.resolved.toml", to_toml(config))
    lowest: dict[int, float] = {}
    for entry in doping.structures:
        n = entry.step.n_dopant
        lowest[n] = min(entry.energy_eV, lowest.get(n, np.inf))
    rows = []
    for entry in doping.structures:
        row = _row(entry, config, lowest[entry.step.n_dopant], f"{entry.label}.{file_format}")
        write_bytes(place / row["file"], _file(entry, row, file_format))
        rows.append(row)
    write_csv(place / "structures.csv", rows)
    write_text(place / "campaign.toml", _campaign_sections(doping, file_format))
    record = {
        "version": VERSION,
        "host": config.host.model_dump(),
        "sources": _sources(config),
        "concentrations": doping.summary,
        "structures": rows,
        "software": software(),
    }
    # Last, so that a folder with this file is complete.
    write_json(place / "structures.json", record)
    return place / "structures.json"


def _campaign_sections(doping: Doping, file_format: Format) -> str:
    """Structures of every concentration as ``[[campaign.structures]]``."""
    import tomli_w

    compositions = [
        {
            "name": f"{row['element']}{row['n_dopant']}",
            "files": [
                f"{entry.label}.{file_format}"
                for entry in doping.structures
                if entry.step.n_dopant == row["n_dopant"]
            ],
            "concentration": round(row["at_percent"], 6),
        }
        for row in doping.summary
    ]
    head = (
        "# The arrangements as a list for lionn campaign; file names are relative to this file.\n"
    )
    return head + tomli_w.dumps({"campaign": {"structures": compositions}})


def _row(entry: DopedStructure, config: DopeConfig, lowest: float, file: str) -> dict[str, Any]:
    atoms, step = entry.atoms, entry.step
    return {
        "label": entry.label,
        "file": file,
        "formula": atoms.get_chemical_formula(),
        "n_atoms": len(atoms),
        "element": step.element,
        "n_dopant": step.n_dopant,
        "at_percent": step.at_percent,
        "charge": step.charge,
        "space_group": entry.space_group,
        "degeneracy": entry.degeneracy,
        "ewald_energy_eV": entry.energy_eV,
        "above_lowest_eV": entry.energy_eV - lowest,
        "closest_A": entry.closest_A,
        "host": Path(config.host.structure).name,
        "supercell": "x".join(str(n) for n in config.host.supercell),
        "host_seed": config.host.seed,
        "selection": config.arrangements.select,
        "selection_seed": config.arrangements.seed,
    }


def _sources(config: DopeConfig) -> str:
    name = config.host.structure
    if name in PROTOTYPES:
        return prototype(name).provenance()
    if name.startswith(DATASET_PREFIX):
        from lionn_rs import datasets

        return str(datasets.info(name.removeprefix(DATASET_PREFIX)).get("provenance", name))
    return Path(name).name


def _file(entry: DopedStructure, row: dict[str, Any], file_format: Format) -> bytes:
    from ase.io import write

    atoms = entry.atoms.copy()
    atoms.info = {key: value for key, value in row.items() if key != "file"}
    atoms.info["sources"] = entry.atoms.info.get("sources", "")
    if file_format == "cif":
        stream = io.BytesIO()
        write(stream, atoms, format="cif")
        return stream.getvalue()
    text = io.StringIO()
    write(text, atoms, format="extxyz")
    return text.getvalue().encode()
