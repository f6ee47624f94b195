"""Typed configuration of ``lionn label``: the section ``[label]``."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from lionn_rs.config import Count, Degree, Positive, Section

__all__ = ["LabelConfig", "LabelSection"]


class LabelSection(Section):
    """``[label]``: with which code, at which level, how often with stress."""

    calculator: str = Field(
        description="Name that ASE knows ('gpaw', 'cp2k', 'vasp', 'espresso', 'emt', ...), or "
        "'module:Class' for any other ASE calculator. 'gpaw' has a preset: PBE, PW(350 eV), one "
        "k-point (1/4, 1/4, 1/4), Fermi-Dirac 0.05 eV"
    )
    stress_every: Degree = Field(
        6, description="Stress of every n-th frame (periodic ones only); 0: of none"
    )
    keep_state: bool = Field(
        True,
        description="A worker starts from the wavefunctions of its last frame if cell and elements "
        "are the same: faster; labels depend on the order of frames within the SCF tolerance",
    )
    time_limit_s: Positive | None = Field(
        None, description="A frame that takes longer is dropped, wall time, s; default: no limit"
    )
    n_workers: Count | None = Field(
        None, description="Frames side by side; default: processors / n_threads"
    )
    n_threads: Count | None = Field(
        None, description="Threads of each worker (OpenMP, BLAS); default: 1 with enough frames"
    )
    settings: dict[str, Any] = Field(
        {},
        description="Arguments of the calculator that belong to the level of theory, over those of "
        "a preset; part of the hash that every frame carries",
    )
    running: dict[str, Any] = Field(
        {},
        description="Arguments of the calculator that say how it is run (command, paths, parallel "
        "layout, log); they do not count as another level of theory",
    )

    @model_validator(mode="after")
    def _in_one_place(self) -> LabelSection:
        both = sorted(self.settings.keys() & self.running.keys())
        if both:
            raise ValueError(f"'{both[0]}' is in settings and in running; keep one of them")
        return self


class LabelConfig(Section):
    """What ``lionn label`` reads."""

    label: LabelSection = Field(description="Labels from an electronic-structure code")
