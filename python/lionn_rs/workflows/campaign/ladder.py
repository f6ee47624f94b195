"""Structures of a campaign that are made by a doping rule."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from lionn_rs.config_campaign import CampaignStructure
from lionn_rs.config_file import parse_config, read_toml
from lionn_rs.errors import ConfigError
from lionn_rs.structures.rule import DopeConfig
from lionn_rs.workflows.dope import dope, write_doping

if TYPE_CHECKING:
    from ase import Atoms

    from lionn_rs.config_study import StudyConfig
    from lionn_rs.structures.doping import Doping

__all__ = ["ladder_structures", "write_ladder"]

RULE_FILE = "config.resolved.toml"


@lru_cache(maxsize=2)
def _made(rule_json: str) -> Doping:
    return dope(DopeConfig.model_validate_json(rule_json))


def ladder_structures(
    config: StudyConfig,
) -> Iterator[tuple[CampaignStructure, str, str, Atoms]]:
    """Every arrangement of every concentration, in the order of the ladder.

    Parameters
    ----------
    config : StudyConfig

    Yields
    ------
    structure : CampaignStructure
        The concentration, in % of all atoms.
    arrangement : str
        Name of the arrangement; empty if there is one only.
    source : str
        For messages.
    atoms : ase.Atoms

    Raises
    ------
    ConfigError, DataError
        See :func:`lionn_rs.workflows.dope.dope`.
    """
    doping = _made(config.rule.model_dump_json())
    for row in doping.summary:
        members = [e for e in doping.structures if e.step.n_dopant == row["n_dopant"]]
        entry = CampaignStructure(
            name=f"{row['element']}{row['n_dopant']}",
            files=[member.label for member in members],
            concentration=round(row["at_percent"], 6),
        )
        for member in members:
            arrangement = member.label if len(members) > 1 else ""
            yield entry, arrangement, f"arrangement {member.label}", member.atoms


def write_ladder(config: StudyConfig, folder: Path) -> None:
    """Write the structures and their table, unless they lie there already.

    Raises
    ------
    ConfigError
        The folder holds something else.
    """
    rule = config.rule
    known = folder / RULE_FILE
    if known.exists():
        found = parse_config(read_toml(known), DopeConfig, source=str(known))
        if found == rule and (folder / "structures.json").exists():
            return
    elif folder.exists() and any(folder.iterdir()):
        raise ConfigError(
            f"{folder}: holds no structures of a doping rule ({RULE_FILE} is missing)"
        )
    write_doping(_made(rule.model_dump_json()), rule, folder, force=True)
