"""``lionn diagnose``: where a trained potential errs, and which of its features are of use."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from lionn_rs.files import check_folder, json_safe, prepare_folder, write_json, write_text
from lionn_rs.progress import progress as progress_display
from lionn_rs.workflows.figures import save_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lionn_rs.analysis.diagnosis.fingerprint_statistics import FeatureStatistics
    from lionn_rs.analysis.diagnosis.patterns import EnergyStructure
    from lionn_rs.analysis.diagnosis.sensitivity import FeatureSensitivity
    from lionn_rs.potential import Potential
    from lionn_rs.training.history import History
    from lionn_rs.training.metrics import Predictions
    from lionn_rs.workflows.diagnose.subject import Subject

__all__ = ["ALPHA", "PATTERN_FILE", "diagnose", "image_rows", "learning_record", "write_csv"]

ALPHA: Final = 0.05
"""Chance of a false pattern in the whole report, were the residuals without order."""

MAX_FEATURE_IMAGES: Final = 500
"""Images whose fingerprints are analyzed; of more, so many at random."""

STILL_FALLING: Final = 0.05
"""A best iteration in this last part of the training counts as not converged."""

PATTERN_FILE: Final = "pattern_images.extxyz"


def diagnose(
    subject: Subject, output: Path, *, force: bool = False, seed: int = 0, progress: bool = True
) -> dict[str, Any]:
    """Diagnose a potential; writes ``report.html``, ``report.md``, tables, figures, images.

    Parameters
    ----------
    subject : Subject
        From :mod:`lionn_rs.workflows.diagnose.subject`.
    output : Path
        Folder for the results.
    force : bool
        Replace results in it.
    seed : int
        Seed of permutations and of the choice of images for fingerprints and forces.
    progress : bool
        Show progress.

    Returns
    -------
    dict
        What ``diagnosis.json`` holds.
    """
    from lionn_rs.analysis.diagnosis.fingerprint_statistics import (
        collect_fingerprints,
        feature_labels,
        feature_statistics,
    )
    from lionn_rs.analysis.diagnosis.patterns import energy_structure
    from lionn_rs.analysis.diagnosis.sensitivity import sensitivity
    from lionn_rs.plots.diagnosis_features import feature_sensitivity, fingerprint_distributions
    from lionn_rs.workflows.diagnose.report import write_reports

    check_folder(output, force=force, resumable=False)
    potential = subject.potential
    predictions = _predict(subject, progress=progress)
    structures = {
        name: energy_structure(
            p.reference_energies / p.n_atoms,
            p.energy_errors_per_atom,
            alpha=ALPHA / len(predictions),
            seed=seed,
        )
        for name, p in predictions.items()
    }
    images = subject.feature_images
    fingerprints = collect_fingerprints(
        potential.descriptor, images, max_images=MAX_FEATURE_IMAGES, seed=seed, progress=progress
    )
    statistics = feature_statistics(
        fingerprints, feature_labels(potential.descriptor), narrow_range=_narrow_range(potential)
    )
    influence = sensitivity(potential, fingerprints, images, seed=seed, progress=progress)
    folder = prepare_folder(output, force=force)
    rows = image_rows(subject, predictions, structures)
    record = _record(subject, predictions, structures, statistics, influence, seed)
    record["feature_images"] = min(len(images), MAX_FEATURE_IMAGES)
    record["pattern_images"] = [row for row in rows if row["pattern"]]
    write_json(folder / "diagnosis.json", record)  # first, so that --force knows the folder
    _draw_residuals(subject, predictions, structures, folder / "figures")
    save_figure(
        fingerprint_distributions(fingerprints, statistics), folder / "figures", "fingerprints"
    )
    save_figure(feature_sensitivity(influence), folder / "figures", "sensitivity")
    write_csv(folder / "residuals.csv", rows)
    write_csv(folder / "features.csv", _feature_rows(statistics, influence))
    _write_pattern_images(subject, record["pattern_images"], folder)
    write_reports(folder)
    return record


def image_rows(
    subject: Subject,
    predictions: Mapping[str, Predictions],
    structures: Mapping[str, EnergyStructure],
) -> list[dict[str, Any]]:
    """One row per image: set, index, group, reference energy, residual, force RMSE, patterns.

    Patterns have numbers, counted from 1 over all sets, and a text.
    """
    rows = []
    first = 1
    for name, p in predictions.items():
        patterns = list(enumerate(structures[name].patterns, start=first))
        first += len(patterns)
        force_rmse = np.full(len(p.n_atoms), np.nan)
        if p.force_errors is not None:
            squares = np.mean(p.force_errors**2, axis=1)
            sums = np.bincount(p.image_of_atom, weights=squares, minlength=len(p.n_atoms))
            force_rmse = np.sqrt(sums / p.n_atoms)
        for k, index in enumerate(subject.indices[name]):
            own = [(number, str(pattern)) for number, pattern in patterns if k in pattern.members]
            rows.append(
                {
                    "set": name,
                    "index": index,
                    "group": p.groups[k],
                    "n_atoms": int(p.n_atoms[k]),
                    "reference_energy_per_atom": float(p.reference_energies[k] / p.n_atoms[k]),
                    "energy_residual_per_atom": float(p.energy_errors_per_atom[k]),
                    "force_rmse": float(force_rmse[k]),
                    "pattern_numbers": " ".join(str(number) for number, _ in own),
                    "pattern": "; ".join(text for _, text in own),
                }
            )
    return rows


def learning_record(history: History) -> dict[str, Any]:
    """Say where a training was best, and what came after.

    Parameters
    ----------
    history : History

    Returns
    -------
    dict
        ``best_iteration``, ``last_iteration``, ``validated``, ``rise`` (validation loss at the
        end over the least one, minus 1), and ``verdict``, a sentence.
    """
    columns = history.columns()
    validated = np.isfinite(columns["validation_loss"])
    name = "validation_loss" if validated.any() else "loss"
    score = np.where(np.isfinite(columns[name]), columns[name], np.inf)
    best = int(np.argmin(score))
    own = columns["start"] == columns["start"][best]
    last = int(np.flatnonzero(own & np.isfinite(score))[-1])
    iterations = columns["iteration"]
    n_best, n_last = int(iterations[best]), int(iterations[own].max())
    rise = float(score[last] / score[best] - 1.0)
    kind = "validation" if validated.any() else "training"
    if n_best >= (1.0 - STILL_FALLING) * n_last:
        verdict = (
            f"The {kind} loss was still falling at the end (best at iteration {n_best} of "
            f"{n_last}): more iterations are likely to help."
        )
    else:
        verdict = (
            f"The {kind} loss was least at iteration {n_best} and {100 * rise:.3g} % higher at the "
            f"end, iteration {n_last}: the model of iteration {n_best} is the one to use, more "
            "iterations would not have helped."
        )
    return {
        "best_iteration": n_best,
        "best_start": int(columns["start"][best]),
        "last_iteration": n_last,
        "validated": bool(validated.any()),
        "rise": rise,
        "verdict": verdict,
    }


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with equal keys as CSV, whole or not at all; what is not finite stays empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(rows[0])
    for row in rows:
        values = (json_safe(value) for value in row.values())
        writer.writerow(f"{v:.10g}" if isinstance(v, float) else v for v in values)
    write_text(path, stream.getvalue())


def _predict(subject: Subject, *, progress: bool) -> dict[str, Predictions]:
    from lionn_rs.training import predict

    total = sum(len(part) for part in subject.sets.values())
    predictions = {}
    with progress_display("predictions", total, "images", enabled=progress) as display:
        for name, part in subject.sets.items():
            predictions[name] = predict(subject.potential, part)
            display.advance(len(part))
    return predictions


def _narrow_range(potential: Potential) -> float:
    """Range to which the training widened narrow features; 0 if it is not known."""
    value = potential.metadata.get("training", {}).get("min_feature_range", 0.0)
    return float(value)


def _record(
    subject: Subject,
    predictions: Mapping[str, Predictions],
    structures: Mapping[str, EnergyStructure],
    statistics: Sequence[FeatureStatistics],
    influence: Sequence[FeatureSensitivity],
    seed: int,
) -> dict[str, Any]:
    from lionn_rs import __version__
    from lionn_rs.analysis.diagnosis.residuals import energy_residuals, force_residuals

    sets = {}
    for name, p in predictions.items():
        forces = force_residuals(p) if p.forces is not None else {}
        sets[name] = {
            "n_images": len(p.n_atoms),
            "energy": energy_residuals(p),
            "forces": forces,
            "structure": structures[name],
            "pattern_texts": [str(pattern) for pattern in structures[name].patterns],
            "tested": structures[name].tested,
        }
    content = {
        "lionn_rs": __version__,
        "source": subject.source,
        "potential": {"hash": subject.potential.hash, "text": repr(subject.potential)},
        "descriptor": repr(subject.potential.descriptor),
        "seed": seed,
        "alpha": ALPHA,
        "narrow_range": _narrow_range(subject.potential),
        "learning": None if subject.history is None else learning_record(subject.history),
        "sets": sets,
        "features": [{**row.to_dict(), "flags": row.flags} for row in statistics],
        "sensitivity": list(influence),
    }
    return cast("dict[str, Any]", json_safe(content))


def _feature_rows(
    statistics: Sequence[FeatureStatistics], influence: Sequence[FeatureSensitivity]
) -> list[dict[str, Any]]:
    rows = []
    for row, effect in zip(statistics, influence, strict=True):
        entry = row.to_dict()
        entry |= {
            "energy_gradient_eV": effect.gradient,
            "scaled_spread": effect.spread,
            "energy_influence_eV": effect.energy,
            "force_influence_eV_A": effect.force,
        }
        rows.append(entry)
    return rows


def _draw_residuals(
    subject: Subject,
    predictions: Mapping[str, Predictions],
    structures: Mapping[str, EnergyStructure],
    figures: Path,
) -> None:
    from lionn_rs.analysis.diagnosis.residuals import force_residuals
    from lionn_rs.plots import diagnosis as plots
    from lionn_rs.plots.training import learning_curves

    if subject.history is not None:
        sizes = [len(subject.sets.get(name, ())) for name in ("train", "validation")]
        n_images = (sizes[0], sizes[1]) if sizes[0] else None
        curves = learning_curves(subject.history, n_images=n_images, log_iterations=True)
        save_figure(curves, figures, "learning_curves")
    save_figure(plots.energy_residuals(predictions, structures), figures, "energy_residuals")
    forces = {name: force_residuals(p) for name, p in predictions.items() if p.forces is not None}
    if forces:
        save_figure(plots.force_residuals(forces), figures, "force_residuals")


def _write_pattern_images(
    subject: Subject, rows: Sequence[Mapping[str, Any]], folder: Path
) -> None:
    """Images that form patterns as extxyz, labels and info kept, with where and why added."""
    from ase.io import write

    if not rows:
        return
    images = []
    for row in rows:
        position = subject.indices[row["set"]].index(row["index"])
        atoms = subject.sets[row["set"]][position]
        copy = atoms.copy()
        copy.calc = atoms.calc
        copy.info["image_index"] = row["index"]
        copy.info["image_set"] = row["set"]
        copy.info["energy_residual_per_atom"] = row["energy_residual_per_atom"]
        copy.info["pattern"] = row["pattern"]
        images.append(copy)
    stream = io.StringIO()
    write(stream, images, format="extxyz")
    write_text(folder / PATTERN_FILE, stream.getvalue())
