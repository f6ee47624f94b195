"""Training of a potential from labeled images."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lionn_rs import _core
from lionn_rs.data.images import LabeledImage, data_hash, label_images
from lionn_rs.data.split import Split
from lionn_rs.data.summary import summary
from lionn_rs.errors import ConfigError
from lionn_rs.files import write_json
from lionn_rs.potential import Potential
from lionn_rs.progress import progress as progress_display
from lionn_rs.training.adam import BATCH_SIZE, LEARNING_RATE, Adam
from lionn_rs.training.contraction import ContractionParameters
from lionn_rs.training.initialize import match_data, random_parameters
from lionn_rs.training.levenberg_marquardt import LevenbergMarquardt
from lionn_rs.training.line_search import Vector
from lionn_rs.training.memory import MemoryEstimate, Precision
from lionn_rs.training.metrics import evaluate
from lionn_rs.training.narrow import is_narrow, silence, widen
from lionn_rs.training.objective import LossWeights, Objective
from lionn_rs.training.optimizers import optimizer as find_optimizer
from lionn_rs.training.preparation import Prepared, prepare_sets
from lionn_rs.training.result import TrainingInterrupted, TrainingResult
from lionn_rs.training.session import CHECKPOINT_NAME, Callback, Limits, Session, write_log
from lionn_rs.training.training_range import fit_training_range

if TYPE_CHECKING:
    from ase import Atoms

    from lionn_rs.descriptors import Descriptor

Images = Sequence["Atoms | LabeledImage"]
ActivationName = Literal["tanh", "sigmoid", "linear"]
DEFAULT_LOSS = LossWeights()


def train(
    images: Images | Split,
    *,
    validation: Images | None = None,
    test: Images | None = None,
    descriptor: Descriptor,
    hidden_layers: Sequence[int] = (5, 5),
    activation: ActivationName = "tanh",
    output_activation: ActivationName = "linear",
    initial: Potential | None = None,
    repulsion: bool = True,
    min_feature_range: float = 0.1,
    learn_contraction: bool = False,
    seed: int = 0,
    n_starts: int = 1,
    optimizer: Literal["bfgs", "l-bfgs", "lm", "adam"] = "bfgs",
    batch_size: int | None = None,
    learning_rate: float | None = None,
    max_iterations: int = 1000,
    loss: LossWeights = DEFAULT_LOSS,
    l2: float = 0.0,
    validation_interval: int = 10,
    patience: int | None = None,
    wall_time_s: float | None = None,
    gradient_tolerance: float = 1e-8,
    max_memory_gb: float | None = None,
    precision: Precision = "float32",
    output: str | Path | None = None,
    resume: bool = False,
    progress: bool = True,
    callback: Callback | None = None,
    split: Split | Mapping[str, Any] | None = None,
    level_of_theory: str = "",
    training_range: bool = True,
    title: str = "training",
) -> TrainingResult:
    """Train a neural-network potential.

    Parameters
    ----------
    images : sequence of ase.Atoms or LabeledImage, or Split
        Training images; ranges of the input scaling come from these alone. A
        :class:`~lionn_rs.data.Split` gives validation and test images too.
    validation : sequence, optional
        Images that pick the best iteration.
    test : sequence, optional
        Images whose errors are reported at the end and used for nothing else.
    descriptor : Descriptor
        Fingerprints.
    hidden_layers : sequence of int
        Nodes of the hidden layers, the same for every element.
    activation, output_activation : {"tanh", "sigmoid", "linear"}
        Activation of hidden and output nodes. AMP applies ``tanh`` to the output too.
    initial : Potential, optional
        Start from these parameters, with this scaling and topology (warm start on new data).
    repulsion : bool
        Give the potential a screened nuclear repulsion that starts at 0.95 of the shortest
        distance of each pair of elements in the training images, or at 0.7 of the sum of their
        covalent radii where the images lack the pair (see :attr:`lionn_rs.Potential.repulsion`).
        It is zero on these images, changes no fitted parameter, and keeps atoms from falling into
        distances the network knows nothing about.
    min_feature_range : float
        Features whose range over the training images is narrower are scaled as if it were this
        wide, and their weights start at zero: otherwise a contact that the images barely touch
        would enter the network as a huge input in molecular dynamics. Zero scales as AMP does.
    learn_contraction : bool
        Learn the contraction of a power spectrum together with the networks; needs optimizer
        "adam", "bfgs" or "l-bfgs".
    seed : int
        Seed of the initial weights; restart k uses ``seed + k``.
    n_starts : int
        Restarts; the one with the best validation is kept.
    optimizer : {"bfgs", "l-bfgs", "lm", "adam"}
        BFGS with the full inverse Hessian (the method of the paper), BFGS with limited memory,
        Levenberg-Marquardt, which minimizes the same loss in less time for some hundred images and
        more (:mod:`lionn_rs.training.levenberg_marquardt`), or Adam on small batches, for networks
        with thousands of parameters and many images (:mod:`lionn_rs.training.adam`).
    batch_size : int, optional
        Images per step of ``"adam"``; default 8.
    learning_rate : float, optional
        Largest learning rate of ``"adam"``; default 0.01.
    max_iterations : int
        Iterations of every start; one iteration of ``"adam"`` is one pass over the images, and its
        learning rate falls to zero over this number (or ``wall_time_s``).
    loss : LossWeights
        Weights of energy, force and stress terms.
    l2 : float
        Penalty on the sum of squared network weights.
    validation_interval : int
        Iterations between validations.
    patience : int, optional
        Stop after this many validations in a row without a better one.
    wall_time_s : float, optional
        Limit on this call, s; the remaining starts share what is left.
    gradient_tolerance : float
        Converged when the largest gradient component is below.
    max_memory_gb : float, optional
        Memory for prepared images and the matrix of ``"lm"``, GB; derivatives that do not fit are
        recomputed in every iteration, with the same result. Default: 80 % of the free memory.
    precision : {"float32", "float64"}
        Precision of the stored derivatives; sums are always in double precision.
    output : str or Path, optional
        Folder for ``history.csv``, ``checkpoint.npz``, ``best.json``, ``last.json``,
        ``split.json``, ``train.log``.
    resume : bool
        Continue from the checkpoint in ``output`` with the same bits as if not interrupted; start
        anew if there is none.
    progress : bool
        Show progress with rate and time left.
    callback : callable, optional
        ``callback(row, parameters)`` after every iteration; ``True`` stops the start.
    split : Split or mapping, optional
        How the images were chosen, stored in the potential.
    level_of_theory : str
        How the labels were computed, stored in the potential.
    training_range : bool
        Store where the environments of the training images lie, for the extrapolation grade
        (:mod:`lionn_rs.training.training_range`). It changes no energy.
    title : str
        Name of the progress display.

    Returns
    -------
    TrainingResult
        Best and last potential, history, errors.

    Raises
    ------
    ConfigError
        For options out of range, or a checkpoint of a different run.
    DataError
        For labels that are missing or not finite, and elements the descriptor does not know.
    SimulationError
        If the first loss is not finite; the message names image and atom.
    TrainingInterrupted
        On Ctrl-C, after everything has been written; a KeyboardInterrupt with the ``result`` so
        far.

    Examples
    --------
    >>> import lionn_rs as lionn
    >>> images = lionn.datasets.load("lgps_gpaw_pbe")
    >>> parts = lionn.split(images, test=0.2, validation=0.1, seed=1, by="block")
    >>> cutoff = lionn.Cosine(4.0)
    >>> descriptor = lionn.Gaussian.amp_default(["Ge", "Li", "P", "S"], cutoff=cutoff)
    >>> result = lionn.train(parts, descriptor=descriptor, max_iterations=2, progress=False)
    >>> result.metrics["test"].n_images
    24
    """
    started = time.monotonic()
    if isinstance(images, Split):
        parts = images
        split = split or parts
    else:
        parts = Split(list(images), list(validation or []), list(test or []), {}, {})
    sets = {
        "train": label_images(parts.train),
        "validation": label_images(parts.validation),
        "test": label_images(parts.test),
    }
    if not sets["train"]:
        raise ConfigError("no training images")
    limits = Limits(
        max_iterations=max_iterations,
        n_starts=n_starts,
        validation_interval=validation_interval,
        patience=patience,
        wall_time_s=wall_time_s,
        gradient_tolerance=gradient_tolerance,
    )
    _check(limits, l2, resume, output, initial, descriptor)
    find_optimizer(optimizer)
    optimizer_options = _adam_options(optimizer, batch_size, learning_rate)
    settings: dict[str, Any] = {
        "descriptor": descriptor.spec,
        "hidden_layers": list(hidden_layers),
        "activation": activation,
        "output_activation": output_activation,
        "initial": None if initial is None else initial.hash,
        "repulsion": repulsion,
        "min_feature_range": min_feature_range,
        "seed": seed,
        "optimizer": optimizer,
        **optimizer_options,
        **({"learn_contraction": True} if learn_contraction else {}),
        "loss": asdict(loss),
        "l2": l2,
        "precision": precision,
        "validation_interval": validation_interval,
        "data_hash": {name: data_hash(part) for name, part in sets.items()},
    }
    if learn_contraction and optimizer == LevenbergMarquardt.name:
        raise ConfigError("optimizer 'lm' cannot learn a contraction; use 'adam' or 'l-bfgs'")
    folder = None if output is None else Path(output)
    split_record = split.to_dict() if isinstance(split, Split) else dict(split or {})
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / CHECKPOINT_NAME).exists() and not resume:
            raise ConfigError(
                f"{folder}: holds a training checkpoint; pass resume=True or another folder"
            )
        if split_record:
            write_json(folder / "split.json", split_record)
    reserve = 0
    if optimizer == LevenbergMarquardt.name:
        features = list(descriptor.n_features.values())
        n_parameters = random_parameters(features, hidden_layers, seed=0).size
        largest = max(image.n_atoms for image in sets["train"])
        reserve = _core.GaussNewton.n_bytes(n_parameters, largest)
    memory, prepared = prepare_sets(
        sets,
        descriptor,
        loss,
        precision,
        max_memory_gb,
        folder,
        reserve=reserve,
        progress=progress,
    )
    template = _template(
        descriptor,
        hidden_layers,
        activation,
        output_activation,
        initial,
        repulsion,
        min_feature_range,
        prepared,
    )
    contraction = None
    if learn_contraction:
        contraction = ContractionParameters(descriptor, sets["train"], seed=seed)
    objective = Objective(prepared["train"][0], template, loss, l2, contraction)
    checker = (
        Objective(prepared["validation"][0], template, loss, contraction=contraction)
        if "validation" in prepared
        else None
    )

    def initial_networks(start: int) -> Vector:
        if initial is not None:
            return initial.parameters
        features = list(descriptor.n_features.values())
        drawn = random_parameters(features, hidden_layers, seed=seed + start)
        images = prepared["train"][0]
        narrow = is_narrow(*images.ranges(), min_feature_range)
        drawn = silence(drawn, narrow, hidden_layers)
        return match_data(drawn, images, template, prepared["train"][1])

    def initial_parameters(start: int) -> Vector:
        networks = initial_networks(start)
        return networks if contraction is None else np.concatenate([networks, contraction.start])

    total = n_starts * max_iterations
    with progress_display(title, total, "iterations", enabled=progress) as display:
        session = Session(
            objective=objective,
            validation=checker,
            initial=initial_parameters,
            optimizer_name=optimizer,
            optimizer_options=optimizer_options and {**optimizer_options, "seed": seed},
            limits=limits,
            settings=settings,
            output=folder,
            display=display,
            started=started,
            callback=callback,
        )
        if resume and folder is not None and (folder / CHECKPOINT_NAME).exists():
            session.resume()
        session.run()
    record = {
        **settings,
        "n_starts": n_starts,
        "max_iterations": max_iterations,
        "split": split_record,
    }
    del record["descriptor"]

    def with_training_range(core: _core.NeuralPotential) -> _core.NeuralPotential:
        if not training_range:
            return core
        found = fit_training_range(
            Potential(core).descriptor,
            sets["train"],
            min_feature_range=min_feature_range,
            progress=progress,
        )
        return core.with_training_range(found)

    if contraction is None:
        template = with_training_range(template)

    def potential_at(parameters: Vector) -> Potential:
        if contraction is None:
            return Potential(template.with_parameters(parameters.tolist()))
        core = contraction.potential(template, parameters, sets["train"], min_feature_range)
        return Potential(with_training_range(core))

    result = _result(session, potential_at, sets, record, memory, level_of_theory)
    if folder is not None:
        result.best.save(folder / "best.json", force=True)
        result.last.save(folder / "last.json", force=True)
        write_log(folder, str(result))
    if session.interrupted:
        raise TrainingInterrupted(result)
    return result


def _check(
    limits: Limits,
    l2: float,
    resume: bool,
    output: str | Path | None,
    initial: Potential | None,
    descriptor: Descriptor,
) -> None:
    for name in ("n_starts", "validation_interval", "max_iterations"):
        value = getattr(limits, name)
        if value < 1:
            raise ConfigError(f"{name} must be at least 1, got {value}")
    if limits.patience is not None and limits.patience < 1:
        raise ConfigError(f"patience must be at least 1, got {limits.patience}")
    if not (np.isfinite(l2) and l2 >= 0.0):
        raise ConfigError(f"l2 must be zero or positive, got {l2}")
    if resume and output is None:
        raise ConfigError("resume=True needs the output folder of the run")
    if initial is not None and initial.descriptor != descriptor:
        raise ConfigError(
            "the initial potential has another descriptor; pass descriptor=initial.descriptor"
        )
    if initial is not None and limits.n_starts > 1:
        raise ConfigError(
            "n_starts must be 1 with an initial potential: all starts would be the same"
        )


def _adam_options(
    optimizer: str, batch_size: int | None, learning_rate: float | None
) -> dict[str, Any]:
    if optimizer != Adam.name:
        for name, value in (("batch_size", batch_size), ("learning_rate", learning_rate)):
            if value is not None:
                raise ConfigError(
                    f"{name} belongs to optimizer 'adam'; optimizer '{optimizer}' has none"
                )
        return {}
    if batch_size is not None and batch_size < 1:
        raise ConfigError(f"batch_size must be at least 1, got {batch_size}")
    if learning_rate is not None and not (np.isfinite(learning_rate) and learning_rate > 0.0):
        raise ConfigError(f"learning_rate must be positive, got {learning_rate}")
    return {
        "batch_size": BATCH_SIZE if batch_size is None else batch_size,
        "learning_rate": LEARNING_RATE if learning_rate is None else learning_rate,
    }


def _template(
    descriptor: Descriptor,
    hidden_layers: Sequence[int],
    activation: str,
    output_activation: str,
    initial: Potential | None,
    repulsion: bool,
    min_feature_range: float,
    prepared: Prepared,
) -> _core.NeuralPotential:
    """Potential with scalings from the training images and parameters that are all zero."""
    images = prepared["train"][0]
    pairs = images.repulsion() if repulsion else []
    if initial is not None:
        return initial.core.with_repulsion(pairs)
    minima, maxima = images.ranges()
    if all(low == high for low, high in zip(minima, maxima, strict=True)):
        raise ConfigError(
            "no fingerprint differs between the atoms of the training images: there is nothing "
            f"to learn with a cutoff of {descriptor.core.cutoff:g} Å"
        )
    minima, maxima = widen(minima, maxima, min_feature_range)
    features = [len(values) for values in minima]
    n_parameters = random_parameters(features, hidden_layers, seed=0).size
    activations = [activation] * len(hidden_layers) + [output_activation]
    core = _core.NeuralPotential.assemble(
        descriptor.core, minima, maxima, list(hidden_layers), activations, [0.0] * n_parameters
    )
    return core.with_repulsion(pairs)


def _result(
    session: Session,
    potential_at: Callable[[Vector], Potential],
    sets: dict[str, list[LabeledImage]],
    record: dict[str, Any],
    memory: MemoryEstimate,
    level_of_theory: str,
) -> TrainingResult:
    from lionn_rs.training.provenance import provenance

    best = potential_at(session.best.parameters)
    same = np.array_equal(session.best.parameters, session.last.parameters)
    last = Potential(best.core) if same else potential_at(session.last.parameters)
    metrics = {name: evaluate(best, part) for name, part in sets.items() if part}
    outcome = {
        "best_iteration": session.best.iteration,
        "best_start": session.best.start,
        "last_iteration": session.last.iteration,
        "stop_reason": session.stop_reasons[-1],
        "seconds": round(session.seconds, 1),
    }
    data = summary(sets["train"])
    best.metadata = provenance(sets, record | outcome, metrics, data, level_of_theory)
    last_metrics = metrics
    if not same:
        last_metrics = {name: evaluate(last, part) for name, part in sets.items() if part}
    last.metadata = provenance(sets, record | outcome, last_metrics, data, level_of_theory)
    return TrainingResult(
        best=best,
        last=last,
        best_iteration=session.best.iteration,
        best_start=session.best.start,
        history=session.history,
        metrics=metrics,
        stop_reason=session.stop_reasons[-1],
        seconds=session.seconds,
        memory=memory,
    )
