"""The diffusion tensor: known tensors, its errors over many runs, axes, crystal directions."""

from __future__ import annotations

import numpy as np
import pytest

from lionn_rs.analysis import diffusivity, msd, msd_tensor, synthetic
from lionn_rs.analysis.transport.gls import choose_lags, fit_line
from lionn_rs.analysis.transport.tensor import (
    DiffusionTensor,
    crystal_direction,
    diffusion_tensor,
    slope_tensor,
)
from lionn_rs.errors import ConfigError
from lionn_rs.units import A2_FS_TO_CM2_S

TRUTH = np.array([[0.9, 0.3, -0.1], [0.3, 0.5, 0.2], [-0.1, 0.2, 2.0]])
"""Covariance of the steps of a frame, Å²."""


def gaussian_steps(seed: int, n_frames: int = 3000, n_ions: int = 10) -> np.ndarray:
    rng = np.random.default_rng(seed)
    steps = rng.multivariate_normal(np.zeros(3), TRUTH, size=(n_frames, n_ions))
    return np.cumsum(steps, axis=0)


def analyze(path: np.ndarray, **options: object) -> DiffusionTensor:
    curves = msd_tensor(path)[0]
    line = fit_line(curves[:3], choose_lags(10, 300), n_particles=path.shape[1], hop_length_A=0.0)
    settings: dict[str, object] = {
        "n_particles": path.shape[1], "hop_length_A": 0.0, "inflation": 1.0, "to_cm2_s": 1 / 6,
        "factor": 5.0, "cell": np.diag([8.0, 9.0, 10.0]),
    }  # fmt: skip
    return diffusion_tensor(curves, line, **{**settings, **options})  # type: ignore[arg-type]


def test_fft_equals_the_double_loop() -> None:
    path = 500.0 + gaussian_steps(1, 60, 4)
    found = msd_tensor(path, [0, 1, 0, -1])
    for group, atoms in enumerate([[0, 2], [1]]):
        for lag in (1, 7, 59):
            steps = path[lag:, atoms] - path[:-lag, atoms]
            mean = np.einsum("fai,faj->ij", steps, steps) / (steps.shape[0] * steps.shape[1])
            six = [mean[i, j] for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))]
            np.testing.assert_allclose(found[group, :, lag], six, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(found[:, :3], msd(path, [0, 1, 0, -1]))


def test_tensor_of_anisotropic_gaussian_steps_and_its_errors() -> None:
    """Mean over runs is the truth; scatter over runs is the stated error, for every component."""
    found = [analyze(gaussian_steps(seed, 1500)) for seed in range(120)]
    values = np.array([tensor.diffusivity_cm2_s for tensor in found])
    stated = np.mean([tensor.sd_cm2_s for tensor in found], axis=0)
    scatter = values.std(axis=0, ddof=1)
    # Half the covariance of a step, in Å²/frame; 4.5 standard errors of the mean of 120 runs.
    assert np.all(np.abs(values.mean(axis=0) - TRUTH / 2) < 4.5 * scatter / np.sqrt(120))
    # A scatter from 120 runs is known to 7 %.
    np.testing.assert_allclose(stated, scatter, rtol=0.3)
    exact = np.linalg.eigvalsh(TRUTH / 2)[::-1]
    inside = [
        abs(axis.diffusivity_cm2_s - exact[k]) < 2 * axis.sd_cm2_s
        for tensor in found
        for k, axis in enumerate(tensor.principal_axes)
    ]
    assert 0.9 < np.mean(inside) <= 1.0


def test_principal_axes_are_found_within_their_errors() -> None:
    tensor = analyze(gaussian_steps(3, 20_000))
    fastest = tensor.principal_axes[0]
    exact = np.linalg.eigh(TRUTH)[1][:, 2]
    angle = np.degrees(np.arccos(min(abs(float(exact @ fastest.vector)), 1.0)))
    assert fastest.distinct
    assert fastest.angle_sd_degrees is not None
    assert angle < 3 * fastest.angle_sd_degrees < 15


def test_axes_of_isotropic_motion_are_not_determined() -> None:
    rng = np.random.default_rng(4)
    tensor = analyze(np.cumsum(rng.standard_normal((3000, 10, 3)), axis=0))
    assert not any(axis.distinct for axis in tensor.principal_axes)
    assert all(axis.angle_sd_degrees is None for axis in tensor.principal_axes)


def test_tensor_turns_with_the_axes() -> None:
    path = gaussian_steps(5)
    turn = np.linalg.qr(np.random.default_rng(6).standard_normal((3, 3)))[0]
    curves, turned = msd_tensor(path)[0], msd_tensor(path @ turn.T)[0]
    line = fit_line(curves[:3], choose_lags(10, 300), n_particles=10, hop_length_A=0.0)
    np.testing.assert_allclose(
        slope_tensor(turned, line), turn @ slope_tensor(curves, line) @ turn.T, atol=1e-9
    )


def test_crystal_directions_of_a_skewed_cell() -> None:
    cell = np.array([[8.0, 0.0, 0.0], [3.0, 9.0, 0.0], [-2.0, 1.0, 12.0]])
    tensor = analyze(gaussian_steps(7), cell=cell, directions=("a", "c", "ab", "[1-10]", "[0 0 2]"))
    d = np.asarray(tensor.diffusivity_cm2_s)
    c = cell[2] / np.linalg.norm(cell[2])
    assert tensor.along("c").diffusivity_cm2_s == pytest.approx(c @ d @ c)
    assert tensor.along("[0 0 2]").diffusivity_cm2_s == pytest.approx(c @ d @ c)
    assert tensor.along("a").diffusivity_cm2_s == pytest.approx(d[0, 0])
    # The plane of a and b is that of x and y here, though b is not along y.
    assert tensor.along("ab").diffusivity_cm2_s == pytest.approx((d[0, 0] + d[1, 1]) / 2)
    assert tensor.along("ab").kind == "plane"
    assert tensor.along("ab").sd_cm2_s < tensor.along("a").sd_cm2_s
    assert tensor.along("c").conductivity_mS_cm == pytest.approx(5.0 * c @ d @ c)
    with pytest.raises(ConfigError, match="holds no direction 'b'"):
        tensor.along("b")


@pytest.mark.parametrize("name", ["d", "[11]", "[1.5 0 0]", "[000]", "[1-1x0]", "110"])
def test_directions_that_mean_nothing_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="direction must be a, b, c"):
        crystal_direction(name, np.eye(3))


def test_cubic_hopping_has_the_diffusivity_of_its_rate() -> None:
    """``D = G a²/6`` along every axis, without off-diagonals."""
    d = 8e-5
    ions = synthetic.lattice_hops(
        np.random.default_rng(8), n_ions=64, n_frames=4000, frame_interval_fs=20.0,
        diffusivity_cm2_s=d,
    )  # fmt: skip
    positions, symbols = synthetic.with_framework(np.random.default_rng(9), ions)
    found = diffusivity(
        positions, cell=60.0 * np.eye(3), frame_interval_fs=20.0, temperature_K=800.0,
        symbols=symbols,
    )  # fmt: skip
    rate = 6 * d / A2_FS_TO_CM2_S / 3.25**2
    assert found.tensor is not None
    tensor, sd = np.asarray(found.tensor.diffusivity_cm2_s), np.asarray(found.tensor.sd_cm2_s)
    expected = rate * 3.25**2 / 6 * A2_FS_TO_CM2_S * np.eye(3)
    assert np.all(np.abs(tensor - expected) < 4 * sd)
    assert np.trace(tensor) / 3 == pytest.approx(found.diffusivity_cm2_s, rel=1e-9)
    for k, axis in enumerate(found.axes):
        assert sd[k, k] == pytest.approx(axis.sd_cm2_s, rel=0.25)
