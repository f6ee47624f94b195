"""Training as a command and as a stage of ``lionn run``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from lionn_rs.config_file import to_toml
from lionn_rs.files import prepare_folder, write_json, write_text
from lionn_rs.locking import locked
from lionn_rs.workflows.figures import save_figure
from lionn_rs.workflows.inputs import level_of_theory, load_images, make_descriptor
from lionn_rs.workflows.jobs.stop_file import stops_at_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms

    from lionn_rs.committee import Committee
    from lionn_rs.config import DataSection, TrainConfig
    from lionn_rs.data.split import Split
    from lionn_rs.descriptors import Descriptor
    from lionn_rs.potential import BasePotential
    from lionn_rs.training import Metrics

__all__ = [
    "draw_calibration",
    "error_table",
    "model_file",
    "split_images",
    "train_command",
    "train_stage",
]


def train_command(
    config: TrainConfig, output: Path, *, resume: bool, force: bool, progress: bool
) -> str:
    """Train as ``lionn train`` does; returns the table of errors as text.

    Raises
    ------
    ConfigError
        The folder cannot be used, or another process trains in it.
    StoppedByFile
        The user made a file called ``stop`` in the folder.
    """
    images = load_images(config.data)
    folder = prepare_folder(output, force=force, resume=resume)
    resolved = folder / "config.resolved.toml"
    with locked(folder), stops_at_file(folder):
        if not resolved.exists():
            write_text(resolved, to_toml(config))
        record = train_stage(
            config, images, folder, figures=folder, resume=resume, progress=progress
        )
    write_text(resolved, to_toml(config))  # a resumed run may have new limits
    return "\n".join([error_table(record["metrics"]), *record.get("spread", [])])


def model_file(config: TrainConfig) -> str:
    """Name of the potential file that a training with this configuration gives."""
    from lionn_rs.training.committee import COMMITTEE_FILE

    return "best.json" if config.training.n_members == 1 else COMMITTEE_FILE


def train_stage(
    config: TrainConfig,
    images: list[Atoms],
    folder: Path,
    *,
    figures: Path,
    resume: bool,
    progress: bool,
    parts: Split | None = None,
) -> dict[str, Any]:
    """Split, train, evaluate on the three sets, draw; returns the record of the training.

    Parameters
    ----------
    config : TrainConfig
    images : list of Atoms
        Labeled images.
    folder : Path
        Where the training writes ``best.json`` or, of a committee, ``committee.json`` and the
        folders of its members; ``history.csv``, ``metrics.json`` and so on.
    figures : Path
        Where the figures go.
    resume : bool
        Continue from the checkpoint in ``folder`` if there is one.
    progress : bool
        Show progress.
    parts : Split, optional
        The three sets; default: the images are split as the ``[data]`` section says.

    Returns
    -------
    dict
        JSON-safe: errors of the three sets, sizes, stop reason, seconds.
    """
    from lionn_rs.plots.training import parity
    from lionn_rs.training import predict

    parts = parts or split_images(config.data, images)
    elements = sorted({symbol for atoms in images for symbol in atoms.get_chemical_symbols()})
    descriptor = make_descriptor(config.descriptor, elements, parts.train)
    fit = _train_one if config.training.n_members == 1 else _train_committee
    model, metrics, outcome = fit(
        config, parts, descriptor, folder, figures, resume=resume, progress=progress
    )
    sets = {"train": parts.train, "validation": parts.validation, "test": parts.test}
    sets = {name: part for name, part in sets.items() if part}
    predictions = {name: predict(model, part) for name, part in sets.items()}
    save_figure(parity(predictions), figures, "parity")
    features = descriptor.n_features
    widths = "-".join(str(n) for n in [*config.network.hidden_layers, 1])
    n_parameters = sum(len(member.parameters) for member in getattr(model, "members", [model]))
    record = {
        "metrics": {name: entry.to_dict() for name, entry in metrics.items()},
        "descriptor": f"{type(descriptor).__name__}-{max(features.values())}, "
        f"{config.descriptor.cutoff_function} cutoff {config.descriptor.cutoff:g} Å",
        "networks": f"{max(features.values())}-{widths} for each of {', '.join(features)}, "
        f"{config.network.activation}, {n_parameters} parameters",
        "optimizer": config.training.optimizer,
        **outcome,
        "groups": _group_table(sets),
    }
    write_json(folder / "metrics.json", record)
    return record


def split_images(section: DataSection, images: list[Atoms]) -> Split:
    """Split images as a ``[data]`` section says."""
    from lionn_rs.data import split

    return split(
        images,
        test=section.test,
        validation=section.validation,
        seed=section.seed,
        by=section.split_by,
    )


def _options(config: TrainConfig, parts: Split) -> dict[str, Any]:
    """Options that a single training and that of a committee have in common."""
    from lionn_rs.training import LossWeights

    options = config.training
    return {
        "validation": parts.validation,
        "test": parts.test,
        "hidden_layers": tuple(config.network.hidden_layers),
        "activation": config.network.activation,
        "output_activation": config.network.output_activation,
        "repulsion": options.repulsion,
        "min_feature_range": options.min_feature_range,
        "loss": LossWeights(
            energy=options.energy_weight,
            force=options.force_weight,
            stress=options.stress_weight,
        ),
        "seed": options.seed,
        "n_starts": options.n_starts,
        "optimizer": options.optimizer,
        "batch_size": options.batch_size,
        "learning_rate": options.learning_rate,
        "learn_contraction": options.learn_contraction,
        "max_iterations": options.max_iterations,
        "validation_interval": options.validation_interval,
        "patience": options.patience,
        "wall_time_s": options.wall_time_s,
        "max_memory_gb": options.max_memory_gb,
        "precision": options.precision,
        "l2": options.l2,
        "level_of_theory": level_of_theory(config.data),
        "split": parts,
    }


def _train_one(
    config: TrainConfig,
    parts: Split,
    descriptor: Descriptor,
    folder: Path,
    figures: Path,
    *,
    resume: bool,
    progress: bool,
) -> tuple[BasePotential, dict[str, Metrics], dict[str, Any]]:
    """Train one potential; potential, errors and what the record says beside them."""
    from lionn_rs.plots.training import learning_curves
    from lionn_rs.training import train

    result = train(
        parts.train,
        descriptor=descriptor,
        output=folder,
        resume=resume,
        progress=progress,
        **_options(config, parts),
    )
    save_figure(learning_curves(result.history), figures, "learning_curves")
    outcome = {
        "n_members": 1,
        "iterations": int(result.history.rows[-1]["iteration"]),
        "best_iteration": result.best_iteration,
        "stop_reason": result.stop_reason,
        "seconds": result.seconds,
    }
    return result.best, result.metrics, outcome


def _train_committee(
    config: TrainConfig,
    parts: Split,
    descriptor: Descriptor,
    folder: Path,
    figures: Path,
    *,
    resume: bool,
    progress: bool,
) -> tuple[BasePotential, dict[str, Metrics], dict[str, Any]]:
    """Train a committee; as :func:`_train_one`."""
    from lionn_rs.training import train_committee

    result = train_committee(
        parts.train,
        descriptor=descriptor,
        n_members=config.training.n_members,
        bootstrap=config.training.bootstrap,
        output=folder,
        resume=resume,
        progress=progress,
        **_options(config, parts),
    )
    held_out = parts.test or parts.validation
    if held_out:
        draw_calibration(
            result.committee, held_out, figures, "test" if parts.test else "validation"
        )
    records = result.committee.metadata["committee"]["members"]
    outcome = {
        "n_members": config.training.n_members,
        "iterations": sum(member["last_iteration"] for member in records),
        "best_iteration": [member["best_iteration"] for member in records],
        "stop_reason": records[-1]["stop_reason"],
        "seconds": sum(member["seconds"] for member in records),
        "spread": result.describe_spread(),
    }
    return result.committee, result.metrics, outcome


def draw_calibration(
    committee: Committee, images: Sequence[Atoms], figures: Path, name: str
) -> None:
    """Write the figure of spread against error."""
    from lionn_rs.plots.committee import calibration
    from lionn_rs.training import spread_errors

    scale = dict(zip(("energy", "force"), committee.spread_scale, strict=True))
    figure = calibration(spread_errors(committee, images), scale, name=name)
    save_figure(figure, figures, "calibration")


def error_table(metrics: dict[str, dict[str, Any]]) -> str:
    """Errors of the sets as lines of text."""
    lines = [f"{'set':<12}{'images':>7}{'energy RMSE':>14}{'force RMSE':>13}"]
    lines.append(f"{'':<12}{'':>7}{'meV/atom':>14}{'eV/Å':>13}")
    lines += [
        f"{name:<12}{entry['n_images']:>7}{1000 * entry['energy_rmse_per_atom']:>14.3f}"
        f"{entry['force_rmse']:>13.4f}"
        for name, entry in metrics.items()
    ]
    return "\n".join(lines)


def _group_table(sets: dict[str, list[Atoms]]) -> list[dict[str, Any]]:
    """Images of each source group in each set."""
    from lionn_rs.data.images import group_of

    counts: dict[str, Counter[str]] = {}
    for name, images in sets.items():
        for atoms in images:
            counts.setdefault(group_of(atoms) or "all", Counter())[name] += 1
    return [
        {
            "name": group,
            "n_images": sum(count.values()),
            **{name: count[name] for name in ("train", "validation", "test")},
        }
        for group, count in counts.items()
    ]
