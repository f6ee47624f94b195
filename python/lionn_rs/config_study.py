"""Typed configuration of a doping study: a campaign whose structures are made by a doping rule."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from lionn_rs.config_campaign import CampaignConfig
from lionn_rs.config_file import load_config, read_toml, resolve_path
from lionn_rs.datasets import DATASET_PREFIX
from lionn_rs.structures.rule import ArrangementSection, DopeConfig, HostSection, LadderSection

__all__ = ["StudyConfig", "is_campaign", "load_campaign_config"]

RULE_SECTIONS = ("host", "ladder", "arrangements")


class StudyConfig(CampaignConfig):
    """What ``lionn campaign`` and ``lionn run`` read if the file has a doping rule.

    The sections of ``lionn dope`` and those of ``lionn campaign``: every concentration of the
    ladder is a structure of the campaign, every arrangement one of its files.
    """

    host: HostSection = Field(description="The crystal that is doped")
    ladder: LadderSection = Field(description="Concentrations and exchanges")
    arrangements: ArrangementSection = Field(
        ArrangementSection(), description="Which arrangements are run"
    )

    @property
    def rule(self) -> DopeConfig:
        """The sections of ``lionn dope``."""
        return DopeConfig(host=self.host, ladder=self.ladder, arrangements=self.arrangements)

    @property
    def has_structures(self) -> bool:
        """They follow from the rule."""
        return True

    @model_validator(mode="after")
    def _structures_of_the_ladder_alone(self) -> StudyConfig:
        if self.campaign.structures is not None or self.md.structure is not None:
            where = (
                "[md] structure" if self.campaign.structures is None else "[campaign] structures"
            )
            raise ValueError(f"{where} and [ladder] exclude each other: both say what is run")
        _ = self.rule
        return self


def is_campaign(path: str | Path) -> bool:
    """Whether a TOML file is that of a campaign, and not of one run from images to report."""
    content = read_toml(path)
    return "campaign" in content and "data" not in content


def load_campaign_config(path: str | Path) -> CampaignConfig:
    """Read the TOML file of a campaign; with a doping rule in it, of a study.

    Raises
    ------
    ConfigError
        See :func:`lionn_rs.config_file.load_config`.
    """
    if not any(section in read_toml(path) for section in RULE_SECTIONS):
        return load_config(path, CampaignConfig)
    config = load_config(path, StudyConfig)
    from lionn_rs.structures.prototypes import PROTOTYPES

    name = config.host.structure
    if name in PROTOTYPES or name.startswith(DATASET_PREFIX):
        return config
    place = resolve_path(name, Path(path).parent)
    return config.model_copy(update={"host": config.host.model_copy(update={"structure": place})})
