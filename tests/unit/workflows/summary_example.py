"""A summary as ``lionn run`` writes it, with made-up numbers."""

from __future__ import annotations

from typing import Any

from lionn_rs.workflows.dynamics import PRODUCTION_KEYS


def example(*, refused: bool = False) -> dict[str, Any]:
    temperatures = (500.0, 700.0, 900.0)
    runs = [_run(k, temperature) for k, temperature in enumerate(temperatures)]
    if refused:  # the hottest run had to stop before its production
        runs[-1] |= dict.fromkeys(PRODUCTION_KEYS) | {"stop_reason": "two atoms are 0.08 Å apart"}
    fit = {"refused": "only 0 diffusive temperatures, 3 needed"} if refused else _fit()
    return {
        "title": "A <demo>",
        "created": "2026-01-01T00:00:00+00:00",
        "warnings": ["118 images are few."],
        "structure": {
            "formula": "Li20Ge2P4S24",
            "n_atoms": 50,
            "volume_A3": 988.96,
            "source": "dataset:lgps",
        },
        "data": {
            "n_images": 118,
            "formulas": "Li20Ge2P4S24",
            "energy": "free_energy",
            "sources": ["dataset:lgps_gpaw_pbe"],
            "level_of_theory": "PBE",
            "split_by": "block",
            "split_seed": 1,
            "caveats": ["few images"],
            "groups": [
                {"name": "ramp", "n_images": 84, "train": 60, "validation": 7, "test": 17},
                {"name": "hot", "n_images": 34, "train": 25, "validation": 2, "test": 7},
            ],
        },
        "training": {
            "metrics": {name: _errors(n) for name, n in _SETS.items()},
            "descriptor": "Gaussian-56, cosine cutoff 6 Å",
            "networks": "56-5-5-1, tanh",
            "optimizer": "bfgs",
            "iterations": 300,
            "best_iteration": 240,
            "seconds": 95.0,
            "stop_reason": "limit on iterations",
        },
        "md": runs,
        "transport": [_diffusion(k, t, refused or k == 0) for k, t in enumerate(temperatures)],
        "arrhenius": fit,
        "protocol": "100 K, 4 ps heating, 1 ps equilibration, 20 ps Nosé-Hoover chain, 2 fs",
        "config": {"diffusion": {"carrier": "Li"}, "arrhenius": {"extrapolate_to_K": 300.0}},
        "hashes": {"images": "a" * 64, "structure": "b" * 64, "potential": "c" * 64},
        "software": {"lionn_rs": "0.1.0", "python": "3.12", "threads": "2 threads"},
        "seconds": {"training": 95.0, "md": 210.0, "total": 330.0},
    }


_SETS = {"train": 85, "validation": 9, "test": 24}


def _errors(n_images: int) -> dict[str, Any]:
    return {
        "n_images": n_images,
        "energy_rmse_per_atom": 0.0021,
        "energy_mae_per_atom": 0.0017,
        "force_rmse": 0.11,
        "force_mae": 0.08,
    }


def _run(k: int, temperature: float) -> dict[str, Any]:
    return {
        "temperature_K": temperature,
        "seed": 1,
        "status": "finished",
        "stop_reason": "finished",
        "us_per_atom_step": 31.0,
        "production_ps": 20.0,
        "mean_temperature_K": temperature + 1.3,
        "temperature_error_K": 2.1,
        "conserved_drift_eV_per_atom_ps": 1.3e-6,
        "extrapolation_rate": 10.0 ** (k - 5),
        "extrapolation_step_rate": 10.0 ** (k - 4),
        "extrapolation_worst": 0.02 * (k + 1),
    }


def _diffusion(k: int, temperature: float, refused: bool) -> dict[str, Any]:
    value = 1.2e-6 * 4**k
    return {
        "temperature_K": temperature,
        "seed": 1,
        "diffusive": not refused,
        "refusal": "fewer than <5 hops" if refused else "",
        "upper_bound_cm2_s": 2e-6,
        "conductivity_upper_bound_mS_cm": 140.0,
        "diffusivity_cm2_s": None if refused else value,
        "interval_cm2_s": None if refused else [0.7 * value, 1.4 * value],
        "conductivity_mS_cm": None if refused else 80.0 * 4**k,
        "conductivity_interval_mS_cm": None if refused else [60.0 * 4**k, 100.0 * 4**k],
        "n_hops": None if refused else 12.0 * 5**k,
        "collective": None,
        "axes": []
        if refused
        else [
            {"axis": axis, "diffusivity_cm2_s": value, "sd_cm2_s": 0.2 * value} for axis in "xyz"
        ],
        "pymatgen": [{"smoothed": "max", "diffusivity_cm2_s": 1.5 * value}],
        "warnings": ["fewer than 100 hops"] if k == 1 else [],
    }


def _fit() -> dict[str, Any]:
    return {
        "refused": "",
        "activation_energy_eV": 0.25,
        "activation_energy_interval_eV": [0.19, 0.31],
        "chi2_per_dof": 0.8,
        "interval_basis": "errors",
        "points": [
            {"temperature_K": t, "n_replicas": 1, "diffusivity_cm2_s": 1e-6, "ln_sd": 0.2}
            for t in (500.0, 700.0, 900.0)
        ],
        "extrapolation": {
            "temperature_K": 300.0,
            "diffusivity_cm2_s": 7e-8,
            "interval_cm2_s": [2e-8, 3e-7],
            "conductivity_mS_cm": 8.8,
            "conductivity_interval_mS_cm": [2.0, 40.0],
            "supported": True,
        },
        "warnings": ["extrapolated over 200 K"],
    }
