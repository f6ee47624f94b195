"""Trajectories that are too long for memory: the same numbers from a temporary file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.io import write

import lionn_rs
from lionn_rs import spool
from lionn_rs.analysis import diffusivity, synthetic
from lionn_rs.analysis.transport import sources
from lionn_rs.spool import Column


def test_a_column_is_the_same_in_memory_and_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [np.random.default_rng(k).random((k + 1, 4, 3)) for k in range(5)]
    expected = np.concatenate(parts)
    for limit, on_disk in ((10**6, False), (24 * 4 * 4, True), (0, True)):
        monkeypatch.setattr(spool, "MEMORY_BYTES", limit)
        column = Column()
        for part in parts:
            column.add(part)
        assert len(column) == len(expected)
        found = column.whole()
        assert type(found) is np.ndarray
        assert isinstance(found.base, np.memmap) is on_disk
        del column
        np.testing.assert_array_equal(found, expected)
        found[0] = 0.0  # nobody is refused


def test_a_spooled_file_is_read_as_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    path = np.cumsum(0.1 * rng.standard_normal((60, 5, 3)), axis=0)
    frames = [Atoms("Li2S3", positions=x, cell=4.0 * np.eye(3), pbc=True) for x in path]
    for atoms in frames:
        atoms.wrap()
    write(tmp_path / "run.extxyz", frames)
    short = lionn_rs.read_trajectory(tmp_path / "run.extxyz", frame_interval_fs=10)
    monkeypatch.setattr(spool, "MEMORY_BYTES", 1000)
    long = lionn_rs.read_trajectory(tmp_path / "run.extxyz", frame_interval_fs=10)
    assert isinstance(long.memory["position"].base, np.memmap)
    np.testing.assert_array_equal(long.positions(), short.positions())
    np.testing.assert_array_equal(long.source().read(7, 19), short.positions()[7:19])
    assert long.metadata == short.metadata


def test_a_diffusivity_from_disk_is_that_from_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    ions = synthetic.lattice_hops(
        np.random.default_rng(1), n_ions=8, n_frames=801, frame_interval_fs=20.0,
        diffusivity_cm2_s=6e-5,
    )  # fmt: skip
    positions, symbols = synthetic.with_framework(np.random.default_rng(2), ions, n_framework=4)

    def result() -> dict[str, Any]:
        return diffusivity(
            positions, cell=30.0 * np.eye(3), symbols=symbols, frame_interval_fs=20.0,
            temperature_K=800.0,
        ).to_dict()  # fmt: skip

    whole = result()
    monkeypatch.setattr(spool, "MEMORY_BYTES", 1000)
    monkeypatch.setattr(sources, "BLOCK_BYTES", 24 * 12 * 100)
    assert result() == whole
