"""Table 3 of Rao, Yao and Grabow (2020): Anderson-Stuart energies, ours beside the published ones.

    python table_3.py                      print the tables
    python table_3.py--output runs/table_3  and write table_3.md and table_3.json

Needs no simulation: the inputs are the published dielectric constants and distances. What it shows:
which reading of Eq. 5 gives the published radii, that the 2 % and 0.67 % labels of Table 3 are
exchanged, and which jump distance was used.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from common import write_report
from scipy.optimize import brentq

from lionn_rs.analysis import anderson_stuart, binding_energy, effective_radius

N_ATOMS = 150
TEXT_LAMBDA, TABLE_LAMBDA = 3.25, 3.35  # Å: section 3.4 and Fig. S2; Table 3
TABLE_3 = {  # label of the table in % Cl: r_anion (Å), dielectric constant, energy (eV)
    2.0: (0.63, 5.14, 0.31),
    1.3: (0.79, 5.24, 0.28),
    0.67: (0.91, 4.92, 0.29),
}
TEXT = {1: (0.63, 5.13, 0.32), 2: (0.79, 5.24, 0.28), 3: (0.91, 4.92, 0.29)}  # by number of Cl
DYNAMICS = {1: 0.29, 2: 0.24, 3: 0.32}  # activation energies of Table 2, eV
LGPS_CELL_A3 = (
    976.7  # 50 atoms; what conductivity and diffusivity of Table 2 imply: table_2_check.py
)


def composition(n_chlorine: int) -> dict[str, int]:
    """Atoms of the 150-atom cell: Cl -> S and Si -> P from Li60Si9P9S69Cl3."""
    return {
        "Li": 60,
        "Si": 6 + n_chlorine,
        "P": 12 - n_chlorine,
        "S": 72 - n_chlorine,
        "Cl": n_chlorine,
    }


def radii(mode: str, volume_A3: float = 3 * LGPS_CELL_A3) -> dict[str, float]:
    """Effective radii of Li and of one to three Cl, Å."""
    counts = {"Li": 60, "Cl1": 1, "Cl2": 2, "Cl3": 3}
    return {
        name: effective_radius(n, n_atoms=N_ATOMS, volume_A3=volume_A3, mode=mode)
        for name, n in counts.items()
    }


def admissible_volume() -> tuple[float, float]:
    """Volumes per atom (Å³) whose radii round to the three published ones."""
    bounds = []
    for n, (radius, _, _) in TEXT.items():
        # The volume of a radius follows from one evaluation, as r³ is proportional to it.
        unit = effective_radius(n, n_atoms=N_ATOMS, volume_A3=N_ATOMS)
        bounds.append([((radius + shift) / unit) ** 3 for shift in (-0.005, 0.005)])
    return max(low for low, _ in bounds), min(high for _, high in bounds)


def energies(length: float, volume_per_atom: float) -> dict[str, float]:
    """Energies (eV) of text and table with one jump distance; radii by Eq. 5, per atom."""
    cases = {f"text, {n} Cl": (n, epsilon) for n, (_, epsilon, _) in TEXT.items()}
    cases["table, 1 Cl"] = (1, TABLE_3[2.0][1])  # the row labeled 2 %
    return {
        name: anderson_stuart(
            composition(n),
            volume_A3=N_ATOMS * volume_per_atom,
            jump_distance=length,
            dielectric_constant=epsilon,
        ).energy_eV
        for name, (n, epsilon) in cases.items()
    }


PUBLISHED = {f"text, {n} Cl": energy for n, (_, _, energy) in TEXT.items()} | {
    "table, 1 Cl": TABLE_3[2.0][2]
}


def fitting_volumes(length: float) -> tuple[float, float]:
    """Volumes per atom (Å³) for which radii and energies all round to the published numbers.

    The first is larger than the second if there are none.
    """
    low, high = admissible_volume()
    for name, published in PUBLISHED.items():
        # Energies fall with the volume.
        bounds = [
            float(
                brentq(
                    lambda volume, name=name, target=target: (
                        energies(length, volume)[name] - target
                    ),
                    5.0,
                    60.0,
                )
            )
            for target in (published + 0.005, published - 0.005)
        ]
        low, high = max(low, bounds[0]), min(high, bounds[1])
    return low, high


def jump_distances_that_fit() -> list[float]:
    """Jump distances (Å, in steps of 0.01) for which some volume gives all published numbers."""
    lengths = [round(3.15 + 0.01 * k, 2) for k in range(30)]
    return [length for length in lengths if fitting_volumes(length)[0] < fitting_volumes(length)[1]]


def implied_cation_radii(length: float) -> list[float]:
    """Radius of Li (Å) that each row of Table 3 implies through Eq. 4."""
    return [
        float(
            brentq(
                lambda r, radius=radius, epsilon=epsilon, energy=energy: (
                    binding_energy(r, radius, jump_distance=length, dielectric_constant=epsilon)
                    - energy
                ),
                1.0,
                5.0,
            )
        )
        for radius, epsilon, energy in TABLE_3.values()
    ]


def correlations() -> dict[str, float]:
    """Pearson r of the energies of the model with those of the dynamics, for both labelings."""
    dynamics = [DYNAMICS[n] for n in (1, 2, 3)]
    return {
        "labels of the text": float(np.corrcoef([TEXT[n][2] for n in (1, 2, 3)], dynamics)[0, 1]),
        "labels of Table 3": float(
            np.corrcoef([TABLE_3[label][2] for label in (0.67, 1.3, 2.0)], dynamics)[0, 1]
        ),
    }


def with_errors() -> list[dict[str, Any]]:
    """Three compositions in three modes, with plausible errors of the inputs.

    Errors: 0.05 Å of the jump distance (the two printed values differ by 0.1), 0.1 of the
    dielectric constant, 1 % of the volume.
    """
    rows = []
    for mode, (n, (_, epsilon, published)) in itertools.product(
        ("paper", "literal", "ionic"), TEXT.items()
    ):
        result = anderson_stuart(
            composition(n),
            volume_A3=3 * LGPS_CELL_A3,
            jump_distance=3.30,
            dielectric_constant=epsilon,
            mode=mode,
            jump_distance_sd=0.05,
            dielectric_constant_sd=0.1,
            volume_sd_A3=0.01 * 3 * LGPS_CELL_A3,
        )
        rows.append(result.to_dict() | {"n_chlorine": n, "published_eV": published})
    return rows


def _difference(rows: list[dict[str, Any]], n_chlorine: int) -> str:
    """Energy over that of two Cl in paper mode, with the error of the dielectric constants."""
    paper = {row["n_chlorine"]: row for row in rows if row["mode"] == "paper"}
    value = paper[n_chlorine]["energy_eV"] - paper[2]["energy_eV"]
    parts = [paper[n]["sd_parts_eV"]["dielectric_constant"] for n in (n_chlorine, 2)]
    return f"{value:.3f} ± {math.hypot(*parts):.3f}"


def table(header: list[str], rows: list[list[Any]]) -> str:
    """Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(x) for x in row) + " |" for row in rows])


def report() -> tuple[str, dict[str, Any]]:
    """Everything as Markdown and as data."""
    low, high = admissible_volume()
    paper, literal = radii("paper"), radii("literal")
    lengths = (TEXT_LAMBDA, 3.30, TABLE_LAMBDA)
    grid = {length: energies(length, 19.593) for length in lengths}
    fits, roots, pearson = jump_distances_that_fit(), implied_cation_radii(3.30), correlations()
    rows = with_errors()
    text = [
        "# Table 3: Anderson-Stuart energies",
        "",
        "Radii of Eq. 5 (Å). Published: 0.63, 0.79, 0.91 for Cl; that of Li is not printed.",
        "",
        table(
            ["reading", "V_m", "Li (60)", "1 Cl", "2 Cl", "3 Cl"],
            [
                ["paper", "volume per atom", *(f"{r:.3f}" for r in paper.values())],
                ["literal", "volume of the cell", *(f"{r:.2f}" for r in literal.values())],
            ],
        ),
        "",
        f"The published radii allow {low:.3f} to {high:.3f} Å³ per atom, {50 * low:.1f} to "
        f"{50 * high:.1f} Å³ for 50 atoms (Table 2 implies {LGPS_CELL_A3}). Radii grow with the "
        "number of Cl, so 0.63 Å belongs to one Cl, 0.67 %: Table 3 has the labels of 2 % and "
        "0.67 % exchanged.",
        "",
        "Energies (eV) of Eq. 4 with these radii (19.593 Å³ per atom):",
        "",
        table(
            ["λ / Å", *PUBLISHED],
            [
                *([f"{x:.2f}", *(f"{e:.3f}" for e in grid[x].values())] for x in lengths),
                ["published", *(f"{e:.2f}" for e in PUBLISHED.values())],
            ],
        ),
        "",
        f"All four published energies follow for λ from {fits[0]:.2f} to {fits[-1]:.2f} Å: neither "
        "printed distance is among them."
        if fits and not {TEXT_LAMBDA, TABLE_LAMBDA} & set(fits)
        else f"Jump distances that give all published energies: {fits}.",
        f"Radius of Li that the rows of Table 3 imply at 3.30 Å: "
        f"{', '.join(f'{r:.2f}' for r in roots)} Å; Eq. 5 gives {paper['Li']:.2f} Å.",
        "",
        "Correlation with the activation energies of the dynamics (three points): "
        + "; ".join(f"{name}: {value:.2f}" for name, value in pearson.items())
        + ".",
        "",
        "With errors of 0.05 Å (λ), 0.1 (ε) and 1 % (volume), λ = 3.30 Å:",
        "",
        table(
            ["mode", "Cl", "published / eV", "ours / eV", "r(Li) / Å", "r(Cl) / Å"],
            [
                [
                    row["mode"],
                    row["n_chlorine"],
                    f"{row['published_eV']:.2f}",
                    f"{row['energy_eV']:.3f} ± {row['energy_sd_eV']:.3f}",
                    f"{row['r_cation_A']:.2f}",
                    f"{next(a['radius_A'] for a in row['anions'] if a['anion'] == 'Cl'):.2f}",
                ]
                for row in rows
            ],
        ),
        "",
        f"Against two Cl, one Cl lies higher by {_difference(rows, 1)} eV and three Cl by "
        f"{_difference(rows, 3)} eV (errors of ε alone; those of λ and the volume are common to "
        "all): the minimum at two Cl is not resolved. That one Cl is highest was put in by the "
        "radii, which grow with the cube root of the number of Cl.",
        "",
    ]
    data = {
        "radii_A": {"paper": paper, "literal": literal},
        "volume_per_atom_A3": [low, high],
        "energies_eV": {str(k): v for k, v in grid.items()},
        "published_eV": PUBLISHED,
        "jump_distances_that_fit_A": fits,
        "implied_cation_radii_A": roots,
        "correlation": pearson,
        "modes": rows,
    }
    return "\n".join(text), data


def main() -> None:
    write_report(__doc__, "table_3", report)


if __name__ == "__main__":
    main()
