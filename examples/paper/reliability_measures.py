"""Which measure finds the atoms whose forces are wrong? The table of docs/explanations/trust.md.

A committee of four is trained on cold images; for every atom of the others the error of the force
is compared with: the excess beyond the ranges of the features, the MaxVol extrapolation grade (in
the principal directions of the training environments, with a constant function), the extrapolation
grade of lionn_rs, and the spread of the committee.

    python reliability_measures.py                       bundled set, trained below 650 K
    python reliability_measures.py lgps50_train.npz      public set, trained below 22 Å³ per atom

MaxVol: Podryabinkin and Shapeev, Comput. Mater. Sci. 140, 171 (2017), doi
10.1016/j.commatsci.2017.08.031. The public set: see lgps_pbe.py.
"""

from __future__ import annotations

import sys

import numpy as np
from ase import Atoms
from lgps_pbe import load
from numpy.typing import NDArray
from scipy.linalg import qr, solve
from scipy.stats import rankdata, spearmanr

import lionn_rs as lionn
from lionn_rs.committee import atom_force_std
from lionn_rs.training.training_range import NOISE_SHARE

Array = NDArray[np.float64]

ELEMENTS = ["Ge", "Li", "P", "S"]
SWAP_GAIN = 1.01
"""MaxVol ends when no swap makes the volume larger by more than this factor."""
WORST = 0.05
"""Part of the atoms, those of the largest errors, that are to be found."""


def bundled() -> tuple[list[Atoms], list[Atoms]]:
    """Images of the ramp below 650 K; all others."""
    images = lionn.datasets.load("lgps_gpaw_pbe")
    cold = [a.info["group"] == "ramp_300_1000K" and a.info["T_set"] < 650 for a in images]
    train = [atoms for atoms, is_cold in zip(images, cold, strict=True) if is_cold]
    return train, [atoms for atoms, is_cold in zip(images, cold, strict=True) if not is_cold]


def public(path: str) -> tuple[list[Atoms], list[Atoms]]:
    """180 images of at most 22 Å³ per atom; 80 more of them and 120 larger ones."""
    images = load(path, np.inf)
    order = np.random.default_rng(0).permutation(len(images))
    volume = np.array([atoms.get_volume() / len(atoms) for atoms in images])
    small = [images[k] for k in order if volume[k] < 22.0]
    large = [images[k] for k in order if volume[k] >= 22.0]
    return small[:180], small[180:260] + large[:120]


def by_element(descriptor: lionn.Descriptor, images: list[Atoms]) -> dict[str, Array]:
    """Fingerprints of all atoms of each element."""
    rows: dict[str, list[Array]] = {element: [] for element in ELEMENTS}
    for atoms in images:
        for symbol, values in zip(atoms.symbols, descriptor.fingerprints(atoms), strict=True):
            rows[symbol].append(values)
    return {element: np.array(values) for element, values in rows.items()}


def maxvol_grades(training: Array, others: Array) -> Array:
    """MaxVol grades of ``others``: largest coefficient in terms of the active set."""
    mean, width = training.mean(axis=0), training.std(axis=0)
    width[width == 0.0] = 1.0
    scaled = (training - mean) / width
    variance, directions = np.linalg.eigh(np.cov(scaled.T))
    kept = variance > NOISE_SHARE * variance[-1]
    whiten = directions[:, kept] / np.sqrt(variance[kept])

    def basis(values: Array) -> Array:
        return np.column_stack([np.ones(len(values)), (values - mean) / width @ whiten])

    candidates = basis(training)
    _, _, order = qr(candidates.T, mode="economic", pivoting=True)
    active = order[: candidates.shape[1]].copy()
    coefficients = solve(candidates[active].T, candidates.T).T
    while True:
        row, column = np.unravel_index(np.abs(coefficients).argmax(), coefficients.shape)
        if abs(coefficients[row, column]) <= SWAP_GAIN:
            break
        change = coefficients[row].copy()
        change[column] -= 1.0
        pivot = coefficients[row, column]
        coefficients = coefficients - np.outer(coefficients[:, column] / pivot, change)
        active[column] = row
    grades: Array = np.abs(solve(candidates[active].T, basis(others).T)).max(axis=0)
    return grades


def report(name: str, score: Array, error: Array, symbols: NDArray[np.str_]) -> None:
    """One row: rank correlations, and the chance to rank a bad atom above another."""
    bad = error > np.quantile(error, 1.0 - WORST)
    ranks = rankdata(score)
    n_pairs = bad.sum() * (~bad).sum()
    area = (ranks[bad].sum() - bad.sum() * (bad.sum() + 1) / 2) / n_pairs
    within = [spearmanr(score[symbols == e], error[symbols == e]).statistic for e in ELEMENTS]
    rank = spearmanr(score, error).statistic
    print(f"{name:<28}{rank:>10.2f}{np.mean(within):>14.2f}{area:>8.2f}")


def main() -> None:
    """Train, score, print the table."""
    train, test = public(sys.argv[1]) if len(sys.argv) > 1 else bundled()
    descriptor = lionn.Gaussian.amp_default(ELEMENTS, cutoff=lionn.Cosine(6.5))
    result = lionn.train_committee(
        [atoms for k, atoms in enumerate(train) if k % 6],
        validation=train[::6],
        descriptor=descriptor,
        n_members=4,
        seed=1,
        optimizer="lm",
        max_iterations=40,
        validation_interval=2,
    )
    committee = result.committee
    found = [committee.evaluate(atoms) for atoms in test]
    symbols = np.concatenate([np.array(atoms.get_chemical_symbols()) for atoms in test])
    error = np.concatenate(
        [
            np.linalg.norm(e.forces - a.get_forces(), axis=1)
            for e, a in zip(found, test, strict=True)
        ]
    )
    training = by_element(descriptor, [atoms for k, atoms in enumerate(train) if k % 6])
    others = by_element(descriptor, test)
    maxvol = np.zeros(len(error))
    for element in ELEMENTS:
        maxvol[symbols == element] = maxvol_grades(training[element], others[element])
    print(f"{len(train)} images to train on, {len(error)} environments of {len(test)} others")
    print(f"{'':<28}{'Spearman':>10}{'in elements':>14}{'AUC':>8}")
    report("excess", np.concatenate([e.extrapolation.excess for e in found]), error, symbols)
    report("MaxVol grade", maxvol, error, symbols)
    grades = np.concatenate([e.extrapolation.grade for e in found])
    report("grade of lionn_rs", grades, error, symbols)
    spread = np.concatenate([atom_force_std(e.forces_std) for e in found])
    report("force spread", spread, error, symbols)
    for name, part in (("at most 1", grades <= 1.0), ("above 1", grades > 1.0)):
        rmse = np.sqrt(np.mean(error[part] ** 2) / 3.0)
        print(f"grade {name}: {100 * part.mean():.1f} % of them, force RMSE {rmse:.2f} eV/Å")


if __name__ == "__main__":
    main()
