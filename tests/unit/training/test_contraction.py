"""A contraction learned with the networks."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

import lionn_rs as lionn
from lionn_rs.data.images import label_images
from lionn_rs.errors import ConfigError
from lionn_rs.training import TrainingInterrupted, train_committee
from lionn_rs.training.contraction import ContractionParameters
from lionn_rs.training.objective import LossWeights, Objective, prepare_images

from .conftest import small_descriptor

SETTINGS = {
    "hidden_layers": (4,),
    "optimizer": "adam",
    "batch_size": 4,
    "validation_interval": 2,
    "progress": False,
    "repulsion": False,
}


def spectrum(images) -> lionn.PowerSpectrum:
    return lionn.PowerSpectrum.fit(
        images, cutoff=lionn.Cosine(4.0), n_radial=4, l_max=2, n_channels=[2, 3, 2]
    )


def objective(images) -> tuple[Objective, np.ndarray]:
    descriptor = spectrum(images)
    labeled = label_images(images)
    prepared, _ = prepare_images(labeled, descriptor, loss=LossWeights())
    contraction = ContractionParameters(descriptor, labeled)
    minima, maxima = prepared.ranges()
    n_features = len(minima[0])
    n_networks = 2 * ((n_features + 1) * 4 + 5 + 2)
    template = lionn._core.NeuralPotential.assemble(
        descriptor.core, minima, maxima, [4], ["tanh", "linear"], [0.0] * n_networks
    )
    networks = 0.3 * np.random.default_rng(1).normal(size=n_networks)
    start = np.concatenate([networks, contraction.start])
    return Objective(prepared, template, LossWeights(), contraction=contraction), start


def test_start_is_the_contraction_of_the_descriptor(images):
    fun, start = objective(images)
    fixed = spectrum(images).fingerprints(images[0])
    moved = lionn.PowerSpectrum._wrap(fun.contraction.descriptor(start)).fingerprints(images[0])
    assert np.allclose(fixed, moved, rtol=1e-9)


def test_gradient_agrees_with_central_differences(images):
    fun, start = objective(images)
    _, gradient = fun(start)
    largest = np.abs(gradient).max()
    rng = np.random.default_rng(2)
    last = start.size - fun.contraction.start.size
    h = 1e-5
    for k in [*rng.choice(last, 4, replace=False), *rng.choice(np.arange(last, start.size), 12)]:
        step = np.zeros(start.size)
        step[k] = h
        numeric = (fun(start + step)[0] - fun(start - step)[0]) / (2.0 * h)
        # Rounding eps L/h and truncation h² of the scale of the gradient.
        assert numeric == pytest.approx(gradient[k], abs=1e-7 * largest), k


def test_layers_cover_networks_and_contraction(images):
    fun, start = objective(images)
    covered = sum(rows * columns for _, rows, columns in fun.layers)
    # Slopes and intercepts of two elements belong to no layer.
    assert covered == start.size - 4
    assert fun.layers[-1][1:] == (8, 2)


def test_learning_fits_better_and_is_kept_in_the_potential(images, tmp_path):
    runs = {
        learn: lionn.train(
            images[:10],
            validation=images[10:],
            descriptor=spectrum(images[:10]),
            max_iterations=100,
            learning_rate=0.003,
            learn_contraction=learn,
            **SETTINGS,
        )
        for learn in (False, True)
    }
    losses = {learn: run.history.rows[-1]["loss"] for learn, run in runs.items()}
    assert losses[True] < losses[False]
    best = runs[True].best
    assert best.descriptor != spectrum(images[:10])
    best.save(tmp_path / "learned.json")
    again = lionn.Potential.load(tmp_path / "learned.json")
    assert again.evaluate(images[0]).energy == best.evaluate(images[0]).energy
    # The ranges are those of the learned features: nothing in the training set is outside.
    assert all(best.evaluate(image).n_extrapolating == 0 for image in images[:10])
    # Scaling to new ranges has changed no energy: the error is that of the last validation.
    validation = runs[True].metrics["validation"].force_rmse
    rows = runs[True].history.rows
    row = next(r for r in rows if r["iteration"] == runs[True].best_iteration)
    assert validation == pytest.approx(row["validation_force_rmse"], rel=1e-6)


def test_resumed_learning_gives_the_same_bits(images, tmp_path):
    def run(folder, **options):
        return lionn.train(
            images[:8],
            descriptor=spectrum(images[:8]),
            max_iterations=6,
            learn_contraction=True,
            output=tmp_path / folder,
            **options,
            **SETTINGS,
        )

    def interrupt(row, _):
        if row["iteration"] == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return False

    whole = run("whole")
    with pytest.raises(TrainingInterrupted):
        run("parts", callback=interrupt)
    parts = run("parts", resume=True)
    assert parts.last.hash == whole.last.hash


def test_bad_input(images):
    with pytest.raises(ConfigError, match="needs a power spectrum with a contraction"):
        lionn.train(images, descriptor=small_descriptor(), learn_contraction=True, **SETTINGS)
    with pytest.raises(ConfigError, match="'lm' cannot learn a contraction"):
        lionn.train(
            images,
            descriptor=spectrum(images),
            learn_contraction=True,
            optimizer="lm",
            progress=False,
        )


def test_learning_starts_from_an_initial_potential(images):
    first = lionn.train(
        images[:8], descriptor=spectrum(images[:8]), max_iterations=4, **SETTINGS
    ).best
    seen = []
    lionn.train(
        images[:8],
        descriptor=first.descriptor,
        initial=first,
        learn_contraction=True,
        max_iterations=2,
        callback=lambda _, x: seen.append(x),
        **SETTINGS,
    )
    assert seen[0].size > first.parameters.size
    assert seen[0][: first.parameters.size] == pytest.approx(first.parameters)


def test_members_of_a_committee_share_the_learned_contraction(images, tmp_path):
    def committee(**options):
        return train_committee(
            images[:8],
            n_members=2,
            max_iterations=4,
            **(SETTINGS | options),
        )

    start = spectrum(images[:8])
    found = committee(descriptor=start, learn_contraction=True, output=tmp_path / "all")
    first = lionn.train(
        images[:8], descriptor=start, learn_contraction=True, max_iterations=4, **SETTINGS
    ).best
    assert first.descriptor != start
    assert all(member.descriptor == first.descriptor for member in found.members)
    # In two steps, as before: the same bits.
    by_hand = committee(descriptor=first.descriptor)
    assert [m.hash for m in found.members] == [m.hash for m in by_hand.members]
    # What is finished stays, the contraction too.
    written = (tmp_path / "all/contraction/best.json").stat().st_mtime_ns
    again = committee(
        descriptor=start, learn_contraction=True, output=tmp_path / "all", resume=True
    )
    assert again.committee.hash == found.committee.hash
    assert (tmp_path / "all/contraction/best.json").stat().st_mtime_ns == written
    with pytest.raises(ConfigError, match=r"pass initial\.descriptor"):
        committee(descriptor=first.descriptor, initial=first, learn_contraction=True)
    with pytest.raises(ConfigError, match="holds a committee"):
        committee(descriptor=start, output=tmp_path / "all")
