"""Records of ``summary.json`` that describe inputs and protocol, and the warnings of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lionn_rs import datasets
from lionn_rs.datasets import DATASET_PREFIX
from lionn_rs.units import PS_TO_FS
from lionn_rs.workflows.inputs import level_of_theory
from lionn_rs.workflows.report.potential import EXTRAPOLATION_NOTICE, EXTRAPOLATION_WARNING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from lionn_rs.config import DataSection, MdSection

__all__ = ["data_record", "protocol_text", "structure_record", "warnings_of"]

FEW_IMAGES = 1000
"""Fewer training images than this is worth a warning; the paper used 8640."""


def data_record(
    section: DataSection, images: Sequence[Atoms], groups: list[dict[str, Any]]
) -> dict[str, Any]:
    """Describe the images: number, composition, sources, level of theory, split."""
    bundled = [
        datasets.info(name.removeprefix(DATASET_PREFIX))
        for name in section.images
        if name.startswith(DATASET_PREFIX)
    ]
    return {
        "n_images": len(images),
        "formulas": ", ".join(sorted({atoms.get_chemical_formula() for atoms in images})),
        "energy": section.energy or "free_energy where present",
        "sources": list(section.images),
        "level_of_theory": level_of_theory(section),
        "split_by": section.split_by,
        "split_seed": section.seed,
        "groups": groups,
        "caveats": [text for record in bundled for text in record.get("caveats", [])],
    }


def structure_record(atoms: Atoms, source: str) -> dict[str, Any]:
    """Describe the cell of the dynamics."""
    return {
        "formula": atoms.get_chemical_formula(),
        "n_atoms": len(atoms),
        "volume_A3": float(atoms.get_volume()),
        "cell": atoms.cell[:].tolist(),
        "source": source,
    }


def protocol_text(section: MdSection) -> str:
    """Describe the protocol in one line."""
    parts = []
    if section.heating_ps > 0:
        parts.append(
            f"velocities at {section.start_temperature_K:g} K, heating over "
            f"{section.heating_ps:g} ps"
        )
    if section.equilibration_ps > 0:
        parts.append(f"equilibration {section.equilibration_ps:g} ps")
    thermostat = {
        "nose-hoover-chain": f"Nosé-Hoover chain of {section.chain_length}, "
        f"tau {section.tau_fs:g} fs",
        "rescale": "velocity rescaling (not NVT)",
        "none": "constant energy",
    }[section.thermostat]
    parts.append(f"production {section.production_ps:g} ps with {thermostat}")
    frame_ps = section.timestep_fs * section.stride / PS_TO_FS
    parts.append(f"time step {section.timestep_fs:g} fs, frames every {frame_ps:g} ps")
    return "; ".join(parts)


def warnings_of(
    training: dict[str, Any],
    runs: Sequence[dict[str, Any]],
    fit: dict[str, Any],
    atoms: Atoms,
    *,
    cutoff: float,
) -> list[str]:
    """List what a reader must know before using the headline number."""
    warnings: list[str] = []
    n_train = training["metrics"]["train"]["n_images"]
    if n_train < FEW_IMAGES:
        warnings.append(
            f"The potential was trained on {n_train} images: enough to show the method, not to "
            "publish a conductivity."
        )
    for run in runs:
        if run["status"] in ("failed", "stopped"):
            warnings.append(
                f"The run at {run['temperature_K']:g} K, seed {run['seed']}, had to stop and is "
                f"left out: {run['stop_reason']}"
            )
    outside = _temperatures(runs, EXTRAPOLATION_WARNING, float("inf"))
    if outside:
        warnings.append(
            f"The training set does not cover the dynamics at {outside} K: more than "
            f"{100 * EXTRAPOLATION_WARNING:g} % of the environments are outside its range."
        )
    some = _temperatures(runs, EXTRAPOLATION_NOTICE, EXTRAPOLATION_WARNING)
    if some:
        warnings.append(f"At {some} K some environments are outside the range of the training set.")
    width = min(float(atoms.get_volume() / area) for area in _face_areas(atoms))
    if width < 2 * cutoff:
        warnings.append(
            f"The cell is {width:.1f} Å wide, less than twice the cutoff ({cutoff:g} Å): ions feel "
            "their own images, and paths along the short directions close on themselves."
        )
    if not fit["refused"]:
        warnings += [text[0].upper() + text[1:] + "." for text in fit["warnings"]]
    return warnings


def _temperatures(runs: Sequence[dict[str, Any]], low: float, high: float) -> str:
    found = {
        run["temperature_K"]
        for run in runs
        if run["extrapolation_rate"] is not None and low <= run["extrapolation_rate"] < high
    }
    return ", ".join(f"{temperature:g}" for temperature in sorted(found))


def _face_areas(atoms: Atoms) -> list[float]:
    import numpy as np

    a, b, c = atoms.cell[:]
    return [float(np.linalg.norm(np.cross(u, v))) for u, v in ((b, c), (c, a), (a, b))]
