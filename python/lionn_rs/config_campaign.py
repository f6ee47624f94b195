"""Typed configuration of ``lionn campaign``: ``[campaign]`` and ``[[campaign.structures]]``."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator

from lionn_rs.config import Count, FolderName, MdSection, NonNegative, Section, TransportConfig

__all__ = ["CampaignConfig", "CampaignSection", "CampaignStructure"]

Supercell = tuple[Count, Count, Count]


def _as_list(value: Any) -> Any:
    """One name stands for a list of one."""
    return [value] if isinstance(value, str) else value


class CampaignStructure(Section):
    """``[[campaign.structures]]``: a composition, with its arrangements."""

    name: FolderName = Field(description="Name in tables, figures and folders")
    files: list[str] = Field(
        min_length=1,
        description="Start structures, one for each arrangement of the atoms (replicas of one "
        "composition): files, patterns such as 'cl2/*.cif', or 'dataset:NAME', relative to the "
        "TOML file",
    )
    concentration: NonNegative | None = Field(
        None, description="Where it stands on the axis of the figure, for example % of Cl"
    )
    supercells: list[Supercell] | None = Field(
        None, min_length=1, description="Sizes of this structure; default: those of [campaign]"
    )

    _one_file = field_validator("files", mode="before")(_as_list)


class CampaignSection(Section):
    """``[campaign]``: what is combined with the temperatures and seeds of ``[md]``."""

    name: FolderName = Field(description="Name; an output folder holds one campaign")
    potentials: list[str] = Field(
        min_length=1,
        description="Potential or committee files, relative to the TOML file; each is a campaign "
        "of its own in tables and figures",
    )
    supercells: list[Supercell] | None = Field(
        None,
        min_length=1,
        description="Sizes: repetitions of the cell along a, b, c; default: that of [md]",
    )
    concentration_label: str = Field(
        "concentration", description="Name and unit of the concentration, for the figure"
    )
    structures: list[CampaignStructure] | None = Field(
        None,
        min_length=1,
        description="Compositions, each a table with a name and files; default: the structure of "
        "[md] alone",
    )

    _one_potential = field_validator("potentials", mode="before")(_as_list)


class CampaignConfig(TransportConfig):
    """What ``lionn campaign`` reads."""

    campaign: CampaignSection = Field(
        description="Table of runs: structures, arrangements, sizes, potentials"
    )
    md: MdSection = Field(description="Molecular-dynamics protocol")

    @property
    def has_structures(self) -> bool:
        """Whether the file says what is run."""
        return self.campaign.structures is not None or self.md.structure is not None

    @model_validator(mode="after")
    def _has_structures(self) -> CampaignConfig:
        if not self.has_structures:
            raise ValueError(
                "[campaign] missing key 'structures' (tables [[campaign.structures]] with name "
                "and files, one structure in [md], or a doping rule in [host] and [ladder])"
            )
        return self

    @model_validator(mode="after")
    def _table_without_repetitions(self) -> CampaignConfig:
        lists: list[tuple[str, list[Any]]] = [
            ("[campaign] structures", [entry.name for entry in self.campaign.structures or []]),
            ("[campaign] potentials", self.campaign.potentials),
            ("[campaign] supercells", self.campaign.supercells or []),
            ("[md] temperatures_K", self.md.temperatures_K),
            ("[md] seeds", self.md.seeds),
        ]
        for k, entry in enumerate(self.campaign.structures or []):
            lists.append((f"[campaign] structures[{k}]: files", entry.files))
            lists.append((f"[campaign] structures[{k}]: supercells", entry.supercells or []))
        for name, values in lists:
            twice = next((value for k, value in enumerate(values) if value in values[:k]), None)
            if twice is not None:
                shown = list(twice) if isinstance(twice, tuple) else twice
                raise ValueError(f"{name}: {shown!r} is given twice")
        return self

    @model_validator(mode="after")
    def _diffusivities_exist(self) -> CampaignConfig:
        if self.md.barostat != "none" or self.md.production_end_K is not None:
            raise ValueError(
                "[md] barostat and production_end_K belong to 'lionn md': diffusivities need a "
                "fixed cell and a constant temperature"
            )
        if self.md.production_ps == 0:
            raise ValueError("[md] production_ps must be greater than 0 in a campaign")
        return self
