"""Pruning keeps the right functions, exactly, and chooses them better than chance."""

from __future__ import annotations

import numpy as np
import pytest

import lionn_rs as lionn
from lionn_rs.analysis.diagnosis.fingerprint_statistics import collect_fingerprints, feature_labels
from lionn_rs.descriptor_selection import select_features

ELEMENTS = ["Ge", "Li", "P", "S"]


@pytest.fixture(scope="module")
def images():
    return lionn.datasets.load("lgps_gpaw_pbe")[::6]


@pytest.fixture(scope="module")
def pool():
    return lionn.Gaussian.pool(ELEMENTS, cutoff=lionn.Cosine(6.5), n_radial=4, wide=False)


def test_pool_follows_the_recipe():
    radius = 6.0
    pool = lionn.Gaussian.pool(["Li"], cutoff=lionn.Cosine(radius), n_radial=2, zetas=[1])
    functions = pool.spec["functions"]["Li"]
    radial = [(f["eta"] / radius**2, f.get("rs", 0.0)) for f in functions if f["type"] == "G2"]
    root = np.sqrt(2)
    # n = 2: centered etas (n^(m/n)/Rc)², m = 0, 1, 2; centers Rc/n^(m/n), widths to the next one.
    expected = [(1 / 36, 0.0), (2 / 36, 0.0), (4 / 36, 0.0)]
    expected += [(1 / (6 / root - 3) ** 2, 3.0), (1 / (6 - 6 / root) ** 2, 6 / root)]
    np.testing.assert_allclose(radial, expected)
    angular = [(f["type"], f["eta"], f["gamma"]) for f in functions if f["type"] != "G2"]
    assert len(angular) == 2 * 3 * 2
    assert {kind for kind, *_ in angular} == {"G4", "G5"}
    full = lionn.Gaussian.pool(ELEMENTS, cutoff=lionn.Polynomial(6.5))
    assert full.n_features == dict.fromkeys(ELEMENTS, 404)
    assert full.spec["cutoff"]["type"] == "polynomial"


@pytest.mark.parametrize("method", ["cur", "fps"])
def test_pruned_features_are_columns_of_the_pool(method, pool, images):
    wanted = {"Ge": 5, "Li": 30, "P": 8, "S": 21}
    pruned = lionn.prune(pool, images, n_features=wanted, method=method, seed=3)
    assert isinstance(pruned, lionn.Gaussian)
    assert pruned.n_features == wanted
    for element in ELEMENTS:
        kept = pruned.spec["functions"][element]
        columns = [pool.spec["functions"][element].index(function) for function in kept]
        assert columns == sorted(columns)
        few, all_columns = (collect_fingerprints(d, images[:2])[element] for d in (pruned, pool))
        # The same functions in other groups: summed in another order.
        np.testing.assert_allclose(few, all_columns[:, columns], rtol=1e-10, atol=1e-13)
    again = lionn.prune(pool, images, n_features=wanted, method=method, seed=3)
    assert again == pruned


@pytest.mark.parametrize("method", ["cur", "fps"])
def test_copies_and_combinations_are_not_chosen(method):
    rng = np.random.default_rng(0)
    basis = rng.normal(size=(200, 4)) * [3.0, 2.0, 1.5, 1.0]
    values = np.column_stack([
        basis,
        -basis + 1e-3 * rng.normal(size=(200, 4)),
        2 * basis + 1e-3 * rng.normal(size=(200, 4)),
    ])  # fmt: skip
    for seed in range(5):
        chosen = select_features(values, 4, method=method, seed=seed)
        assert sorted(k % 4 for k in chosen) == [0, 1, 2, 3]


def test_cur_takes_the_largest_leverage_first():
    rng = np.random.default_rng(1)
    x, y, z = rng.normal(size=(3, 500))
    values = np.column_stack([0.1 * z, y, 4 * x, 3.9 * x + 0.1 * z])
    assert select_features(values, 2) == [2, 1]
    assert select_features(values, 3)[2] in (0, 3)  # without x, column 3 holds z as well


def reconstruction_error(values: np.ndarray, columns: list[int], widths: np.ndarray) -> float:
    """Part of the scaled pool, on half of the atoms, that a linear fit to the others leaves."""
    scaled = (values - values.mean(axis=0)) / np.maximum(widths, 0.1)
    fit, rest = scaled[::2], scaled[1::2]
    weights = np.linalg.lstsq(fit[:, columns], fit, rcond=None)[0]
    return float(np.sum((rest - rest[:, columns] @ weights) ** 2) / np.sum(rest**2))


def test_pruning_keeps_more_of_the_pool_than_chance(pool, images):
    """Linear fits of all functions of the pool to 40 of them, against ten random choices of 40."""
    fingerprints = collect_fingerprints(pool, images)
    wanted = {"Ge": 20, "Li": 40, "P": 20, "S": 40}
    chosen = {m: lionn.prune(pool, images, n_features=wanted, method=m) for m in ("cur", "fps")}
    labels = feature_labels(pool)
    for element in ("Li", "S"):
        values = fingerprints[element]
        widths = np.ptp(values, axis=0)
        eligible = np.flatnonzero(widths >= 0.1)
        errors = {
            method: reconstruction_error(
                values,
                [labels[element].index(name) for name in feature_labels(descriptor)[element]],
                widths,
            )
            for method, descriptor in chosen.items()
        }
        random = [
            reconstruction_error(
                values, np.random.default_rng(s).choice(eligible, 40, replace=False), widths
            )
            for s in range(10)
        ]
        assert errors["cur"] < min(random)
        assert errors["fps"] < np.median(random)


def test_energies_are_fitted_no_worse_than_with_random_functions(pool):
    """Ridge regression of energies on sums of 40 features per element, left-one-out errors."""
    images = lionn.datasets.load("lgps_gpaw_pbe")[::2]
    energies = np.array([a.get_potential_energy(force_consistent=True) / len(a) for a in images])
    sums = {}
    for element in ELEMENTS:
        per_image = [collect_fingerprints(pool, [atoms])[element].sum(axis=0) for atoms in images]
        sums[element] = np.array(per_image)
    widths = {e: np.ptp(v, axis=0) for e, v in collect_fingerprints(pool, images).items()}
    labels = feature_labels(pool)

    def error(columns: dict[str, list[int]]) -> float:
        x = np.hstack([sums[e][:, columns[e]] for e in ELEMENTS])
        x = (x - x.mean(axis=0)) / x.std(axis=0)
        kernel = x @ x.T / x.shape[1]
        n = len(energies)
        found = []
        for strength in (1e-3, 1e-2, 1e-1):
            hat = kernel @ np.linalg.inv(kernel + strength * np.eye(n)) + 1 / n
            residual = (energies - energies.mean()) - hat @ (energies - energies.mean())
            found.append(np.sqrt(np.mean((residual / (1 - np.diag(hat))) ** 2)))
        return min(found)

    pruned = lionn.prune(pool, images, n_features=40)
    names = feature_labels(pruned)
    best = error({e: [labels[e].index(name) for name in names[e]] for e in ELEMENTS})
    random = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        random.append(
            error(
                {
                    e: rng.choice(np.flatnonzero(widths[e] >= 0.1), 40, replace=False)
                    for e in ELEMENTS
                }
            )
        )
    assert best < np.mean(random) + np.std(random)


def test_narrow_functions_are_taken_last(images):
    descriptor = lionn.Gaussian.amp_default(ELEMENTS, cutoff=lionn.Cosine(6.5))
    widths = {e: np.ptp(v, axis=0) for e, v in collect_fingerprints(descriptor, images).items()}
    wide = lionn.prune(descriptor, images, n_features=20)
    labels, kept = feature_labels(descriptor), feature_labels(wide)
    for element in ELEMENTS:
        chosen = [labels[element].index(name) for name in kept[element]]
        assert np.all(widths[element][chosen] >= 0.1)
    n_wide = int(np.sum(widths["Ge"] >= 0.1))
    numbers = dict.fromkeys(ELEMENTS, 4) | {"Ge": n_wide + 2}
    assert lionn.prune(descriptor, images, n_features=numbers).n_features == numbers


class Other:
    """A descriptor without functions."""

    spec = {"type": "other"}  # noqa: RUF012
    elements = ["Li"]  # noqa: RUF012
    n_features = {"Li": 3}  # noqa: RUF012


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_features": 1000}, "Ge: 1000 functions are wanted, there are"),
        ({"n_features": 0}, "Ge: 0 functions are wanted"),
        ({"n_features": {"Li": 3}}, "n_features must name the elements Ge, Li, P, S, got Li"),
        ({"n_features": 3, "method": "pca"}, "unknown method 'pca', expected cur or fps"),
        ({"n_features": 210}, "Ge: 210 functions are wanted, but only"),
    ],
)
def test_bad_choices_are_refused(options, message, pool, images):
    with pytest.raises(lionn.ConfigError, match=message):
        lionn.prune(pool, images[:2], **options)


def test_only_descriptors_with_functions_can_be_pruned(pool, images):
    with pytest.raises(lionn.ConfigError, match="a descriptor of type 'other' has none"):
        lionn.prune(Other(), images, n_features=2)
    from ase import Atoms

    with pytest.raises(lionn.DataError, match="Ge, P, S does not occur in the images"):
        lionn.prune(pool, [Atoms("Li2", positions=[[0, 0, 0], [0, 0, 3]])], n_features=2)


def test_bad_columns_and_pools_are_refused():
    values = np.random.default_rng(0).normal(size=(20, 3))
    with pytest.raises(lionn.ConfigError, match="column 1 is constant"):
        select_features(values * [1, 0, 1], 1)
    with pytest.raises(lionn.ConfigError, match="only 1 of 2 are linearly independent"):
        select_features(values[:, [0, 0]], 2)
    with pytest.raises(lionn.ConfigError, match="only 1 of 2 are linearly independent"):
        select_features(values[:, [0, 0]], 2, method="fps")
    for options, message in (
        ({"n_radial": 1}, "n_radial must be at least 2, got 1"),
        ({"n_angular": 0}, "n_angular must be at least 2, got 0"),
        ({"zetas": []}, "zetas must not be empty"),
        ({"zetas": [0.5]}, "zeta must be at least 1"),
    ):
        with pytest.raises(lionn.ConfigError, match=message):
            lionn.Gaussian.pool(["Li"], cutoff=lionn.Cosine(6.0), **options)
