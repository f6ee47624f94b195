"""Table 2 of Rao, Yao and Grabow (2020): do its columns agree with each other?

    python table_2_check.py                       print the tables
    python table_2_check.py --output runs/table2  and write table_2_check.md and table_2_check.json

Needs no simulation. Conductivity and diffusivity are related by Nernst-Einstein (Eq. 3); for the
three doped rows of the table they are not.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

from common import write_report
from scipy.stats import norm

from lionn_rs.analysis import nernst_einstein, nernst_einstein_factor
from lionn_rs.units import BOLTZMANN_EV_K

TEMPERATURE_K = 300.0
N_LITHIUM = 20  # in the 50-atom cell
KAMAYA_A3, IMPLIED_A3 = 960.2, 976.7  # cell of experiment; the one that the LGPS row implies
KATO_A3 = 8.709652**2 * 12.56907  # Li9.54Si1.74P1.44S11.7Cl0.3, doi 10.1038/nenergy.2016.30
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Row:
    """One row of Table 2."""

    name: str
    activation_eV: float
    conductivity: float  # mS/cm at 300 K
    bracket: tuple[float, float]  # 95 %, mS/cm
    diffusivity: float  # cm²/s at 300 K, printed as cm^-2 s^-1

    def predicted(self, volume_A3: float = IMPLIED_A3) -> float:
        """Conductivity that the diffusivity gives, mS/cm."""
        return nernst_einstein(
            self.diffusivity,
            n_carriers=N_LITHIUM,
            charge=1.0,
            volume_A3=volume_A3,
            temperature_K=TEMPERATURE_K,
        )

    def implied_diffusivity(self) -> float:
        """Diffusivity that the conductivity needs, cm²/s."""
        return self.diffusivity * self.conductivity / self.predicted()

    def implied_volume(self) -> float:
        """Volume of a 20-Li cell that joins the two columns, Å³."""
        return IMPLIED_A3 * self.predicted() / self.conductivity

    def implied_temperature(self) -> float:
        """Temperature at which the printed diffusivity would hold, if the conductivity is right."""
        shift = BOLTZMANN_EV_K / self.activation_eV * math.log(self.conductivity / self.predicted())
        return 1.0 / (1.0 / TEMPERATURE_K + shift)

    def diffusivity_at(self, temperature_K: float, *, of_conductivity: bool = False) -> float:
        """Arrhenius continuation of either column, cm²/s."""
        start = self.implied_diffusivity() if of_conductivity else self.diffusivity
        beta = 1.0 / BOLTZMANN_EV_K * (1.0 / TEMPERATURE_K - 1.0 / temperature_K)
        return start * math.exp(self.activation_eV * beta)

    def ln_sd(self) -> float:
        """Standard deviation of ln(conductivity) that the bracket means."""
        low, high = self.bracket
        return math.log(high / low) / (2.0 * Z95)


DOPED = [
    Row("LSiPS 2 %", 0.32, 14.35, (8, 23), 3.6e-8),
    Row("LSiPS 1.3 %", 0.24, 24.22, (9, 53), 2.55e-7),
    Row("LSiPS 0.67 %", 0.29, 20.04, (14, 32), 8.00e-8),
]
LGPS = [
    Row("LGPS DFT", 0.28, 10, (2, 38), 7.88e-8),
    Row("LGPS ANN", 0.26, 8.8, (2, 40), 6.82e-8),
    Row("LGPS Mo 2012", 0.21, 9, (2, 40), 7.10e-8),
]
ROWS = [*LGPS, *DOPED]


def permutations() -> list[tuple[tuple[int, ...], list[float]]]:
    """Ratios conductivity/prediction when the diffusivities of the doped rows are exchanged."""
    predicted = [row.predicted() for row in DOPED]
    return [
        (order, [row.conductivity / predicted[k] for row, k in zip(DOPED, order, strict=True)])
        for order in itertools.permutations(range(3))
    ]


def significance(a: Row, b: Row) -> tuple[float, float]:
    """Difference of ln(conductivity) in standard deviations, and its two-sided p."""
    z = math.log(a.conductivity / b.conductivity) / math.hypot(a.ln_sd(), b.ln_sd())
    return z, float(2.0 * norm.sf(abs(z)))


def table(header: list[str], rows: list[list[Any]]) -> str:
    """Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(x) for x in row) + " |" for row in rows])


def report() -> tuple[str, dict[str, Any]]:
    """Everything as Markdown and as data."""
    factors = {
        volume: nernst_einstein_factor(
            n_carriers=N_LITHIUM, charge=1.0, volume_A3=volume, temperature_K=TEMPERATURE_K
        )
        for volume in (KAMAYA_A3, IMPLIED_A3)
    }
    best = min(permutations(), key=lambda entry: max(abs(math.log(r)) for r in entry[1]))
    tests = {other.name: significance(DOPED[1], other) for other in (DOPED[0], DOPED[2])}
    text = [
        "# Table 2: conductivity against diffusivity at 300 K",
        "",
        "Factor of Nernst-Einstein for 20 Li, mS/cm per cm²/s: "
        + ", ".join(f"{factor:.3e} ({volume} Å³)" for volume, factor in factors.items())
        + ".",
        "",
        table(
            ["row", "σ published", "σ from its D", "ratio", "D that σ needs", "cell of 20 Li / Å³"],
            [
                [
                    row.name,
                    row.conductivity,
                    f"{row.predicted():.2f}",
                    f"{row.conductivity / row.predicted():.2f}",
                    f"{row.implied_diffusivity():.2e}",
                    f"{row.implied_volume():.0f}",
                ]
                for row in ROWS
            ],
        ),
        "",
        f"The rows of LGPS agree with one cell of about {LGPS[0].implied_volume():.0f} Å³; the "
        "doped rows would need "
        + ", ".join(f"{row.implied_volume():.0f}" for row in DOPED)
        + f" Å³, while that of experiment has {KATO_A3:.0f} Å³.",
        "",
        "No exchange of diffusivities repairs them: of the six orders, the best (largest factor "
        f"smallest) is {best[0]} with ratios {', '.join(f'{r:.2f}' for r in best[1])}. "
        "No common temperature either: the diffusivities would hold at "
        + ", ".join(f"{row.implied_temperature():.0f} K" for row in DOPED)
        + ".",
        "",
        "Continued to 1000 K, where the simulations were made (cm²/s):",
        "",
        table(
            ["row", "from the D column", "from the σ column"],
            [
                [
                    row.name,
                    f"{row.diffusivity_at(1000):.1e}",
                    f"{row.diffusivity_at(1000, of_conductivity=True):.1e}",
                ]
                for row in DOPED
            ],
        ),
        "",
        "The D column is the one that is consistent with itself (an inference): the conductivities "
        "would then be "
        + ", ".join(f"{row.predicted():.1f}" for row in DOPED)
        + " mS/cm, and the optimum at 1.3 % more pronounced than published.",
        "",
        "Read as 95 % intervals, the brackets of the conductivities mean standard deviations of "
        "ln σ of "
        + ", ".join(f"{row.ln_sd():.2f}" for row in DOPED)
        + "; 1.3 % differs from "
        + " and ".join(f"{name[6:]} by z = {z:.1f} (p = {p:.1f})" for name, (z, p) in tests.items())
        + ": the published optimum is not established.",
        "",
    ]
    data = {
        "factor_mS_cm_per_cm2_s": {str(k): v for k, v in factors.items()},
        "rows": [
            {
                "row": row.name,
                "published_mS_cm": row.conductivity,
                "from_diffusivity_mS_cm": row.predicted(),
                "implied_diffusivity_cm2_s": row.implied_diffusivity(),
                "implied_volume_A3": row.implied_volume(),
                "implied_temperature_K": row.implied_temperature(),
                "ln_sd": row.ln_sd(),
            }
            for row in ROWS
        ],
        "permutations": [{"order": order, "ratios": ratios} for order, ratios in permutations()],
        "significance": {name: {"z": z, "p": p} for name, (z, p) in tests.items()},
    }
    return "\n".join(text), data


def main() -> None:
    write_report(__doc__, "table_2_check", report)


if __name__ == "__main__":
    main()
