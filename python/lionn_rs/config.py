"""Typed configuration: the sections of a TOML file, each field with its unit and default.

A section is one pydantic model, and the same model serves every command that needs it:
``lionn run`` reads all of them (:class:`RunConfig`), ``lionn train`` the first five
(:class:`TrainConfig`), ``lionn scan`` these and ``[scan]`` (:class:`ScanConfig`), ``lionn md``,
``lionn diffusion`` and ``lionn arrhenius`` their own.
Unknown keys are refused. Reading and writing files is in :mod:`lionn_rs.config_file`.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from typing_extensions import Self

from lionn_rs.md.protocol import Protocol, ProtocolSettings

__all__ = [
    "ArrheniusSection",
    "DataSection",
    "DescriptorSection",
    "DiffusionSection",
    "MdConfig",
    "MdSection",
    "NetworkSection",
    "ReportSection",
    "RunConfig",
    "ScanConfig",
    "ScanDescriptor",
    "ScanSection",
    "Section",
    "TrainConfig",
    "TrainingSection",
    "TransportConfig",
]


def _not_zero(value: float) -> float:
    if value == 0.0:
        raise ValueError("must not be 0")
    return value


def _folder_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", value):
        raise ValueError("must be a word of letters, digits, '.', '_', '+' and '-'")
    return value


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Degree = Annotated[int, Field(ge=0)]
Charge = Annotated[float, Field(allow_inf_nan=False), AfterValidator(_not_zero)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
FolderName = Annotated[str, AfterValidator(_folder_name)]


class Section(BaseModel):
    """Base of all sections: immutable, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSection(Section):
    """``[data]``: which labeled images, and how they are split in three sets."""

    images: list[str] = Field(
        min_length=1,
        description="Files or folders of labeled images (extxyz, vasprun.xml, OUTCAR, DeePMD, ...: "
        "see docs/how-to/data.md), relative to the TOML file, or 'dataset:NAME' for a bundled set",
    )
    index: str = Field(":", description="Which images of each file, as in ASE ('::10', '-100:')")
    energy: str | None = Field(
        None,
        description="Energy label; default: 'free_energy' (forces are its derivative) if every "
        "image has it, else 'energy'",
    )
    forces: str = Field("forces", description="Label of the forces, eV/Å")
    stress: str = Field("stress", description="Label of the stress, eV/Å³, positive = tension")
    format: str | None = Field(
        None, description="Format of the files, where their names do not tell it"
    )
    units: Literal["eV-A", "Ha-bohr"] | None = Field(
        None, description="Units of n2p2 files, which do not say them"
    )
    test: Fraction = Field(0.2, description="Fraction of the images kept for the final test")
    validation: Fraction = Field(
        0.1, description="Fraction of the training part used to pick the iteration"
    )
    split_by: Literal["random", "group", "block"] = Field(
        "block",
        description="'random'; 'group': whole source groups; 'block': runs of consecutive images "
        "(neighbors in time are not independent)",
    )
    seed: Seed = Field(1, description="Seed of the split")
    level_of_theory: str = Field(
        "", description="How the labels were computed, free text, stored in the potential file"
    )


class DescriptorSection(Section):
    """``[descriptor]``: what the networks see of the surroundings of an atom."""

    type: Literal["gaussian", "zernike", "powerspectrum"] = Field(
        "gaussian",
        description="'gaussian': symmetry functions G2 and G4, exponents divided by R_c² as in "
        "AMP; 'zernike': Zernike moments of the neighbor density; 'powerspectrum': power spectrum "
        "of the neighbor density of each element, contracted to few channels",
    )
    elements: list[str] | None = Field(
        None, description="Chemical symbols; default: those of the images"
    )
    cutoff: Positive = Field(6.5, description="Cutoff radius R_c, Å")
    cutoff_function: Literal["cosine", "polynomial"] = Field(
        "cosine", description="Shape of the cutoff function"
    )
    cutoff_gamma: Positive = Field(4.0, description="Exponent of the polynomial cutoff function")
    radial: Literal["amp", "shifted"] | None = Field(
        None,
        description="gaussian: radial functions; 'amp' (default), centered Gaussians with "
        "exponents from 0.05 to 5 as in AMP; 'shifted', Gaussians at evenly spaced distances. The "
        "angular functions are AMP's",
    )
    n_radial: Count | None = Field(
        None,
        description="gaussian, powerspectrum: radial functions per neighbor element; default: 4 "
        "for amp, 8 for shifted, 8 for powerspectrum",
    )
    eta_unit: Literal["1/Rc^2", "1/A^2"] | None = Field(
        None,
        description="gaussian, radial 'amp': unit of the exponents; '1/Rc^2' (default) as in AMP, "
        "'1/A^2': the same numbers as absolute exponents, narrower functions",
    )
    n_max: Degree | None = Field(
        None, description="zernike: highest order; 5 (default), 7, 12 give 12, 20, 49 features"
    )
    resolved: bool | None = Field(
        None,
        description="zernike: tell neighbors of different elements apart (default false: one "
        "density weighted by atomic number, as in AMP)",
    )
    l_max: Degree | None = Field(
        None, description="powerspectrum: highest degree of the spherical harmonics; default: 4"
    )
    bispectrum_l_max: Degree | None = Field(
        None,
        description="powerspectrum: highest degree in products of three coefficients, which see "
        "four atoms at once; 2 to l_max, default: none",
    )
    n_channels: Count | list[Degree] | None = Field(
        None,
        description="powerspectrum: channels after contraction, one number or one for each degree "
        "0..l_max; default: 12",
    )

    @model_validator(mode="after")
    def _keys_belong_to_the_type(self) -> Self:
        for key, types in KEYS_OF_TYPE.items():
            if getattr(self, key) is not None and self.type not in types:
                raise ValueError(
                    f"'{key}' belongs to type {' or '.join(types)}, but type is {self.type}"
                )
        if self.eta_unit is not None and self.radial == "shifted":
            raise ValueError("'eta_unit' belongs to radial 'amp', but radial is shifted")
        return self


KEYS_OF_TYPE: Final = {
    "radial": ("gaussian",),
    "eta_unit": ("gaussian",),
    "n_radial": ("gaussian", "powerspectrum"),
    "n_max": ("zernike",),
    "resolved": ("zernike",),
    "l_max": ("powerspectrum",),
    "bispectrum_l_max": ("powerspectrum",),
    "n_channels": ("powerspectrum",),
}
"""Keys of ``[descriptor]`` that make sense for some types only."""


class NetworkSection(Section):
    """``[network]``: one feed-forward network per element."""

    hidden_layers: list[Count] = Field([5, 5], description="Nodes of each hidden layer")
    activation: Literal["tanh", "sigmoid", "linear"] = Field(
        "tanh", description="Activation of the hidden nodes"
    )
    output_activation: Literal["tanh", "sigmoid", "linear"] = Field(
        "linear", description="Activation of the output node (AMP: as the hidden nodes)"
    )


class TrainingSection(Section):
    """``[training]``: loss, optimizer, stopping, memory."""

    seed: Seed = Field(1, description="Seed of the initial weights")
    n_starts: Count = Field(1, description="Restarts from different seeds; the best is kept")
    n_members: Count = Field(
        1,
        description="Members of a committee, each trained from another seed; 1: one potential",
    )
    bootstrap: bool = Field(
        True, description="Members of a committee draw their training images with replacement"
    )
    optimizer: Literal["bfgs", "l-bfgs", "lm", "adam"] = Field(
        "bfgs",
        description="Optimizer: 'bfgs' as in the paper; 'l-bfgs', limited memory; 'lm', "
        "Levenberg-Marquardt, faster for some hundred images and more; 'adam', small batches, for "
        "networks with thousands of parameters",
    )
    batch_size: Count | None = Field(None, description="Images per step of 'adam'; default: 8")
    learning_rate: Positive | None = Field(
        None, description="Largest learning rate of 'adam'; default: 0.01"
    )
    learn_contraction: bool = Field(
        False,
        description="Learn the contraction of descriptor type 'powerspectrum' together with the "
        "networks; with optimizer 'adam', 'bfgs' or 'l-bfgs'. In a scan: of those that are. In a "
        "committee: by one potential first, whose descriptor the members share",
    )
    max_iterations: Count = Field(1000, description="Limit on optimizer iterations")
    energy_weight: NonNegative = Field(1.0, description="Weight of (energy error per atom)²")
    force_weight: NonNegative = Field(
        0.04, description="Weight of the mean squared force component error"
    )
    stress_weight: NonNegative = Field(
        0.0, description="Weight of the mean squared stress component error"
    )
    l2: NonNegative = Field(0.0, description="Penalty on the sum of squared weights")
    repulsion: bool = Field(
        True,
        description="Screened nuclear repulsion below the shortest distances of the training "
        "images (zero on them)",
    )
    min_feature_range: NonNegative = Field(
        0.1,
        description="Features that vary less over the training images are scaled as if they "
        "varied this much (0: as AMP)",
    )
    validation_interval: Count = Field(10, description="Iterations between validations")
    patience: Count | None = Field(
        None, description="Stop after this many validations without a better one; default: never"
    )
    wall_time_s: Positive | None = Field(None, description="Wall-time limit, s; default: none")
    max_memory_gb: Positive | None = Field(
        None, description="Memory for stored derivatives, GB; what does not fit is recomputed"
    )
    precision: Literal["float32", "float64"] = Field(
        "float32", description="Precision of stored derivatives"
    )


class MdSection(ProtocolSettings, Section):
    """``[md]``: the molecular-dynamics protocol, run at every temperature and seed."""

    structure: str | None = Field(
        None,
        description="Start structure (CIF, POSCAR, extxyz, ...), relative to the TOML file, "
        "or 'dataset:NAME'",
    )
    supercell: tuple[Count, Count, Count] = Field(
        (1, 1, 1), description="Repetitions of the cell along a, b, c"
    )
    temperatures_K: list[Positive] = Field(
        min_length=1, description="Temperatures of the production runs, K"
    )
    seeds: list[Seed] = Field(
        [1], min_length=1, description="Seeds of the initial velocities; every one at every T"
    )
    n_workers: Count | None = Field(
        None, description="Runs side by side; default: as many as there are cores"
    )
    committee: str | None = Field(
        None,
        description="Committee file that watches the runs, relative to the TOML file: dynamics by "
        "the potential, force spread by the committee; default: that of a potential which is one",
    )
    checkpoint_interval_s: Positive = Field(
        30.0, description="Wall time between checkpoints, s: what a killed run loses at most"
    )

    def protocol(self, temperature_K: float, seed: int) -> Protocol:
        """Return the protocol of one run."""
        settings = {name: getattr(self, name) for name in ProtocolSettings.model_fields}
        return Protocol(temperature_K=temperature_K, seed=seed, **settings)


class DiffusionSection(Section):
    """``[diffusion]``: from trajectories to diffusivity and conductivity."""

    carrier: str = Field("Li", description="Chemical symbol of the mobile ion")
    charge: Charge = Field(1.0, description="Charge number of the mobile ion, not 0")
    charges: dict[str, float] | None = Field(
        None,
        description="Charge numbers of all species that carry current, the carrier among them, "
        "e.g. {Li = 1, S = -2, P = 5}; default: the carrier alone, with 'charge'",
    )
    mobile: list[str] = Field(
        [], description="Species that move beside the carrier and are no part of the framework"
    )
    drift_reference: str | list[str] = Field(
        "framework",
        description="Atoms whose motion is subtracted: 'framework' (all but the carrier), 'all', "
        "'none', or symbols",
    )
    drift_weights: Literal["mass", "mean"] = Field(
        "mass", description="Center of mass of these atoms, or their plain mean"
    )
    convention: Literal["fractional", "cartesian"] = Field(
        "fractional",
        description="Displacements in a cell that changes: fractional times the mean cell, or "
        "Cartesian of the wrapped positions",
    )
    directions: list[str] = Field(
        ["a", "b", "c", "ab"],
        description="Crystal directions and planes: a, b, c, ab, bc, ac or '[110]'",
    )
    site_distance_A: Positive | None = Field(
        None, description="Distance between neighboring sites of the carrier, Å; default: 3 Å"
    )
    hop_length_A: Positive | None = Field(
        None, description="Hop length of the error model, Å; default: estimated from the motion"
    )
    window_ps: tuple[Positive, Positive] | None = Field(
        None, description="Fit window of the MSD, ps; default: chosen automatically"
    )
    compare_pymatgen: bool = Field(
        True, description="Also run pymatgen's DiffusionAnalyzer on the same trajectory"
    )


class ArrheniusSection(Section):
    """``[arrhenius]``: the fit over temperatures."""

    extrapolate_to_K: Positive = Field(300.0, description="Temperature to extrapolate to, K")
    vtf: bool = Field(
        False, description="Also fit D = A exp(-B/(T - T0)); needs five diffusive temperatures"
    )


class ReportSection(Section):
    """``[report]``: the HTML report."""

    title: str = Field("Ionic conductivity", description="Title of the report")


class TrainConfig(Section):
    """What ``lionn train`` reads."""

    data: DataSection = Field(description="Labeled images and their split")
    descriptor: DescriptorSection = Field(DescriptorSection(), description="Fingerprints")
    network: NetworkSection = Field(NetworkSection(), description="Element networks")
    training: TrainingSection = Field(TrainingSection(), description="Loss and optimizer")


class MdConfig(Section):
    """What ``lionn md`` reads."""

    md: MdSection = Field(description="Molecular-dynamics protocol")


class TransportConfig(Section):
    """What ``lionn diffusion`` and ``lionn arrhenius`` read."""

    diffusion: DiffusionSection = Field(DiffusionSection(), description="Diffusivity")
    arrhenius: ArrheniusSection = Field(ArrheniusSection(), description="Arrhenius fit")


class RunConfig(TransportConfig, MdConfig, TrainConfig):
    """What ``lionn run`` reads: the whole workflow."""

    report: ReportSection = Field(ReportSection(), description="Report")

    @model_validator(mode="after")
    def _needs_a_structure(self) -> RunConfig:
        if self.md.structure is None:
            raise ValueError(
                "[md] missing key 'structure' (start structure, a file or 'dataset:NAME')"
            )
        if self.md.barostat != "none" or self.md.production_end_K is not None:
            raise ValueError(
                "[md] barostat and production_end_K belong to 'lionn md': diffusivities need a "
                "fixed cell and a constant temperature"
            )
        watched = self.training.n_members >= 2 or self.md.committee is not None
        if self.md.max_force_std is not None and not watched:
            raise ValueError(
                "[md] max_force_std needs a committee: n_members in [training], or committee"
            )
        limited = self.md.max_force_std is not None or self.md.max_grade is not None
        if self.md.on_uncertain != "report" and not limited:
            raise ValueError(
                f"[md] on_uncertain = '{self.md.on_uncertain}' needs a limit: max_force_std (eV/Å, "
                "committees) or max_grade"
            )
        return self


class ScanDescriptor(DescriptorSection):
    """``[[scan.descriptors]]``: the keys of ``[descriptor]``, and a name."""

    name: FolderName = Field(description="Name in tables, figures and folders")

    def section(self) -> DescriptorSection:
        """Return the ``[descriptor]`` section of a training with this descriptor."""
        keys = self.model_dump(exclude={"name"}, exclude_unset=True)
        return DescriptorSection.model_validate(keys)


class ScanSection(Section):
    """``[scan]``: the grid; what is not listed is taken from the sections of the training."""

    descriptors: list[ScanDescriptor] | None = Field(
        None,
        min_length=1,
        description="Descriptors, each a table with a name and the keys of [descriptor]; default: "
        "that of [descriptor] alone",
    )
    hidden_layers: list[Annotated[list[Count], Field(min_length=1)]] | None = Field(
        None,
        min_length=1,
        description="Topologies, each the nodes of its hidden layers; default: that of [network]",
    )
    seeds: list[Seed] | None = Field(
        None,
        min_length=1,
        description="Seeds of the initial weights; default: that of [training]. The split is the "
        "same for all",
    )


class ScanConfig(TrainConfig):
    """What ``lionn scan`` reads."""

    scan: ScanSection = Field(description="Grid of descriptors, topologies and seeds")

    @model_validator(mode="after")
    def _grid_without_repetitions(self) -> ScanConfig:
        for key, values in (
            ("descriptors", [entry.name for entry in self.scan.descriptors or []]),
            ("hidden_layers", self.scan.hidden_layers or []),
            ("seeds", self.scan.seeds or []),
        ):
            twice = next((value for k, value in enumerate(values) if value in values[:k]), None)
            if twice is not None:
                raise ValueError(f"[scan] {key}: {twice!r} is given twice")
        return self

    @model_validator(mode="after")
    def _needs_validation_images(self) -> ScanConfig:
        if self.data.validation == 0.0:
            raise ValueError(
                "[data] validation must be greater than 0: a scan chooses by the validation error"
            )
        return self

    @model_validator(mode="after")
    def _trains_single_potentials(self) -> ScanConfig:
        if self.training.n_members > 1:
            raise ValueError(
                "[training] n_members must be 1 in a scan: train the committee of the choice "
                f"afterwards with 'lionn train', got {self.training.n_members}"
            )
        return self
