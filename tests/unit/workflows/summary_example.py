"""A summary as ``lionn run`` writes it, with made-up numbers."""

from __future__ import annotations

from typing import Any


def example(*, refused: bool = False) -> dict[str, Any]:
    md, transport = [], []
    for k, temperature in enumerate((500.0, 700.0, 900.0)):
        md.append(
            {
                "temperature_K": temperature,
                "seed": 1,
                "extrapolation_rate": 10.0 ** (k - 5),
                "extrapolation_frame_rate": 10.0 ** (k - 4),
                "extrapolation_worst": 0.02 * (k + 1),
                "mean_temperature_K": temperature + 1.3,
                "mean_temperature_error_K": 2.1,
                "production_ps": 20.0,
                "conserved_drift_eV_per_atom_ps": 1.3e-6,
                "speed_us_per_atom_step": 31.0,
                "stop_reason": "completed",
            }
        )
        none = refused or k == 0
        transport.append(
            {
                "temperature_K": temperature,
                "seed": 1,
                "refused": "not diffusive in this run <5 hops" if none else None,
                "upper_bound_cm2_s": 2e-6 if none else None,
                "diffusivity_cm2_s": 1.2e-6 * 4**k,
                "diffusivity_low_cm2_s": 0.9e-6 * 4**k,
                "diffusivity_high_cm2_s": 1.7e-6 * 4**k,
                "conductivity_mS_cm": 80.0 * 4**k,
                "conductivity_low_mS_cm": 60.0 * 4**k,
                "conductivity_high_mS_cm": 100.0 * 4**k,
                "n_hops": 12.0 * 5**k,
                "pymatgen_diffusivity_cm2_s": 1.5e-6 * 4**k,
                "warnings": ["fewer than 100 hops"] if k == 1 else [],
            }
        )
    fit: dict[str, Any] = {
        "refused": "2 trajectories with a value, 3 temperatures needed" if refused else None,
        "activation_energy_eV": 0.25,
        "activation_energy_low_eV": 0.19,
        "activation_energy_high_eV": 0.31,
        "diffusivity_cm2_s": 7e-8,
        "diffusivity_low_cm2_s": 2e-8,
        "diffusivity_high_cm2_s": 3e-7,
        "n_points": 5,
        "lowest_K": 500.0,
        "highest_K": 900.0,
        "extrapolate_to_K": 300.0,
        "warnings": [],
    }
    return {
        "title": "A <demo>",
        "created": "2026-01-01",
        "warnings": ["118 images are few."],
        "headline": {
            "temperature_K": 300.0,
            "confidence": 0.95,
            "refused": fit["refused"],
            "conductivity_mS_cm": 8.8,
            "conductivity_low_mS_cm": 2.0,
            "conductivity_high_mS_cm": 40.0,
        },
        "structure": {"formula": "Li20Ge2P4S24", "n_atoms": 50, "volume_A3": 988.96},
        "data": {
            "n_images": 118,
            "n_atoms": 50,
            "formula": "Li20Ge2P4S24",
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
            "n_images": {"train": 85, "validation": 9, "test": 24},
            "metrics": {
                name: {
                    "n_images": n,
                    "energy_rmse_per_atom": 0.0021,
                    "energy_mae_per_atom": 0.0017,
                    "force_rmse": 0.11,
                    "force_mae": 0.08,
                }
                for name, n in (("train", 85), ("validation", 9), ("test", 24))
            },
            "descriptor": "Gaussian-56, cutoff 6 Å, cosine",
            "networks": "56-5-5-1, tanh",
            "optimizer": "bfgs",
            "iterations": 300,
            "best_iteration": 240,
            "seconds": 95.0,
            "stop_reason": "limit on iterations",
        },
        "md": md,
        "transport": transport,
        "arrhenius": fit,
        "protocol": "100 K, 4 ps heating, 1 ps equilibration, 20 ps Nosé-Hoover chain, 2 fs",
        "config": {"diffusion": {"carrier": "Li"}},
        "hashes": {"images": "a" * 64, "structure": "b" * 64, "potential": "c" * 64},
        "software": {"lionn_rs": "0.1.0", "python": "3.12", "threads": "2 threads"},
        "seconds": {"training": 95.0, "md": 210.0, "total": 330.0},
    }
