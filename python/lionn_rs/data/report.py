"""Statistics of images in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from lionn_rs.data.inputs import DataInputs
    from lionn_rs.data.selection import Selected
    from lionn_rs.data.statistics import DataStatistics

__all__ = ["report_lines", "selection_lines"]

MAX_ROWS: Final = 10
Entry = TypeVar("Entry")


def report_lines(found: DataStatistics, inputs: DataInputs) -> list[str]:
    """Say what a set of images holds, a line each; warnings last."""
    atoms = ", ".join(f"{element} {count}" for element, count in found.elements.items())
    lines = [
        f"{found.n_images} images, {found.n_atoms} atoms ({atoms}); {found.n_energy} with energy, "
        f"{found.n_forces} with forces, {found.n_stress} with stress, {found.n_duplicates} "
        "duplicates"
    ]
    for name, entry in _shown(found.compositions):
        text = f"{name}: {entry['n_images']:.0f} images"
        if "mean" in entry:
            text += (
                f", energy {entry['min']:.4f} to {entry['max']:.4f} eV/atom "
                f"(mean {entry['mean']:.4f}, standard deviation {1e3 * entry['std']:.1f} meV/atom)"
            )
        lines.append(text)
    lines += _more(len(found.compositions), "compositions")
    if any(found.groups):
        groups = [f"{name or 'unnamed'} ({count})" for name, count in _shown(found.groups)]
        lines.append("groups: " + ", ".join([*groups, *_more(len(found.groups), "groups")]))
    if found.forces:
        each = ", ".join(f"{e} {rms:.3f}" for e, rms in found.forces["rms_of"].items())
        lines.append(
            f"forces: rms {found.forces['rms']:.4f} eV/Å ({each}), largest component "
            f"{found.forces['max']:.3f}, largest on an atom {found.forces['largest']:.3f}"
        )
    if found.stress:
        low, high = found.stress["pressure_min"], found.stress["pressure_max"]
        lines.append(f"pressure: {low:.3f} to {high:.3f} GPa")
    if found.volume_per_atom:
        lines.append(
            f"volume: {found.volume_per_atom[0]:.3f} to {found.volume_per_atom[1]:.3f} Å³/atom"
        )
    if found.shortest_distance:
        low, high = found.shortest_distance
        lines.append(f"shortest distance: {low:.3f} to {high:.3f} Å")
    if found.consistency:
        lines.append(
            f"energies follow the forces from image to image: slope "
            f"{found.consistency['slope']:.4f}, correlation "
            f"{found.consistency['correlation']:.4f} ({found.consistency['n_pairs']:.0f} pairs)"
        )
    for outlier in found.outliers[:MAX_ROWS]:
        lines.append(
            f"outlier: {inputs.name(outlier.source)}, image {outlier.number}: {outlier.reason} "
            f"({outlier.score:+.1f} robust standard deviations)"
        )
    lines += _more(len(found.outliers), "outliers")
    return [*lines, *(f"warning: {text}" for text in found.warnings)]


def selection_lines(result: Selected) -> list[str]:
    """Say what became of the images, a line each."""
    lines = [f"{result.n_read} images read"]
    lines += [f"{count} left out: {reason}" for reason, count in result.refused.items()]
    if result.radius:
        kept = "" if result.kept_variance is None else f" ({100 * result.kept_variance:.1f} % of)"
        lines.append(
            f"farthest points in{kept} the fingerprints: every image is within "
            f"{result.radius[-1]:.3f} of a chosen one (standard deviations per feature; from the "
            f"first alone {result.radius[0]:.3f})"
        )
    return lines


def _shown(entries: dict[str, Entry]) -> list[tuple[str, Entry]]:
    return list(entries.items())[:MAX_ROWS]


def _more(n: int, what: str) -> list[str]:
    return [f"and {n - MAX_ROWS} more {what}"] if n > MAX_ROWS else []
