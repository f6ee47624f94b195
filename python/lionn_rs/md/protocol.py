"""The molecular-dynamics protocol: heating, equilibration and production as one object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import Self

from lionn_rs.errors import ConfigError
from lionn_rs.units import PS_TO_FS

__all__ = ["WATCH_KEYS", "BarostatName", "Protocol", "ProtocolSettings", "Stage", "ThermostatName"]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
ThermostatName = Literal[
    "nose-hoover-chain", "nose-hoover", "langevin", "stochastic-rescale", "rescale", "none"
]
HeatingName = Literal[
    "rescale", "nose-hoover-chain", "nose-hoover", "langevin", "stochastic-rescale"
]
BarostatName = Literal["none", "isotropic", "anisotropic"]
NOT_CANONICAL = ("rescale", "none")
"""Thermostats that sample no canonical ensemble: they go with no barostat."""

Span = tuple[float, float]
"""Target temperature at the start and at the end, K."""


@dataclass(frozen=True)
class Stage:
    """A part of a run in one ensemble.

    Attributes
    ----------
    label : str
        "heating", "equilibration" or "production".
    first_step : int
        Steps made before the stage begins.
    n_steps : int
        Steps of the stage.
    thermostat : dict
        Thermostat in the words of the core: its kind and parameters.
    barostat : dict or None
        Barostat in the words of the core; none where the cell is fixed.
    ramp : dict or None
        Program of the target temperature; none where it is constant, or part of the thermostat.
    """

    label: str
    first_step: int
    n_steps: int
    thermostat: dict[str, Any]
    barostat: dict[str, Any] | None = None
    ramp: dict[str, Any] | None = None

    @property
    def last_step(self) -> int:
        """Steps made when the stage ends."""
        return self.first_step + self.n_steps


class ProtocolSettings(BaseModel):
    """Everything of a :class:`Protocol` but temperature and seed: what runs side by side share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timestep_fs: Positive = Field(2.0, description="Time step, fs")
    start_temperature_K: Positive = Field(
        100.0, description="Temperature of the Maxwell-Boltzmann velocities before heating, K"
    )
    exact_start: bool = Field(
        True,
        description="Scale the drawn velocities to exactly the start temperature, instead of "
        "letting it fluctuate as in the canonical ensemble",
    )
    heating_ps: NonNegative = Field(
        4.0, description="Heating from the start temperature to the target, ps"
    )
    heating_law: Literal["temperature", "velocity"] = Field(
        "temperature",
        description="What changes linearly in time where the target changes: T, or the velocity, "
        "the square root of T",
    )
    heating_thermostat: HeatingName = Field(
        "rescale",
        description="Heating by scaling velocities to the programmed temperature at every step, or "
        "by a thermostat with that target",
    )
    equilibration_ps: NonNegative = Field(1.0, description="Equilibration at the target, ps")
    equilibration_thermostat: ThermostatName = Field(
        "nose-hoover-chain", description="Thermostat of the equilibration"
    )
    production_ps: NonNegative = Field(20.0, description="Production, ps")
    thermostat: ThermostatName = Field(
        "nose-hoover-chain",
        description="Thermostat of the production run; 'nose-hoover' is a chain of length 1, "
        "'langevin' and 'stochastic-rescale' are for equilibration and sampling, 'rescale' does "
        "not sample NVT, 'none' is NVE",
    )
    production_end_K: Positive | None = Field(
        None,
        description="Temperature at the end of the production, K: a ramp; default: constant "
        "temperature",
    )
    tau_fs: Positive = Field(
        100.0,
        description="Time constant of the thermostat, fs: Q1 = N_dof kB T tau², Qk = kB T tau² in "
        "a chain; relaxation time of the kinetic energy in 'stochastic-rescale'",
    )
    friction_per_ps: Positive = Field(5.0, description="Friction of 'langevin', 1/ps")
    chain_length: Count = Field(3, description="Length of the Nosé-Hoover chain")
    suzuki_yoshida: Literal[1, 3, 5, 7] = Field(
        3, description="Number of Suzuki-Yoshida weights of the chain integrator"
    )
    substeps: Count = Field(1, description="Sub-steps of the chain integrator")
    barostat: BarostatName = Field(
        "none",
        description="Constant pressure (NPT, Martyna-Tobias-Klein) in all stages but heating by "
        "rescaling: 'isotropic', or 'anisotropic', the three lengths of the cell on their own; "
        "angles never change. 'none': fixed cell",
    )
    pressure_GPa: Finite = Field(
        0.0, description="Pressure of the barostat, GPa (1 bar is 0.0001 GPa)"
    )
    barostat_tau_fs: Positive = Field(
        1000.0, description="Time constant of the barostat, fs: W = (N_dof + 3) kB T tau²"
    )
    record_pressure: bool = Field(
        False,
        description="Pressure, volume and lengths of the cell in the thermo table also where the "
        "cell is fixed",
    )
    n_dof: Count | None = Field(
        None, description="Degrees of freedom that carry kinetic energy; default: 3N - 3"
    )
    stride: Count = Field(10, description="Steps between stored frames")
    stride_thermo: Count = Field(10, description="Steps between rows of the thermo table")
    velocities: bool = Field(False, description="Store velocities with the frames")
    precision: Literal["float32", "float64"] = Field(
        "float32", description="Precision of stored positions and velocities"
    )
    skin: NonNegative = Field(0.8, description="Skin of the neighbor list, Å")
    min_distance: NonNegative = Field(0.5, description="Stop when two atoms are closer, Å")
    max_temperature_factor: Positive = Field(
        5.0, description="Stop when the temperature exceeds this multiple of the highest target"
    )
    max_volume_factor: Annotated[float, Field(gt=1, allow_inf_nan=False)] = Field(
        2.0, description="Stop when the volume has grown or shrunk by this factor since the start"
    )
    max_excess: Positive | None = Field(
        None,
        description="Stop when an environment leaves its training range by more than this part of "
        "the width of the range; default: only count",
    )
    check_stride: Count = Field(10, description="Steps between two checks of the distances")
    assess_stride: Count = Field(
        10,
        description="Steps between two assessments of the potential: spread of a committee, "
        "extrapolation grade",
    )
    on_uncertain: Literal["report", "stop", "dump"] = Field(
        "report",
        description="What to do beyond one of the two limits that follow: count it; end the run, "
        "which can be resumed; keep the frame in uncertain_frames.extxyz",
    )
    max_force_std: Positive | None = Field(
        None,
        description="Limit on the force spread of an atom (calibrated, root mean square over "
        "components), eV/Å; committees only",
    )
    max_grade: Positive | None = Field(
        None,
        description="Limit on the extrapolation grade of an atom; 1 is as far out as the farthest "
        "training environment",
    )
    max_uncertain_frames: Count = Field(100, description="Frames kept by 'dump', at most")
    uncertain_interval_ps: NonNegative = Field(
        0.1, description="Time between two frames kept by 'dump', at least, ps"
    )

    @model_validator(mode="after")
    def _ensembles_exist(self) -> Self:
        for key in ("equilibration_thermostat", "thermostat"):
            name = getattr(self, key)
            if self.barostat != "none" and name in NOT_CANONICAL:
                raise ValueError(
                    f"barostat = '{self.barostat}' needs a thermostat that samples a constant "
                    f"temperature, but {key} is '{name}'"
                )
        if self.barostat == "none" and self.pressure_GPa != 0:
            raise ValueError(
                f"pressure_GPa = {self.pressure_GPa:g} needs a barostat, but barostat is 'none'"
            )
        if self.production_end_K is not None and self.thermostat == "none":
            raise ValueError("production_end_K needs a thermostat, but thermostat is 'none'")
        return self


WATCH_KEYS = (
    "assess_stride",
    "on_uncertain",
    "max_force_std",
    "max_grade",
    "max_uncertain_frames",
    "uncertain_interval_ps",
)
"""Settings that change what is said about a trajectory, but none of its bits."""


class Protocol(ProtocolSettings):
    """Molecular dynamics at one temperature from one seed; the defaults are those of Rao et al.

    Velocities are drawn at ``start_temperature_K``, the temperature is raised to ``temperature_K``
    by scaling velocities after every step to the programmed value, the system equilibrates, and the
    production run follows. Stages are rounded to whole steps. Without heating, velocities are drawn
    at ``temperature_K``.

    The time constant of the thermostat and what "linear velocity scaling" means are not stated in
    the paper; they are explicit here. After step ``k`` of ``n`` of a program the target is
    ``T0 + (T1 - T0) k/n`` (law "temperature", the default) or ``(√T0 + (√T1 - √T0) k/n)²`` (law
    "velocity"); md.json and the column target_K of the thermo table record it.

    Raises
    ------
    ConfigError
        For an unknown field or a value out of range.

    References
    ----------
    K. K. Rao, Y. Yao, L. C. Grabow (2020), section 2.2 (heating 4 ps, 1 ps, 20 ps, time step 2 fs).

    Examples
    --------
    >>> protocol = Protocol(temperature_K=900)
    >>> [(stage.label, stage.n_steps) for stage in protocol.stages]
    [('heating', 2000), ('equilibration', 500), ('production', 10000)]
    """

    temperature_K: Positive = Field(description="Temperature of the production run, K")
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of the initial velocities")

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            if not first["loc"]:
                raise ConfigError(f"protocol: {first['ctx']['error']}") from None
            name = ".".join(str(part) for part in first["loc"])
            got = "" if first["type"] == "missing" else f", got {first['input']!r}"
            raise ConfigError(f"protocol: {name}: {first['msg']}{got}") from None

    def _n_steps(self, time_ps: float) -> int:
        return round(time_ps * PS_TO_FS / self.timestep_fs)

    def _chain(self, tau_fs: float, length: int) -> dict[str, Any]:
        return {
            "temperature_K": self.temperature_K,
            "tau_fs": tau_fs,
            "chain_length": length,
            "n_weights": self.suzuki_yoshida,
            "n_substeps": self.substeps,
        }

    def _thermostat(self, name: ThermostatName) -> dict[str, Any]:
        match name:
            case "none":
                return {"kind": "nve"}
            case "langevin":
                parameters = {"friction_per_ps": self.friction_per_ps, "seed": self.seed}
                return {"kind": name, "temperature_K": self.temperature_K, **parameters}
            case "stochastic-rescale":
                parameters = {"tau_fs": self.tau_fs, "seed": self.seed}
                return {"kind": name, "temperature_K": self.temperature_K, **parameters}
            case _:
                length = 1 if name == "nose-hoover" else self.chain_length
                return {"kind": "nose-hoover-chain", **self._chain(self.tau_fs, length)}

    def _barostat(self, name: ThermostatName) -> dict[str, Any] | None:
        if self.barostat == "none" or name in NOT_CANONICAL:
            return None
        return {
            "coupling": self.barostat,
            "pressure_GPa": self.pressure_GPa,
            **self._chain(self.barostat_tau_fs, self.chain_length),
        }

    def _stage(
        self, label: str, first_step: int, n_steps: int, name: ThermostatName, span_K: Span
    ) -> Stage:
        """Stage with a target that goes from the first to the second temperature."""
        start_K, end_K = span_K
        program = {"start_K": start_K, "end_K": end_K, "n_steps": n_steps, "law": self.heating_law}
        if name == "rescale":
            # A constant program has one step: a longer production is the same run, continued.
            steps = n_steps if start_K != end_K else 1
            thermostat = {"kind": name, **program, "n_steps": steps}
            return Stage(label, first_step, n_steps, thermostat)
        ramp = None if start_K == end_K else {**program, "first_step": first_step}
        thermostat = self._thermostat(name)
        return Stage(label, first_step, n_steps, thermostat, self._barostat(name), ramp)

    @property
    def changes_cell(self) -> bool:
        """Whether the cell changes along the run."""
        return any(stage.barostat is not None for stage in self.stages)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that have at least one step, in order."""
        target = self.temperature_K
        end = self.production_end_K or target
        plan: list[tuple[str, float, ThermostatName, Span]] = [
            (
                "heating",
                self.heating_ps,
                self.heating_thermostat,
                (self.start_temperature_K, target),
            ),
            (
                "equilibration",
                self.equilibration_ps,
                self.equilibration_thermostat,
                (target, target),
            ),
            ("production", self.production_ps, self.thermostat, (target, end)),
        ]
        stages: list[Stage] = []
        for label, time_ps, name, span_K in plan:
            n_steps = self._n_steps(time_ps)
            if n_steps > 0:
                first = stages[-1].last_step if stages else 0
                stages.append(self._stage(label, first, n_steps, name, span_K))
        return tuple(stages)

    @property
    def n_steps(self) -> int:
        """Steps of all stages."""
        return sum(stage.n_steps for stage in self.stages)

    @property
    def initial_temperature_K(self) -> float:
        """Temperature of the first velocities, K."""
        heated = self._n_steps(self.heating_ps) > 0
        return self.start_temperature_K if heated else self.temperature_K

    @property
    def max_temperature_K(self) -> float:
        """Instantaneous temperature at which the run stops, K."""
        end_K = self.production_end_K or self.temperature_K
        highest = max(self.temperature_K, self.initial_temperature_K, end_K)
        return self.max_temperature_factor * highest

    def labels(self, steps: NDArray[np.int64]) -> NDArray[np.str_]:
        """Stage that each step belongs to; the step between two stages begins the later one."""
        stages = self.stages
        index = np.searchsorted([stage.first_step for stage in stages], steps, side="right") - 1
        return np.array([stage.label for stage in stages])[index]
