"""Table of a campaign: its runs, each fixed by a JSON record and named by the hash of it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lionn_rs.datasets import DATASET_PREFIX
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.md.protocol import Protocol
from lionn_rs.units import PS_TO_FS

if TYPE_CHECKING:
    from ase import Atoms

    from lionn_rs.committee import Committee
    from lionn_rs.config_campaign import CampaignConfig, CampaignStructure
    from lionn_rs.potential import BasePotential

__all__ = ["CampaignTask", "Table", "expand", "spec_hash", "task_spec"]

SPEC_SCHEMA = "lionn-campaign-task"
SPEC_VERSION = 1
"""To be raised when a default of the protocol changes, or what a run does with its record."""
SHORT_HASH = 8
"""Digits of a hash in names of files and folders."""
PLAIN_STEMS = ("best", "last", "committee", "POSCAR", "CONTCAR")
"""Names of files that say nothing: the folder that they lie in is added."""


@dataclass(frozen=True)
class CampaignTask:
    """One run of a campaign.

    Attributes
    ----------
    id : str
        SHA-256 of :func:`task_spec`: potential, start structure, protocol, seed.
    name : str
        Name of its folder: what it is, for people, and the first digits of the hash.
    potential : str
        Name of the potential.
    structure : str
        Name of the composition.
    arrangement : str
        Name of the arrangement; empty if there is one only.
    concentration : float or None
    supercell : (3,) int
    n_atoms : int
    temperature_K : float
    seed : int
    n_steps : int
        Steps of all stages.
    timestep_fs : float
    """

    id: str
    name: str
    potential: str
    structure: str
    arrangement: str
    concentration: float | None
    supercell: tuple[int, int, int]
    n_atoms: int
    temperature_K: float
    seed: int
    n_steps: int
    timestep_fs: float

    @property
    def total_ps(self) -> float:
        """Simulated time of all stages, ps."""
        return self.n_steps * self.timestep_fs / PS_TO_FS

    @property
    def work(self) -> int:
        """Atom-steps: what it costs."""
        return self.n_atoms * self.n_steps

    @property
    def size(self) -> str:
        """Supercell in one word: ``2x2x1``."""
        return "x".join(str(n) for n in self.supercell)

    @property
    def group(self) -> tuple[str, str, tuple[int, int, int]]:
        """What an Arrhenius line belongs to: potential, structure and supercell."""
        return self.potential, self.structure, self.supercell

    def to_dict(self) -> dict[str, Any]:
        """All attributes."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> CampaignTask:
        """Inverse of :meth:`to_dict`."""
        a, b, c = record["supercell"]
        return cls(**record | {"supercell": (a, b, c)})


@dataclass(frozen=True)
class Table:
    """All runs of a campaign and what they start from.

    Attributes
    ----------
    tasks : list of CampaignTask
        Potentials, then structures, arrangements, sizes, temperatures, seeds, in the order given.
    specs : dict
        Record of each run by its id.
    potentials : dict
        File of each potential, and of the committee that watches, by its hash.
    structures : dict
        Start structure by its hash.
    """

    tasks: list[CampaignTask]
    specs: dict[str, dict[str, Any]]
    potentials: dict[str, Path]
    structures: dict[str, Atoms]


def task_spec(
    potential_hash: str,
    structure_hash: str,
    protocol: Protocol,
    committee_hash: str | None = None,
) -> dict[str, Any]:
    """Record that fixes every bit of a run, JSON-safe.

    Settings with their default are left out, and so is a committee that does not watch: what is
    added later, and changes nothing by default, does not change what a run is.
    """
    settings = protocol.model_dump(mode="json", exclude_defaults=True)
    watched = {} if committee_hash is None else {"committee": committee_hash}
    return {
        "schema": SPEC_SCHEMA,
        "version": SPEC_VERSION,
        "potential": potential_hash,
        "structure": structure_hash,
        "protocol": settings | {"seed": protocol.seed},
        **watched,
    }


def spec_hash(spec: dict[str, Any]) -> str:
    """SHA-256 of a record, whatever the order of its keys."""
    text = json.dumps(spec, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def expand(config: CampaignConfig) -> Table:
    """Every run of a campaign, after checking that potentials and structures fit.

    Raises
    ------
    DataError
        A structure or potential cannot be used.
    ConfigError
        Two runs would be the same, the carrier is missing, a limit that a potential knows nothing
        about.
    """
    from lionn_rs.committee import Committee, load
    from lionn_rs.md.checkpoint import hash_structure

    watching = config.md.committee
    committee = None if watching is None else Committee.load(watching)
    files = [Path(name) for name in config.campaign.potentials]
    table = Table([], {}, {}, {})
    if committee is not None:
        table.potentials[committee.hash] = Path(str(watching))
    found: dict[str, str] = {}
    for label, file in zip(_labels(files), files, strict=True):
        potential = load(file)
        hash_of_potential = potential.hash
        table.potentials[hash_of_potential] = file
        for entry, arrangement, supercell, atoms in _starts(config, potential, committee):
            hash_of_structure = hash_structure(atoms)
            table.structures[hash_of_structure] = atoms
            head = (label if len(files) > 1 else "", entry.name, arrangement)
            for protocol in _protocols(config):
                spec = task_spec(
                    hash_of_potential,
                    hash_of_structure,
                    protocol,
                    None if committee is None else committee.hash,
                )
                id = spec_hash(spec)
                task = CampaignTask(
                    id=id,
                    name=_task_name(head, supercell, protocol, id),
                    potential=label,
                    structure=entry.name,
                    arrangement=arrangement,
                    concentration=entry.concentration,
                    supercell=supercell,
                    n_atoms=len(atoms),
                    temperature_K=protocol.temperature_K,
                    seed=protocol.seed,
                    n_steps=protocol.n_steps,
                    timestep_fs=protocol.timestep_fs,
                )
                _refuse_twice(task, found)
                table.specs[id] = spec
                table.tasks.append(task)
    return table


def _refuse_twice(task: CampaignTask, found: dict[str, str]) -> None:
    """Refuse equal runs: they would count as replicas and are none."""
    if task.id in found:
        raise ConfigError(
            f"[campaign] {found[task.id]} and {task.name} are the same run: same potential, "
            "structure, protocol and seed (is a file listed twice?)"
        )
    found[task.id] = task.name


def _task_name(head: tuple[str, ...], supercell: Sequence[int], protocol: Protocol, id: str) -> str:
    """Name of the folder of a run: ``LGPS-2x2x1-900K-seed1-0f3a77b2``."""
    parts = [*head, "x".join(str(n) for n in supercell), f"{protocol.temperature_K:g}K"]
    parts += [f"seed{protocol.seed}", id[:SHORT_HASH]]
    return "-".join(part for part in parts if part)


def _structures(config: CampaignConfig) -> list[CampaignStructure]:
    """Structures of the campaign; that of ``[md]`` if none are listed."""
    from lionn_rs.config_campaign import CampaignStructure

    if config.campaign.structures is not None:
        return config.campaign.structures
    name = config.md.structure
    assert name is not None
    label = _word(name.removeprefix(DATASET_PREFIX)) or "structure"
    return [CampaignStructure(name=label, files=[name])]


def _arrangements(entry: CampaignStructure) -> Iterator[tuple[str, str]]:
    """Name and source of every arrangement; patterns are expanded, in alphabetical order."""
    sources: list[str] = []
    for text in entry.files:
        if text.startswith(DATASET_PREFIX) or not has_magic(text) or Path(text).exists():
            sources.append(text)
            continue
        matches = sorted(glob(text))  # noqa: PTH207 (the pattern may be absolute)
        if not matches:
            raise DataError(f"{text}: no file matches this pattern ([campaign] '{entry.name}')")
        sources += [match for match in matches if match not in sources]
    labels = _labels([Path(source.removeprefix(DATASET_PREFIX)) for source in sources])
    if len(sources) == 1:
        labels = [""]
    yield from zip(labels, sources, strict=True)


def _starts(
    config: CampaignConfig, potential: BasePotential, committee: Committee | None
) -> Iterator[tuple[CampaignStructure, str, tuple[int, int, int], Atoms]]:
    """Structure, arrangement, size and start structure, after a look at whether it can be run."""
    from lionn_rs.md import repeat
    from lionn_rs.md.uncertainty import check_limits
    from lionn_rs.workflows.dynamics import check_structure, check_watcher

    check_limits(config.md, potential, committee)
    carrier = config.diffusion.carrier
    for entry, arrangement, source, atoms in _listed(config):
        check_structure(potential, atoms, source)
        check_watcher(committee, config.md.committee, atoms, source)
        if carrier not in atoms.get_chemical_symbols():
            raise ConfigError(
                f"[diffusion] carrier {carrier} does not occur in {source} "
                f"({atoms.get_chemical_formula()})"
            )
        for supercell in entry.supercells or config.campaign.supercells or [config.md.supercell]:
            yield entry, arrangement, supercell, repeat(atoms, supercell)


def _listed(config: CampaignConfig) -> Iterator[tuple[CampaignStructure, str, str, Atoms]]:
    """Structure, name of the arrangement, where it comes from, atoms: from files or a rule."""
    from lionn_rs.config_study import StudyConfig
    from lionn_rs.workflows.campaign.ladder import ladder_structures
    from lionn_rs.workflows.inputs import load_structure

    if isinstance(config, StudyConfig):
        yield from ladder_structures(config)
        return
    for entry in _structures(config):
        for arrangement, source in _arrangements(entry):
            yield entry, arrangement, source, load_structure(source)


def _protocols(config: CampaignConfig) -> Iterator[Protocol]:
    for temperature in config.md.temperatures_K:
        for seed in config.md.seeds:
            yield config.md.protocol(temperature, seed)


def _labels(paths: Sequence[Path]) -> list[str]:
    """Shortest ends of paths that tell them apart, as words.

    Examples
    --------
    >>> _labels([Path("runs/a/best.json"), Path("runs/b/best.json")])
    ['a-best', 'b-best']
    >>> _labels([Path("cl/1.cif"), Path("cl/2.cif")])
    ['1', '2']
    """
    parts = [(*path.parts[:-1], path.stem) for path in paths]
    plain = any(path.stem in PLAIN_STEMS for path in paths)
    longest = max(len(entry) for entry in parts)
    labels: list[str] = []
    for depth in range(2 if plain else 1, longest + 2):
        labels = [_word("-".join(entry[-depth:])) for entry in parts]
        if len(set(labels)) == len(labels):
            return labels
    return [f"{label}-{k}" for k, label in enumerate(labels, 1)]


def _word(text: str) -> str:
    """Text as part of the name of a folder."""
    return re.sub(r"[^A-Za-z0-9._+]+", "-", text).strip("-.")
