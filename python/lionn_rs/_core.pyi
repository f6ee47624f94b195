"""Types of the compiled core."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Committee",
    "Descriptor",
    "DisplacementProducts",
    "GaussNewton",
    "Harmonic",
    "InverseHessian",
    "LennardJones",
    "MdRun",
    "NeuralPotential",
    "TrainingSet",
    "Unwrapper",
    "Watched",
    "__version__",
    "assign_sites",
    "autocorrelation",
    "density_basins",
    "density_counts",
    "displacement_moments",
    "maxwell_boltzmann",
    "msd",
    "msd_per_atom",
    "named_set",
    "neighbor_list",
    "pair_histogram",
    "read_model",
    "simd_level",
    "van_hove_distinct",
    "van_hove_self",
    "window_products",
]
__version__: str

def simd_level() -> str: ...

@final
class Descriptor:
    def __new__(cls, spec: Mapping[str, Any]) -> Descriptor: ...
    @property
    def spec(self) -> dict[str, Any]: ...
    @property
    def elements(self) -> list[str]: ...
    @property
    def cutoff(self) -> float: ...
    @property
    def n_features(self) -> list[int]: ...
    def fingerprints(
        self,
        cell: NDArray[np.float64],
        pbc: tuple[bool, bool, bool],
        numbers: NDArray[np.uint8],
        positions: NDArray[np.float64],
    ) -> list[NDArray[np.float64]]: ...
    def density_coefficients(
        self,
        cell: NDArray[np.float64],
        pbc: tuple[bool, bool, bool],
        numbers: NDArray[np.uint8],
        positions: NDArray[np.float64],
    ) -> list[list[NDArray[np.float64]]]: ...

def named_set(
    name: str, elements: Sequence[str], cutoff: Mapping[str, Any], n_radial: int
) -> dict[str, Any]: ...

@final
class NeuralPotential:
    @staticmethod
    def assemble(
        descriptor: Descriptor,
        minima: Sequence[Sequence[float]],
        maxima: Sequence[Sequence[float]],
        hidden_layers: Sequence[int],
        activations: Sequence[str],
        parameters: Sequence[float],
    ) -> NeuralPotential: ...
    @staticmethod
    def from_document(document: Mapping[str, Any]) -> tuple[NeuralPotential, dict[str, Any]]: ...
    def document(self) -> dict[str, Any]: ...
    @property
    def descriptor(self) -> Descriptor: ...
    @property
    def elements(self) -> list[str]: ...
    @property
    def cutoff(self) -> float: ...
    @property
    def parameters(self) -> NDArray[np.float64]: ...
    def with_parameters(self, parameters: Sequence[float]) -> NeuralPotential: ...
    def with_descriptor(self, descriptor: Descriptor) -> NeuralPotential: ...
    def with_repulsion(self, pairs: Sequence[tuple[str, str, float, float]]) -> NeuralPotential: ...
    @property
    def repulsion(self) -> list[tuple[str, str, float, float]]: ...
    @property
    def training_range(self) -> dict[str, Any] | None: ...
    def with_training_range(self, ranges: Mapping[str, Any] | None) -> NeuralPotential: ...
    def evaluate(
        self,
        cell: NDArray[np.float64],
        pbc: tuple[bool, bool, bool],
        numbers: NDArray[np.uint8],
        positions: NDArray[np.float64],
    ) -> dict[str, Any]: ...
    def assess(
        self,
        cell: NDArray[np.float64],
        pbc: tuple[bool, bool, bool],
        numbers: NDArray[np.uint8],
        positions: NDArray[np.float64],
    ) -> dict[str, Any]: ...

@final
class Committee:
    @staticmethod
    def assemble(members: Sequence[NeuralPotential]) -> Committee: ...
    def document(self) -> dict[str, Any]: ...
    @property
    def members(self) -> list[NeuralPotential]: ...
    @property
    def descriptor(self) -> Descriptor: ...
    @property
    def elements(self) -> list[str]: ...
    @property
    def cutoff(self) -> float: ...
    @property
    def repulsion(self) -> list[tuple[str, str, float, float]]: ...
    @property
    def spread_scale(self) -> tuple[float, float]: ...
    def with_spread_scale(self, energy: float, force: float) -> Committee: ...
    @property
    def training_range(self) -> dict[str, Any] | None: ...
    def with_training_range(self, ranges: Mapping[str, Any] | None) -> Committee: ...
    def evaluate(
        self,
        cell: NDArray[np.float64],
        pbc: tuple[bool, bool, bool],
        numbers: NDArray[np.uint8],
        positions: NDArray[np.float64],
    ) -> dict[str, Any]: ...
    def assess(
        self,
        cell: NDArray[np.float64],
        pbc: tuple[bool, bool, bool],
        numbers: NDArray[np.uint8],
        positions: NDArray[np.float64],
    ) -> dict[str, Any]: ...

def read_model(
    document: Mapping[str, Any],
) -> tuple[NeuralPotential | Committee, dict[str, Any]]: ...
def neighbor_list(
    cell: NDArray[np.float64],
    pbc: tuple[bool, bool, bool],
    positions: NDArray[np.float64],
    cutoff: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]: ...

@final
class Unwrapper:
    def __new__(
        cls, n_atoms: int, reference: Sequence[Sequence[float]] | None, continuous: bool
    ) -> Unwrapper: ...
    def advance(self, positions: NDArray[np.float64], cells: NDArray[np.float64]) -> None: ...
    @property
    def longest(self) -> tuple[float, float, int, int]: ...

@final
class DisplacementProducts:
    def __new__(
        cls, n_frames: int, n_series: int, products: Sequence[tuple[int, int, int]]
    ) -> DisplacementProducts: ...
    @staticmethod
    def of_atoms(n_frames: int, tensor: bool) -> DisplacementProducts: ...
    def add_atoms(self, positions: NDArray[np.float64]) -> None: ...
    def add_member(self, series: NDArray[np.float64]) -> None: ...
    def finish(self) -> NDArray[np.float64]: ...

def msd(
    positions: NDArray[np.float64], groups: NDArray[np.uint64], n_groups: int, tensor: bool
) -> NDArray[np.float64]: ...
def msd_per_atom(
    positions: NDArray[np.float64], atoms: NDArray[np.uint64], lags: NDArray[np.uint64]
) -> NDArray[np.float64]: ...
def displacement_moments(
    positions: NDArray[np.float64], atoms: NDArray[np.uint64], lags: NDArray[np.uint64]
) -> NDArray[np.float64]: ...
def window_products(
    structure: NDArray[np.float64], lags: NDArray[np.uint64], memory: int, power: int
) -> NDArray[np.float64]: ...
def van_hove_self(
    positions: NDArray[np.float64],
    atoms: NDArray[np.uint64],
    lags: NDArray[np.uint64],
    r_max: float,
    n_bins: int,
) -> NDArray[np.uint64]: ...
def van_hove_distinct(
    cell: Sequence[Sequence[float]],
    positions: NDArray[np.float64],
    first: NDArray[np.uint64],
    second: NDArray[np.uint64],
    origins: NDArray[np.uint64],
    lag: int,
    r_max: float,
    n_bins: int,
) -> NDArray[np.uint64]: ...
def density_counts(
    cell: Sequence[Sequence[float]],
    positions: NDArray[np.float64],
    atoms: NDArray[np.uint64],
    shape: tuple[int, int, int],
) -> NDArray[np.uint64]: ...
def density_basins(
    density: NDArray[np.float64], threshold: float, separation: float
) -> NDArray[np.int64]: ...
def assign_sites(
    cell: Sequence[Sequence[float]],
    positions: NDArray[np.float64],
    atoms: NDArray[np.uint64],
    sites: NDArray[np.float64],
    radius: float,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]: ...
def autocorrelation(
    vectors: NDArray[np.float64], groups: NDArray[np.uint64], n_groups: int
) -> NDArray[np.float64]: ...
def pair_histogram(
    cell: Sequence[Sequence[float]],
    pbc: Sequence[bool],
    positions: NDArray[np.float64],
    first: NDArray[np.uint64],
    second: NDArray[np.uint64],
    r_max: float,
    n_bins: int,
) -> NDArray[np.uint64]: ...

@final
class LennardJones:
    """Lennard-Jones potential, the same for all elements."""

    def __new__(
        cls, *, epsilon: float, sigma: float, onset: float, cutoff: float
    ) -> LennardJones: ...
    @property
    def hash(self) -> str: ...

@final
class Harmonic:
    """Einstein crystal: every atom bound to its site."""

    def __new__(cls, *, sites: NDArray[np.float64], stiffness: NDArray[np.float64]) -> Harmonic: ...

@final
class Watched:
    """A potential with a committee beside it, which only says how far to trust it."""

    def __new__(cls, potential: Any, committee: Committee) -> Watched: ...

@final
class MdRun:
    """A molecular-dynamics run whose loop is in Rust."""

    def __new__(
        cls,
        potential: Any,
        *,
        cell: NDArray[np.float64],
        pbc: tuple[bool, bool, bool],
        numbers: NDArray[np.uint8],
        positions: NDArray[np.float64],
        velocities: NDArray[np.float64],
        masses: NDArray[np.float64],
        timestep_fs: float,
        skin: float,
        n_dof: int | None = None,
        min_distance: float = 0.5,
        max_temperature_K: float = 1e5,
        max_excess: float = ...,
        max_volume_factor: float = 2.0,
        check_stride: int = 10,
        stride_thermo: int = 1,
        stride_frames: int = 0,
        record_velocities: bool = False,
        n_threads: int | None = None,
    ) -> MdRun: ...
    def set_thermostat(
        self, spec: Mapping[str, Any], ramp: Mapping[str, Any] | None = None
    ) -> None: ...
    def set_barostat(self, spec: Mapping[str, Any] | None) -> None: ...
    def set_monitor(
        self,
        *,
        stride: int,
        max_force_std: float,
        max_grade: float,
        action: str,
        spacing: int,
        n_frames: int,
    ) -> None: ...
    def set_n_threads(self, n_threads: int) -> None: ...
    def observe(self) -> None: ...
    def run(self, n_steps: int, time_limit_s: float | None = None) -> int: ...
    def drain(self) -> dict[str, NDArray[Any]]: ...
    def take_uncertain_frames(self) -> list[dict[str, Any]]: ...
    def snapshot(self) -> dict[str, Any]: ...
    def last_good(self) -> dict[str, Any]: ...
    def restore(self, snapshot: dict[str, Any]) -> None: ...
    @property
    def step(self) -> int: ...
    @property
    def positions(self) -> NDArray[np.float64]: ...
    @property
    def cell(self) -> NDArray[np.float64]: ...
    @property
    def virial(self) -> NDArray[np.float64]: ...
    @property
    def velocities(self) -> NDArray[np.float64]: ...
    @property
    def forces(self) -> NDArray[np.float64]: ...
    @property
    def potential_energy(self) -> float: ...
    @property
    def temperature_K(self) -> float: ...
    @property
    def conserved(self) -> float: ...
    @property
    def n_dof(self) -> int: ...
    @property
    def n_rebuilds(self) -> int: ...
    @property
    def extrapolation(self) -> dict[str, Any]: ...
    @property
    def stop_reason(self) -> str | None: ...
    @property
    def assesses(self) -> tuple[bool, bool]: ...
    @property
    def assessments(self) -> dict[str, Any]: ...

def maxwell_boltzmann(
    masses: NDArray[np.float64], temperature_K: float, *, seed: int, exact: bool = True
) -> NDArray[np.float64]: ...

@final
class GaussNewton:
    def __new__(cls, n: int) -> GaussNewton: ...
    @staticmethod
    def from_lower(n: int, lower: NDArray[np.float64]) -> GaussNewton: ...
    @staticmethod
    def n_bytes(n_parameters: int, max_atoms: int) -> int: ...
    def lower(self) -> NDArray[np.float64]: ...
    def diagonal(self) -> NDArray[np.float64]: ...
    def product(self, vector: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def decompose(self, damping: NDArray[np.float64]) -> bool: ...
    def solve(self, rhs: NDArray[np.float64]) -> NDArray[np.float64] | None: ...
    def add(
        self,
        images: TrainingSet,
        potential: NeuralPotential,
        parameters: NDArray[np.float64],
        weights: tuple[float, float, float, float],
        selection: Sequence[int],
        factor: float,
    ) -> NDArray[np.float64]: ...

@final
class InverseHessian:
    def __new__(cls, n: int, scale: float) -> InverseHessian: ...
    @staticmethod
    def from_lower(n: int, lower: NDArray[np.float64]) -> InverseHessian: ...
    def lower(self) -> NDArray[np.float64]: ...
    def product(self, vector: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def update(self, s: NDArray[np.float64], y: NDArray[np.float64], curvature: float) -> None: ...

@final
class TrainingSet:
    def __new__(
        cls,
        descriptor: Descriptor,
        *,
        offsets: Sequence[int],
        numbers: NDArray[np.uint8],
        positions: NDArray[np.float64],
        cells: NDArray[np.float64],
        pbc: NDArray[np.bool_],
        energies: NDArray[np.float64],
        forces: NDArray[np.float64] | None = None,
        stresses: NDArray[np.float64] | None = None,
        weights: NDArray[np.float64] | None = None,
        precision: str = "float32",
        use_forces: bool = True,
        use_stress: bool = False,
        max_bytes: int | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> TrainingSet: ...
    @staticmethod
    def estimate_memory(
        descriptor: Descriptor,
        *,
        offsets: Sequence[int],
        numbers: NDArray[np.uint8],
        positions: NDArray[np.float64],
        cells: NDArray[np.float64],
        pbc: NDArray[np.bool_],
        precision: str = "float32",
        use_forces: bool = True,
        use_stress: bool = False,
    ) -> tuple[int, int]: ...
    @property
    def n_images(self) -> int: ...
    @property
    def n_atoms(self) -> int: ...
    @property
    def n_stored(self) -> int: ...
    @property
    def n_bytes(self) -> int: ...
    def ranges(self) -> tuple[list[list[float]], list[list[float]]]: ...
    def repulsion(self) -> list[tuple[str, str, float, float]]: ...
    def loss(
        self,
        potential: NeuralPotential,
        parameters: NDArray[np.float64],
        weights: tuple[float, float, float, float],
    ) -> dict[str, float]: ...
    def loss_and_gradient(
        self,
        potential: NeuralPotential,
        parameters: NDArray[np.float64],
        weights: tuple[float, float, float, float],
        selection: Sequence[int] | None = None,
        learn: bool = False,
    ) -> tuple[dict[str, float], NDArray[np.float64]]: ...
    def residuals(
        self,
        potential: NeuralPotential,
        parameters: NDArray[np.float64],
        weights: tuple[float, float, float, float],
    ) -> NDArray[np.float64]: ...
    def predict(
        self, potential: NeuralPotential, parameters: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None, NDArray[np.float64] | None]: ...
