"""Doping rules: the sections of the TOML file that ``lionn dope`` reads."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from lionn_rs.config import Count, Degree, Section, Seed
from lionn_rs.structures.charges import VACANCY, parse_ions

__all__ = ["ArrangementSection", "DopeConfig", "ExchangeRule", "HostSection", "LadderSection"]


class HostSection(Section):
    """``[host]``: the crystal that is doped."""

    structure: str = Field(
        description="Name of a prototype ('lgps', 'li20si3p3s23cl'), 'dataset:NAME' for a bundled "
        "structure, or a file that ASE reads, relative to the TOML file"
    )
    supercell: tuple[Count, Count, Count] = Field(
        (1, 1, 1),
        description="Copies along a, b and c. In LGPS the channels run along c: the '3x1x1' cell "
        "of Rao, Yao and Grabow is [1, 1, 3]",
    )
    seed: Seed = Field(1, description="Seed of the ordering of a prototype")
    prototype: str | None = Field(
        None,
        description="Structure type of a file or bundled structure, to label its tetrahedra, so "
        "that bonded_to = 'P(2b)' can be used",
    )
    charges: list[str] = Field(
        [],
        description="Formal charges as ions ('Fe3+'), for elements without a common one or to "
        "change it",
    )


class ExchangeRule(Section):
    """``[[ladder.exchanges]]``: one ion taken out, another put in its place."""

    remove: str = Field(description="Element taken out; 'vacancy': an empty site is filled")
    insert: str = Field(description="Element put in; 'vacancy': the site stays empty")
    count: Count = Field(1, description="Ions exchanged per step of the ladder")
    site: str | None = Field(
        None, description="Only on sites of this label ('S1(8g)'); labels come with prototypes"
    )
    bonded_to: str | None = Field(
        None,
        description="Only ligands of tetrahedra around this site label ('P(2b)') or element ('P')",
    )

    @model_validator(mode="after")
    def _changes_something(self) -> ExchangeRule:
        if self.remove == self.insert:
            raise ValueError(f"remove and insert are both '{self.remove}'")
        return self


class LadderSection(Section):
    """``[ladder]``: concentrations and the exchanges that lead to them."""

    element: str = Field(description="Element whose concentration is set; 'vacancy' is not one")
    counts: list[Degree] | None = Field(
        None, min_length=1, description="Atoms of the element in the supercell, one per step"
    )
    at_percent: list[float] | None = Field(
        None,
        min_length=1,
        description="Instead of counts: atoms of the element per 100 atoms; the nearest number of "
        "exchanges is taken and the concentration that it gives is written out",
    )
    compensate: Literal["none", "lithium"] = Field(
        "none",
        description="'lithium': remove or add Li until the cell is neutral (vacancies or "
        "interstitials); 'none': the exchanges must be neutral together",
    )
    interstitial_sites: list[tuple[float, float, float]] | None = Field(
        None,
        description="Fractional coordinates, in the host cell, of empty sites that may be filled; "
        "default: the empty Li sites of a prototype, else the voids of the structure",
    )
    exchanges: list[ExchangeRule] = Field(
        min_length=1, description="What is exchanged; all of them together make one step"
    )

    @model_validator(mode="after")
    def _one_kind_of_target(self) -> LadderSection:
        if (self.counts is None) == (self.at_percent is None):
            raise ValueError("give either counts or at_percent")
        keys = [(e.remove, e.insert, e.site, e.bonded_to) for e in self.exchanges]
        if len(set(keys)) != len(keys):
            raise ValueError("an exchange is given twice; use count instead")
        if self.element == VACANCY:
            raise ValueError("element must be a chemical element, got 'vacancy'")
        return self


class ArrangementSection(Section):
    """``[arrangements]``: which of the possible arrangements are written."""

    select: Literal["lowest", "random", "all"] = Field(
        "lowest",
        description="'lowest': of lowest electrostatic energy; 'random': drawn with their "
        "degeneracies as weights, for the spread between arrangements; 'all'",
    )
    keep: Count = Field(4, description="Arrangements per concentration (not with 'all')")
    equivalence: Literal["structure", "framework"] = Field(
        "structure",
        description="Symmetry that makes arrangements the same: that of the whole host, or that of "
        "the host without Li; then the one of lowest energy stands for its class",
    )
    enumerate_up_to: Count = Field(
        200000, description="All arrangements are made if there are at most so many, else a sample"
    )
    n_samples: Count = Field(2000, description="Size of the sample")
    seed: Seed = Field(1, description="Seed of the sample and of the random selection")


class DopeConfig(Section):
    """What ``lionn dope`` reads."""

    host: HostSection = Field(description="The crystal that is doped")
    ladder: LadderSection = Field(description="Concentrations and exchanges")
    arrangements: ArrangementSection = Field(
        ArrangementSection(), description="Which arrangements are written"
    )

    @model_validator(mode="after")
    def _consistent(self) -> DopeConfig:
        parse_ions(self.host.charges)
        moves_lithium = self.ladder.compensate == "lithium" or any(
            "Li" in (e.remove, e.insert) for e in self.ladder.exchanges
        )
        if self.arrangements.equivalence == "framework" and moves_lithium:
            raise ValueError(
                "[arrangements] equivalence 'framework' leaves Li out and cannot be used with "
                "exchanges of Li: use 'structure'"
            )
        return self
