"""Writes docs/explanations/physical-validation.md and its figures from measured numbers.

LIONN_PHYSICS_RECORD=runs/physics make physics
python docs/physical_validation.py runs/physics

No number of the page is typed: each was recorded by the test that checks it.
"""

from __future__ import annotations

import json
import math
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "explanations" / "physical-validation.md"
FIGURES = ROOT / "docs" / "figures"
POTENTIAL = ROOT / "tests" / "reference" / "potentials" / "lgps_powerspectrum.json"

DYNAMICS = "rust/lionn-core/tests/suite/dynamics.rs"
ENSEMBLES = "rust/lionn-core/tests/suite/ensembles.rs"
UNIT = "tests/unit/md"
PHYSICS = "tests/physics"

TESTS: dict[int, tuple[str, str, tuple[str, ...]]] = {
    1: (
        "Order of the energy error at constant energy",
        "Halving the step divides the root mean square of the energy error (straight line removed) "
        "by four. Fails where forces are not the gradient of the energy or have jumps.",
        (
            f"{DYNAMICS}::energy_error_of_nve_is_second_order",
            f"{DYNAMICS}::energy_error_with_a_neural_potential_is_second_order",
        ),
    ),
    2: (
        "Energy drift at constant energy",
        "Slope through the means of 20 blocks of 5 ps, with the error of the regression.",
        (f"{DYNAMICS}::energy_of_nve_does_not_drift",),
    ),
    3: (
        "Conserved quantity of the Nosé-Hoover chain",
        "Its fluctuation, its drift in the long run of test 4, and its own order in the time step.",
        (
            f"{DYNAMICS}::conserved_quantity_of_the_chain_is_second_order",
            f"{ENSEMBLES}::conserved_quantity_at_constant_pressure_is_second_order",
            f"{UNIT}/test_md_conserved.py::"
            "test_cooling_lowers_the_conserved_quantity_by_the_order_of_the_step",
        ),
    ),
    4: (
        "Distribution of the kinetic energy, mean temperature",
        "Kolmogorov-Smirnov test against the Gamma distribution, mean and width, by "
        "`physical_validation`; samples several thermostat periods apart.",
        (
            f"{PHYSICS}/test_md_ensemble.py::test_rescaling_is_recognized_as_not_canonical",
            f"{PHYSICS}/test_md_pressure.py::test_kinetic_energy_is_canonical",
            f"{ENSEMBLES}::kinetic_energy_is_canonical_in_every_ensemble",
        ),
    ),
    5: (
        "Ensemble at two temperatures",
        "The logarithm of the ratio of the two histograms of U has the slope β₁ - β₂ "
        "(`physical_validation.ensemble.check`).",
        (
            f"{PHYSICS}/test_md_pressure.py::test_potential_energy_follows_boltzmann",
            f"{PHYSICS}/test_md_pressure.py::test_volumes_at_two_pressures",
            f"{PHYSICS}/test_md_pressure.py::test_a_wrong_pressure_is_recognized",
        ),
    ),
    6: (
        "Equipartition",
        "Every element and every axis has one temperature, with K_i = 3/2 kT (1 - m_i/M) for atom "
        "i because the total momentum is zero.",
        (
            f"{DYNAMICS}::light_and_heavy_atoms_have_the_same_temperature_on_every_axis",
            f"{ENSEMBLES}::equipartition_in_every_ensemble",
        ),
    ),
    7: (
        "Degrees of freedom",
        "3N - 3, not 3N: the number in brackets is what a thermostat for 3N would give. The total "
        "momentum stays zero.",
        (f"{DYNAMICS}::kinetic_energy_counts_3n_minus_3_degrees_of_freedom",),
    ),
    8: (
        "Time reversal",
        "100 steps, velocities and those of the chain turned, 100 steps.",
        (
            f"{DYNAMICS}::dynamics_is_time_reversible",
            f"{ENSEMBLES}::constant_pressure_is_time_reversible",
        ),
    ),
    9: (
        "Ergodicity of one harmonic oscillator",
        "Position, momentum and energy of 50,000 periods. One thermostat variable must fail.",
        (
            f"{DYNAMICS}::only_a_chain_makes_the_harmonic_oscillator_canonical",
            f"{ENSEMBLES}::langevin_makes_the_harmonic_oscillator_canonical",
        ),
    ),
    10: (
        "First velocities and heating",
        "5,000 seeds; the measured temperature along a program of 20 ps, without its first quarter "
        "for the chain.",
        (
            f"{DYNAMICS}::rescaling_follows_the_program_and_accounts_for_its_work",
            f"{ENSEMBLES}::temperature_programs_are_followed_and_accounted_for",
        ),
    ),
    11: (
        "Restart",
        "A run at once, and one that ended, was opened again and continued: every stored number.",
        (
            f"{UNIT}/test_md_runner.py::"
            "test_killed_and_interrupted_runs_continue_with_the_same_bits",
            f"{DYNAMICS}::restart_and_slicing_do_not_change_a_bit",
            f"{ENSEMBLES}::restart_does_not_change_a_bit_in_any_ensemble",
        ),
    ),
    12: (
        "Threads",
        "300 steps with 1, 2 and 3 threads: positions, velocities and forces.",
        (
            f"{DYNAMICS}::neural_dynamics_has_the_same_bits_for_any_number_of_threads",
            f"{UNIT}/test_md_neural.py::"
            "test_side_by_side_and_any_number_of_threads_give_the_same_bits",
        ),
    ),
    13: (
        "Other programs",
        "The same steps as ASE; averages of canonical runs against LAMMPS (`fix nvt`) and ASE "
        "(`NoseHooverChainNVT`), which all start differently. U is the potential energy, C_V "
        "follows from its fluctuation, SE is the error of both averages together.",
        (
            f"{UNIT}/test_md_core.py::test_100_steps_agree_with_ase",
            "tests/cli/test_lammps.py::test_lammps_computes_what_we_compute",
        ),
    ),
    14: (
        "Diffusivity and thermostat",
        "The same start at four couplings; the run at constant energy has the mean energy of the "
        "chain with 100 fs.",
        (),
    ),
    15: (
        "Diffusivity from velocities and from positions",
        "The integral of the velocity autocorrelation function and the slope of the mean squared "
        "displacement in the same window, and the fit of `lionn diffusion`.",
        (),
    ),
}


def check_names(names: tuple[str, ...]) -> None:
    """Every test that the page names exists."""
    for name in names:
        file, function = name.split("::")
        text = (ROOT / file).read_text(encoding="utf-8")
        if not re.search(rf"\b(fn|def) {function}\b", text):
            raise SystemExit(f"{file} has no test {function}: change TESTS in {__file__}")


def read_records(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Entries and curves of all files of a folder."""
    entries: list[dict[str, Any]] = []
    curves: dict[str, Any] = {}
    for path in sorted(folder.glob("tests-*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        entries += document["entries"]
        curves |= document["curves"]
    if not entries:
        raise SystemExit(f"{folder}: no records; run LIONN_PHYSICS_RECORD={folder} make physics")
    missing = sorted(set(TESTS) - {entry["number"] for entry in entries})
    if missing:
        raise SystemExit(f"{folder}: no records of the tests {missing}")
    return entries, curves


def number(value: float) -> str:
    """Four digits, powers of ten where they are shorter."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.4g}"
    return f"{value:.1e}"


def with_error(value: float, error: float | None) -> str:
    """Value and error with as many digits as the error has to two."""
    if error is None or not error > 0:
        return number(value)
    if 1e-4 <= error < 1e4:
        digits = max(0, 1 - math.floor(math.log10(error)))
        return f"{value:.{digits}f} ± {error:.{digits}f}"
    power = math.floor(math.log10(max(abs(value), error)))
    digits = max(0, 1 - math.floor(math.log10(error / 10**power)))
    return f"({value / 10**power:.{digits}f} ± {error / 10**power:.{digits}f})e{power}"


def lines_of_test(which: int, entries: list[dict[str, Any]]) -> Iterator[str]:
    title, text, others = TESTS[which]
    mine = [entry for entry in entries if entry["number"] == which]
    yield from ("", f"### {which}. {title}", "", text, "")
    yield "| system | quantity | measured | pass line | |"
    yield "|---|---|---|---|---|"
    for entry in sorted(mine, key=lambda e: (e["system"] == "LGPS", e["test"])):
        measured = f"{with_error(entry['value'], entry['error'])} {entry['unit']}".strip()
        passed = "yes" if entry["passed"] else "**no**"
        yield (
            f"| {entry['system']} | {entry['quantity']} | {measured} | {entry['line']} | {passed} |"
        )
    functions = dict.fromkeys(re.sub(r"\[.*", "", entry["test"]) for entry in mine)
    yield ""
    yield "Measured by " + ", ".join(map(short, functions)) + "."
    if others:
        yield "Also: " + ", ".join(map(short, others)) + "."


def short(name: str) -> str:
    file, function = name.split("::")
    return f"`{Path(file).name}::{function}`"


def processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*:\s*(.+)", info.read_text(encoding="utf-8"))
        if found:
            return found[1].strip()
    return platform.processor() or platform.machine()


def versions() -> str:
    from importlib.metadata import version

    parts = [f"ASE {version('ase')}", f"physical_validation {version('physical_validation')}"]
    try:
        text = subprocess.run(["lmp", "-h"], capture_output=True, text=True, check=False).stdout
        found = re.search(r"Simulator - (.+)", text)
        parts.append(f"LAMMPS {found[1].strip()}" if found else "LAMMPS")
    except FileNotFoundError:
        parts.append("no LAMMPS")
    return ", ".join(parts)


def temperatures(entries: list[dict[str, Any]]) -> str:
    """How many mean temperatures lie within one standard error of their target."""
    rows = [e for e in entries if "mean temperature" in e["quantity"] and e["unit"] == "K"]
    rows += [e for e in entries if e["quantity"].startswith("temperature of")]
    rows += [e for e in entries if e["number"] == 7 and e["error"] is not None]
    scores = []
    for entry in rows:
        target = float(entry["line"].split()[0])
        scores.append((entry["value"] - target) / entry["error"])
    inside = sum(abs(score) <= 1 for score in scores)
    return (
        f"Of the {len(scores)} mean temperatures below (tests 4, 6, 7) {inside} lie within one "
        f"standard error of their target, where 68 % are expected; the largest deviation is "
        f"{max(map(abs, scores)):.1f} standard errors. A pass line of one would fail correct "
        "programs every third time, so it is three. (The errors are the largest over block "
        "lengths, hence rather too large than too small.)"
    )


def page(entries: list[dict[str, Any]]) -> str:
    import lionn_rs as lionn

    potential = lionn.load(POTENTIAL)
    n_failed = sum(not entry["passed"] for entry in entries)
    errors = potential.metadata["errors"]["test"]
    outcome = "all within their pass lines" if n_failed == 0 else f"**{n_failed} outside**"
    machine = (
        f"{date.today().isoformat()}, lionn_rs {lionn.__version__} "
        f"(`{lionn._core.simd_level()}`), {processor()}, Python {platform.python_version()}, "
        f"{versions()}"
    )
    head = f"""# Physical validation: what was measured

Written by `docs/physical_validation.py`; no number is typed. Each is recorded by the test that
checks it: `LIONN_PHYSICS_RECORD=runs/physics make physics`, then
`python docs/physical_validation.py runs/physics`. {len(entries)} numbers, {outcome}.

{machine}. Trajectories are chaotic: on another processor the numbers of tests 4 to 10 and 13 to 15
differ within their errors, and one in a hundred Kolmogorov-Smirnov tests of a correct program is
below 0.01.

**Argon**: 32 atoms, fcc, Lennard-Jones switched off between 5.5 and 7 Å, 50 K (liquid: 108 atoms,
145 K). **LGPS**: the bundled cell of 50 atoms at 600 K (tests 13 to 15: 900 K) with the potential
`tests/reference/potentials/lgps_powerspectrum.json`, hash `{potential.hash[:16]}`,
trained in minutes on the bundled images by the TOML file beside it (test force RMSE
{errors["force_rmse"]:.3f} eV/Å). It is there to test dynamics, not to predict LGPS. At its cutoff
of 6 Å the second derivative of the cutoff function jumps: forces are continuous, their slope is
not. That costs neither the order nor the drift.

{temperatures(entries)}

![Errors of the conserved quantity, energy along a run](../figures/physical_validation_steps.png)

*Left: root mean square of the conserved quantity of 1 ps, six starts, straight line removed; lines
have slope two. Right: energy of LGPS at constant energy.*

![Kinetic energies and the oscillator](../figures/physical_validation_canonical.png)

*Left: kinetic energies against the Gamma distribution (lines). Right: phase space of one harmonic
oscillator with one thermostat variable, and with a chain of three; circles hold 39, 86 and 99 % of
a canonical distribution.*

[Ensembles](ensembles.md) has the equations, and names the tests of constant pressure and of random
thermostats.

## The tests
"""
    lines = head.splitlines()
    for which in TESTS:
        lines += lines_of_test(which, entries)
    return "\n".join(lines) + "\n"


def steps_figure(curves: dict[str, Any]) -> None:
    from lionn_rs.plots.style import COLORS, DOUBLE_IN, GRAY, new_figure, save

    with new_figure(1, 2, width_in=DOUBLE_IN, height_in=2.9) as (figure, axes):
        left, right = axes[0]
        for k, name in enumerate(("argon", "LGPS")):
            for thermostat, label, marker in (("none", "NVE", "o"), ("chain", "chain", "s")):
                curve = curves[f"order-{thermostat}-{name}"]
                steps = np.array(curve["timestep_fs"])
                rms = 1000 * np.array(curve["rms_per_atom"])
                style: dict[str, Any] = {"color": COLORS[k], "marker": marker, "linestyle": "none"}
                face = COLORS[k] if thermostat == "none" else "white"
                left.loglog(steps, rms, label=f"{name}, {label}", mfc=face, **style)
                left.loglog(steps, rms[-1] * (steps / steps[-1]) ** 2, color=COLORS[k], lw=0.8)
        left.set_xticks([0.5, 1, 2, 4], ["0.5", "1", "2", "4"])
        left.minorticks_off()
        left.set_xlabel("time step (fs)")
        left.set_ylabel("rms error (meV/atom)")
        left.legend()
        for k, step in enumerate(("2", "1")):
            curve = curves[f"drift-LGPS-{step}"]
            energy = 1000 * np.array(curve["energy_per_atom"])
            right.plot(curve["time_ps"], energy, color=COLORS[k], lw=0.7, label=f"{step} fs")
        time = np.array([0.0, 100.0])
        right.plot(time, time * 1e-3, color=GRAY, ls="--", lw=1, label="1e-6 eV/atom/ps")
        right.set_xlabel("time (ps)")
        right.set_ylabel("energy less start (meV/atom)")
        right.margins(y=0.25)
        right.legend(ncols=3, loc="upper left", columnspacing=1.0)
        save(figure, FIGURES / "physical_validation_steps.png")


def canonical_figure(curves: dict[str, Any]) -> None:
    from scipy.stats import gamma

    from lionn_rs.plots.style import COLORS, DOUBLE_IN, new_figure, save

    options = {"width_ratios": [1.5, 1, 1]}
    with new_figure(1, 3, width_in=DOUBLE_IN, height_in=2.6, gridspec_kw=options) as (figure, axes):
        left, *others = axes[0]
        for k, name in enumerate(("argon", "LGPS")):
            curve = curves[f"kinetic-{name}"]
            ratio, shape = np.array(curve["ratio"]), curve["n_dof"] / 2
            left.hist(ratio, bins=20, density=True, color=COLORS[k], alpha=0.35, label=name)
            x = np.linspace(0.5, 1.6, 300)
            left.plot(x, gamma.pdf(x, shape, scale=1 / shape), color=COLORS[k])
        left.set_xlabel("kinetic energy over (3N - 3)/2 kT")
        left.set_ylabel("probability density")
        left.legend()
        angle = np.linspace(0, 2 * np.pi, 200)
        for ax, length in zip(others, (1, 3), strict=True):
            curve = curves[f"oscillator-{length}"]
            ax.plot(curve["x"], curve["p"], ".", ms=0.6, color=COLORS[2], rasterized=True)
            for radius in (1, 2, 3):
                ax.plot(radius * np.cos(angle), radius * np.sin(angle), color="black", lw=0.5)
            ax.set(xlim=(-4, 4), ylim=(-4, 4), aspect="equal", xlabel="x / width")
            ax.set_title("one thermostat" if length == 1 else "chain of three")
        others[0].set_ylabel("p / width")
        save(figure, FIGURES / "physical_validation_canonical.png")


def main(folder: str) -> None:
    for _, _, names in TESTS.values():
        check_names(names)
    entries, curves = read_records(Path(folder))
    steps_figure(curves)
    canonical_figure(curves)
    PAGE.write_text(page(entries), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(entries)} numbers")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
