"""The molecular-dynamics protocol: heating, equilibration and production as one object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lionn_rs.errors import ConfigError
from lionn_rs.units import PS_TO_FS

__all__ = ["WATCH_KEYS", "Protocol", "ProtocolSettings", "Stage", "ThermostatName"]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
ThermostatName = Literal["nose-hoover-chain", "rescale", "none"]


@dataclass(frozen=True)
class Stage:
    """A part of a run with one thermostat.

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
    """

    label: str
    first_step: int
    n_steps: int
    thermostat: dict[str, Any]

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
    heating_ps: NonNegative = Field(4.0, description="Heating by velocity scaling, ps")
    heating_law: Literal["temperature", "velocity"] = Field(
        "temperature", description="What grows linearly in time during heating"
    )
    equilibration_ps: NonNegative = Field(1.0, description="Equilibration at the target, ps")
    equilibration_thermostat: ThermostatName = Field(
        "nose-hoover-chain", description="Thermostat of the equilibration"
    )
    production_ps: NonNegative = Field(20.0, description="Production, ps")
    thermostat: ThermostatName = Field(
        "nose-hoover-chain",
        description="Thermostat of the production run; 'rescale' does not sample NVT, "
        "'none' is NVE",
    )
    tau_fs: Positive = Field(
        100.0, description="Time constant of the chain, fs: Q1 = N_dof kB T tau², Qk = kB T tau²"
    )
    chain_length: Count = Field(3, description="Length of the Nosé-Hoover chain")
    suzuki_yoshida: Literal[1, 3, 5, 7] = Field(
        3, description="Number of Suzuki-Yoshida weights of the chain integrator"
    )
    substeps: Count = Field(1, description="Sub-steps of the chain integrator")
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
    the paper; they are explicit here.

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
            name = ".".join(str(part) for part in first["loc"])
            got = "" if first["type"] == "missing" else f", got {first['input']!r}"
            raise ConfigError(f"protocol: {name}: {first['msg']}{got}") from None

    def _n_steps(self, time_ps: float) -> int:
        return round(time_ps * PS_TO_FS / self.timestep_fs)

    def _thermostat(self, name: ThermostatName) -> dict[str, Any]:
        if name == "none":
            return {"kind": "nve"}
        if name == "rescale":
            return self._program(self.temperature_K, 1)
        return {
            "kind": "nose-hoover-chain",
            "temperature_K": self.temperature_K,
            "tau_fs": self.tau_fs,
            "chain_length": self.chain_length,
            "n_weights": self.suzuki_yoshida,
            "n_substeps": self.substeps,
        }

    def _program(self, start_K: float, n_steps: int) -> dict[str, Any]:
        return {
            "kind": "rescale",
            "start_K": start_K,
            "end_K": self.temperature_K,
            "n_steps": n_steps,
            "law": self.heating_law,
        }

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that have at least one step, in order."""
        heating = self._n_steps(self.heating_ps)
        plan = [
            ("heating", heating, self._program(self.start_temperature_K, max(heating, 1))),
            (
                "equilibration",
                self._n_steps(self.equilibration_ps),
                self._thermostat(self.equilibration_thermostat),
            ),
            (
                "production",
                self._n_steps(self.production_ps),
                self._thermostat(self.thermostat),
            ),
        ]
        stages: list[Stage] = []
        for label, n_steps, thermostat in plan:
            if n_steps > 0:
                first = stages[-1].last_step if stages else 0
                stages.append(Stage(label, first, n_steps, thermostat))
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
        return self.max_temperature_factor * max(self.temperature_K, self.initial_temperature_K)

    def labels(self, steps: NDArray[np.int64]) -> NDArray[np.str_]:
        """Stage that each step belongs to; the step between two stages begins the later one."""
        stages = self.stages
        index = np.searchsorted([stage.first_step for stage in stages], steps, side="right") - 1
        return np.array([stage.label for stage in stages])[index]
