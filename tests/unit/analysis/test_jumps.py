"""Jump statistics of hoppers whose jumps are known one by one."""

from __future__ import annotations

import numpy as np
import pytest

from lionn_rs import _core
from lionn_rs.analysis import diffusivity, jumps, sites_from_coordinates, synthetic
from lionn_rs.analysis.mechanism.residence import kaplan_meier, rate_interval
from lionn_rs.analysis.mechanism.visits import find_visits
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.units import A2_FS_TO_CM2_S

A = 3.25
N = 4
"""Sites along each axis of the cell."""
DT = 20.0
CELL = N * A * np.eye(3)
LATTICE = np.stack(np.meshgrid(*[np.arange(N) / N] * 3, indexing="ij"), -1).reshape(-1, 3)
SITES = sites_from_coordinates(LATTICE, cell=CELL)


def hoppers(kind: str = "lattice_hops", *, seed: int = 1, n_ions: int = 40, **options):
    """Positions, and the same path without vibration: the truth."""
    start = A * np.random.default_rng(99).integers(0, N, (1, n_ions, 3))
    arguments = {"n_ions": n_ions, "n_frames": 4000, "frame_interval_fs": DT} | options
    generate = getattr(synthetic, kind)
    paths = [
        start + generate(np.random.default_rng(seed), vibration_A=sd, **arguments)
        for sd in (0.25, 0.0)
    ]
    return paths[0], paths[1]


def analyze(path: np.ndarray, **options):
    return jumps(
        path, cell=CELL, frame_interval_fs=DT, symbols=["Li"] * path.shape[1],
        **({"sites": SITES, "min_residence_fs": 0.0} | options),
    )  # fmt: skip


def n_moves(truth: np.ndarray) -> int:
    return int(np.sum(np.any(np.abs(np.diff(truth, axis=0)) > 0.5, axis=2)))


def test_every_jump_is_found_and_none_is_invented() -> None:
    path, truth = hoppers(diffusivity_cm2_s=2e-5)
    result = analyze(path)
    assert n_moves(truth) > 300
    # A hop is missed if the ion goes on before a frame inside the sphere (90 % of the time each).
    assert result.n_jumps == pytest.approx(n_moves(truth), rel=0.02)
    rate = 6 * 2e-5 / A2_FS_TO_CM2_S / A**2 * 1e6
    low, high = result.rate_interval_per_ns
    assert low < rate < high
    assert result.length_mean_A == pytest.approx(A, rel=0.01)
    # D = G a²/6 with the jumps that were found, and all of it by the sum of squares.
    random = result.correlation.random_cm2_s
    assert abs(random - 2e-5) < 3 * result.correlation.random_se_cm2_s
    assert result.site_occupancy.sum() == pytest.approx(40.0, rel=1e-3)


def test_slow_jumps_are_found_exactly() -> None:
    """With stays of hundreds of frames every jump is seen, at its time and with its vector."""
    path, truth = hoppers(diffusivity_cm2_s=3e-6)
    result = analyze(path)
    moved = np.argwhere(np.any(np.abs(np.diff(truth, axis=0)) > 0.5, axis=2))
    assert result.n_jumps == len(moved) > 30
    order = np.lexsort((moved[:, 0], moved[:, 1]))
    np.testing.assert_array_equal(result.jump_ion, moved[order, 1])
    late = result.jump_time_ps * 1000 / DT - 1 - moved[order, 0]
    assert late.min() >= 0
    assert np.median(late) == 0
    vectors = np.diff(truth, axis=0)[moved[order, 0], moved[order, 1]]
    np.testing.assert_allclose(result.jump_vector_A, vectors, atol=1e-9)


def test_crossing_the_edge_of_a_sphere_is_no_jump() -> None:
    """One ion leaves its sphere and returns a hundred times, another goes over for one frame."""
    x = np.zeros((400, 2, 3))
    x[1::4, 0, 0] = 1.55
    x[200, 1, 0] = A
    result = analyze(x, radius_A=1.0)
    assert result.n_jumps == 2  # there and back
    assert set(result.jump_ion.tolist()) == {1}
    assert result.correlation.back_probability == 1.0
    # A single frame is no stay if stays must last 100 fs: no jump at all.
    assert analyze(x, radius_A=1.0, min_residence_fs=100.0).n_jumps == 0


def test_returning_hops_have_their_back_jumps_and_correlation_factor() -> None:
    """Rate of base hops (1 - p): f = (1 - p)/(1 + p) = 1/3 with p = 1/2."""
    path, _ = hoppers(
        "returning_hops", diffusivity_cm2_s=1e-5, return_probability=0.5, return_fs=2000.0,
        n_frames=8000,
    )  # fmt: skip
    names = ["Li"] * path.shape[1]
    tracer = diffusivity(
        path, cell=CELL, frame_interval_fs=DT, temperature_K=600.0, symbols=names,
        compare_pymatgen=False,
    )  # fmt: skip
    assert tracer.diffusive
    result = analyze(path, tracer_cm2_s=tracer.diffusivity_cm2_s, tracer_ln_sd=tracer.ln_sd)
    memory = result.correlation
    assert memory.factor_interval is not None
    # Excursions shorter than a frame or within one another are not resolved: a few per cent.
    low, high = memory.factor_interval
    assert low < 1.1 / 3 < high or low < 1 / 3 < high
    assert memory.factor == pytest.approx(1 / 3, rel=0.25)
    # Of three jumps (out, back, on) one goes back, and by chance 1 in 6 of the others.
    assert memory.back_probability is not None
    assert memory.back_se is not None
    assert 0.3 < memory.back_probability < 0.6
    assert memory.mean_cosine is not None
    assert memory.mean_cosine < -0.2


def test_independent_hops_have_no_memory() -> None:
    path, _ = hoppers(diffusivity_cm2_s=1e-5, n_frames=8000)
    result = analyze(path)
    memory = result.correlation
    assert memory.back_probability is not None
    assert memory.back_se is not None
    assert abs(memory.back_probability - 1 / 6) < 3.5 * memory.back_se
    assert memory.mean_cosine is not None
    assert memory.mean_cosine_se is not None
    assert abs(memory.mean_cosine) < 3.5 * memory.mean_cosine_se
    assert memory.remark.startswith("no self-diffusivity")
    found = result.directions
    # Cubic hops: a third along each axis.
    assert found.share_along is not None
    assert found.share_along_se is not None
    assert abs(found.share_along - 1 / 3) < 3.5 * found.share_along_se
    assert found.random_along_cm2_s == pytest.approx(found.random_across_cm2_s, rel=0.15)
    assert found.angle_counts.sum() == result.n_jumps
    assert found.angle_isotropic.sum() == pytest.approx(result.n_jumps)


def test_residence_time_is_the_mean_of_the_exponential() -> None:
    path, _ = hoppers(diffusivity_cm2_s=5e-6)
    stay = analyze(path).residence[0]
    expected = A**2 / (6 * 5e-6 / A2_FS_TO_CM2_S) / 1000.0
    low, high = stay.mean_interval_ps
    assert high is not None
    assert low < expected < high
    # 80 ps are 2.3 mean stays: stays that are cut off count.
    assert stay.n_cut > 40
    assert stay.exponential_ratio == pytest.approx(1.0, abs=0.2)


def test_vibration_amplitude_is_that_of_the_process() -> None:
    path, _ = hoppers(diffusivity_cm2_s=1e-6)
    vibration = analyze(path).vibration
    assert vibration is not None
    assert vibration.amplitude_se_A is not None
    assert abs(vibration.amplitude_A - 0.25) < 4 * vibration.amplitude_se_A
    assert vibration.amplitude_A == pytest.approx(0.25, rel=0.03)


def test_ions_that_hop_together_are_seen() -> None:
    alone, _ = hoppers(diffusivity_cm2_s=3e-6, seed=3)
    single = analyze(alone, collective_window_fs=200.0, collective_distance_A=3.0).collective
    assert single.ratio_interval is not None
    assert single.ratio_interval[0] < 1.0 < single.ratio_interval[1]
    # Two ions that hop as one, one site apart; vibration delays the arrivals by some 100 fs.
    together, _ = hoppers(diffusivity_cm2_s=3e-6, together=2, seed=3)
    together[:, 1::2] += np.round((together[0, ::2] - together[0, 1::2]) / A) * A + [A, 0.0, 0.0]
    pairs = analyze(together, collective_window_fs=600.0, collective_distance_A=3.5).collective
    assert pairs.ratio is not None
    assert pairs.ratio > 3.0
    assert pairs.share is not None
    assert pairs.share > 0.8


def test_expected_pairs_are_those_of_shuffled_times() -> None:
    """Against a simulation: the same jumps at random frames."""
    path, _ = hoppers(diffusivity_cm2_s=3e-6, n_ions=12)
    result = analyze(path, collective_window_fs=1000.0, collective_distance_A=4.0)
    places = LATTICE[result.jump_from] @ CELL + 0.5 * result.jump_vector_A
    steps = (places[:, None] - places) / (N * A)
    near = np.linalg.norm((steps - np.round(steps)) @ CELL, axis=2) <= 4.0
    near &= result.jump_ion[:, None] != result.jump_ion
    rng = np.random.default_rng(5)
    found = []
    for _ in range(2000):
        time = rng.integers(0, 3999, result.n_jumps)
        found.append(0.5 * np.sum(near & (np.abs(time[:, None] - time) <= 50)))
    error = np.std(found) / np.sqrt(len(found))
    assert abs(result.collective.expected_pairs - np.mean(found)) < 4 * error


def test_sites_from_the_density_give_the_same_jumps() -> None:
    # Many ions: every site is visited often.
    path, truth = hoppers(diffusivity_cm2_s=2e-5, n_ions=60)
    result = analyze(path, sites=None)
    assert result.sites.n_sites == N**3
    steps = result.sites.fractional[:, None] - LATTICE
    off = np.linalg.norm((steps - np.round(steps)) @ CELL, axis=2).min(axis=1)
    assert off.max() < 0.15
    assert result.n_jumps == pytest.approx(n_moves(truth), rel=0.03)


def test_two_kinds_of_sites_have_a_count_matrix() -> None:
    labels = ["even" if round(N * p.sum()) % 2 == 0 else "odd" for p in LATTICE]
    sites = sites_from_coordinates(LATTICE, cell=CELL, labels=labels)
    path, _ = hoppers(diffusivity_cm2_s=1e-5)
    result = analyze(path, sites=sites)
    # Every hop of length a changes the parity; two between two frames may not.
    odd, even = result.counts["even"]["odd"], result.counts["odd"]["even"]
    assert odd + even > 0.97 * result.n_jumps
    assert abs(odd - even) <= 40
    assert sum(sum(row.values()) for row in result.counts.values()) == result.n_jumps
    rate = next(r for r in result.rates if (r.from_label, r.to_label) == ("even", "odd"))
    expected = 6 * 1e-5 / A2_FS_TO_CM2_S / A**2 * 1e6
    assert rate.interval_per_ns[0] < expected < rate.interval_per_ns[1]
    assert [r.label for r in result.residence] == ["all", "even", "odd"]


def test_jumps_to_an_image_of_the_same_site_count() -> None:
    one = sites_from_coordinates([[0.0, 0.0, 0.0]], cell=A * np.eye(3))
    path, truth = hoppers(diffusivity_cm2_s=2e-6, n_ions=10)
    visits = find_visits(path, np.arange(10, dtype=np.uint64), one, radius_A=0.9)
    assert int(visits.follows.sum()) == pytest.approx(n_moves(truth), rel=0.02)


def test_kaplan_meier_of_a_textbook_example() -> None:
    """Stays of 1, 2+, 3, 3, 4+ (+: cut off)."""
    time, survival, error = kaplan_meier(
        np.array([1, 2, 3, 3, 4]), np.array([True, False, True, True, False])
    )
    np.testing.assert_array_equal(time, [0, 1, 3])
    np.testing.assert_allclose(survival, [1.0, 0.8, 0.8 / 3])
    np.testing.assert_allclose(error[1], 0.8 * np.sqrt(1 / (5 * 4)))
    np.testing.assert_allclose(error[2], 0.8 / 3 * np.sqrt(1 / 20 + 2 / 3))
    assert rate_interval(0) == (0.0, pytest.approx(3.689, abs=1e-3))


def test_wrong_input_is_named() -> None:
    path, _ = hoppers(diffusivity_cm2_s=1e-6, n_ions=3, n_frames=50)
    with pytest.raises(ConfigError, match=r"closest sites \(3\.25 Å apart\) overlap"):
        analyze(path, radius_A=2.0)
    with pytest.raises(ConfigError, match="axis must be 'a', 'b', 'c'"):
        analyze(path, axis="d")
    with pytest.raises(DataError, match="wrapped or the frames too far apart"):
        analyze(np.mod(hoppers(diffusivity_cm2_s=1e-4)[0], N * A))
    far = sites_from_coordinates([[0.5, 0.5, 0.5]], cell=40.0 * np.eye(3))
    with pytest.raises(DataError, match="setting those of the trajectory"):
        jumps(
            np.random.default_rng(1).normal(size=(50, 2, 3)), cell=40.0 * np.eye(3),
            frame_interval_fs=DT, symbols=["Li"] * 2, sites=far,
        )  # fmt: skip
    few = analyze(path)
    assert few.n_jumps < 20
    assert any("jumps: rates and shares are uncertain" in text for text in few.warnings)


@pytest.mark.parametrize("step", [0.1, 3.0], ids=["slow", "wild"])
def test_assignment_is_that_of_all_sites_and_images(step: float) -> None:
    """In a skewed cell with two close sites; a slow path uses what the ion did before."""
    cell = np.array([[5.0, 0.3, 0.0], [3.0, 6.0, 0.4], [-2.0, 0.0, 6.1]])
    sites = np.array([[0.1, 0.2, 0.9], [0.6, 0.4, 0.45], [0.3, 0.9, 0.2], [0.4, 0.9, 0.2]])
    path = np.cumsum(step * np.random.default_rng(7).standard_normal((300, 2, 3)), axis=0)
    atoms = np.array([1, 0], dtype=np.uint64)
    site, shift = _core.assign_sites(cell.tolist(), path, atoms, sites, 1.9)
    around = np.array(list(np.ndindex(7, 7, 7))) - 3
    for column, atom in enumerate((1, 0)):
        place = path[:, atom] @ np.linalg.inv(cell)
        images = np.round(place[:, None] - sites)[:, :, None] + around
        vectors = (place[:, None, None] - sites[:, None] - images) @ cell
        distance = np.linalg.norm(vectors, axis=3)
        flat = distance.reshape(300, -1)
        best, near = flat.argmin(axis=1), flat.min(axis=1) < 1.9
        np.testing.assert_array_equal(site[:, column], np.where(near, best // 343, -1))
        expected = images.reshape(300, -1, 3)[np.arange(300), best] * near[:, None]
        np.testing.assert_array_equal(shift[:, column], expected)
    assert len(np.unique(site)) >= 4
