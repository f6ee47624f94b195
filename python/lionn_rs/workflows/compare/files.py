"""A comparison on disk: ``compare.json``, tables and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lionn_rs._core import __version__
from lionn_rs.files import write_json, write_table
from lionn_rs.workflows.figures import save_figure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lionn_rs.analysis import RdfResult
    from lionn_rs.analysis.comparison.result import AmplitudeRatio, Comparison
    from lionn_rs.workflows.compare.run import Compared, Side

__all__ = ["write_comparison"]


def write_comparison(folder: Path, compared: Compared, sides: tuple[Side, Side]) -> None:
    """Write everything into a folder.

    ``compare.json``; ``diffusivities.csv``, ``rdf_differences.csv``, ``amplitudes.csv`` and
    ``rdf_700K.csv`` for each temperature; figures ``arrhenius`` and ``rdf_700K``.
    """
    from lionn_rs.plots.compare import plot_comparison, plot_rdf_pairs

    result = compared.result
    record = {"a": _runs(sides[0]), "b": _runs(sides[1])}
    content = {"lionn_version": __version__, "runs": record, **result.to_dict()}
    write_table(folder / "diffusivities.csv", _diffusivities(result))
    if result.temperatures:
        write_table(folder / "rdf_differences.csv", _differences(result))
        write_table(folder / "amplitudes.csv", _amplitudes(result))
    for row, curves in zip(result.temperatures, compared.curves.values(), strict=True):
        name = f"rdf_{row.temperature_K:g}K"
        write_table(folder / f"{name}.csv", _curves(curves))
        figure = plot_rdf_pairs(curves, row.rdf, names=(result.name_a, result.name_b))
        save_figure(figure, folder, name)
    save_figure(plot_comparison(result), folder, "arrhenius")
    # Last: a folder with it is complete.
    write_json(folder / "compare.json", content)


def _runs(side: Side) -> list[dict[str, Any]]:
    """Return what makes the runs of a side known again."""
    return [run.record().to_dict() for runs in side.groups.values() for run in runs]


def _diffusivities(result: Comparison) -> dict[str, list[Any]]:
    """All temperatures of both sides; the ratio where both have the temperature."""
    ratios = {round(t.temperature_K): t.ratio for t in result.temperatures}
    columns: dict[str, list[Any]] = {}

    def add(**row: Any) -> None:
        for name, value in row.items():
            columns.setdefault(name, []).append(value)

    for side, found in ((result.name_a, result.a), (result.name_b, result.b)):
        for r in found:
            low, high = r.interval_cm2_s or (None, None)
            ratio = ratios.get(round(r.temperature_K))
            add(
                side=side,
                temperature_K=r.temperature_K,
                n_runs=getattr(r, "n_runs", 1),
                run_ps=r.run_ps,
                diffusivity_cm2_s=r.diffusivity_cm2_s,
                low_cm2_s=low,
                high_cm2_s=high,
                ln_sd=r.ln_sd,
                upper_bound_cm2_s=r.upper_bound_cm2_s,
                ratio_a_over_b=ratio.ratio if ratio else None,
                ratio_low=ratio.low if ratio else None,
                ratio_high=ratio.high if ratio else None,
                ratio_p=ratio.p_value if ratio else None,
                detectable_ratio=ratio.detectable_ratio if ratio else None,
            )
    return columns


def _differences(result: Comparison) -> dict[str, list[Any]]:
    rows = [(t.temperature_K, d) for t in result.temperatures for d in t.rdf]
    return {
        "temperature_K": [t for t, _ in rows],
        "pair": ["-".join(d.pair) for _, d in rows],
        "largest": [d.largest for _, d in rows],
        "largest_at_A": [d.largest_at_A for _, d in rows],
        "largest_se": [d.largest_se for _, d in rows],
        "integrated_A": [d.integrated_A for _, d in rows],
        "relative": [d.relative for _, d in rows],
        "peak_shift_A": [d.peak_shift_A for _, d in rows],
        "peak_shift_se_A": [d.peak_shift_se_A for _, d in rows],
        "p_value": [None if d.test is None else d.test.p_value for _, d in rows],
        "adjusted_p": [None if d.test is None else d.test.adjusted_p for _, d in rows],
    }


def _amplitudes(result: Comparison) -> dict[str, list[Any]]:
    """Mean squared displacements: of the carriers after a lag, of the framework in place."""
    rows: list[tuple[float, str, AmplitudeRatio]] = []
    for t in result.temperatures:
        rows.append((t.temperature_K, f"MSD after {t.lag_ps:.4g} ps", t.msd))
        rows += [(t.temperature_K, "around the mean position", v) for v in t.vibrations]
    return {
        "temperature_K": [t for t, _, _ in rows],
        "species": [v.species for _, _, v in rows],
        "quantity": [text for _, text, _ in rows],
        "a_A2": [v.a_A2 for _, _, v in rows],
        "b_A2": [v.b_A2 for _, _, v in rows],
        "ratio": [v.ratio for _, _, v in rows],
        "p_value": [None if v.test is None else v.test.p_value for _, _, v in rows],
        "adjusted_p": [None if v.test is None else v.test.adjusted_p for _, _, v in rows],
    }


def _curves(curves: Sequence[tuple[RdfResult, RdfResult]]) -> dict[str, Any]:
    columns: dict[str, Any] = {"r_A": curves[0][0].r_A}
    for pair in curves:
        name = "-".join(pair[0].pair)
        for side, curve in zip("ab", pair, strict=True):
            columns |= {f"g_{side}_{name}": curve.g, f"g_{side}_se_{name}": curve.g_se}
    return columns
