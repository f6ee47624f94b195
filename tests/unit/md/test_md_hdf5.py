"""Files laid out in memory and rows written past HDF5, against what HDF5 itself does."""

from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np
import pytest
from ase import Atoms

from lionn_rs.errors import DataError
from lionn_rs.md.hdf5 import PAGE, SparseImage, changed, write_rows
from lionn_rs.md.trajectory import TrajectoryWriter


@pytest.mark.parametrize("seed", range(5))
def test_image_behaves_as_a_file(tmp_path: Path, seed: int) -> None:
    """Random seeks, reads, writes and truncations; ``BytesIO`` is the oracle."""
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 256, 3 * PAGE + 17, dtype=np.uint8).tobytes()
    (tmp_path / "base").write_bytes(base)
    with (tmp_path / "base").open("rb") as stream:
        image, oracle = SparseImage(stream), io.BytesIO(base)
        for _ in range(300):
            offset = int(rng.integers(0, 5 * PAGE))
            assert image.seek(offset) == oracle.seek(offset)
            length = int(rng.choice([1, 100, PAGE, 2 * PAGE]))
            if rng.random() < 0.5:
                assert image.read(length) == oracle.read(length)
            else:
                data = rng.integers(0, 256, length, dtype=np.uint8).tobytes()
                assert image.write(data) == oracle.write(data)
            assert image.tell() == oracle.tell()
            assert image.seek(0, io.SEEK_END) == oracle.seek(0, io.SEEK_END)
        image.truncate(4 * PAGE + 5)
        content = oracle.getvalue()[: 4 * PAGE + 5].ljust(4 * PAGE + 5, b"\0")
        image.save(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == content
    assert (tmp_path / "base").read_bytes() == base


@pytest.mark.parametrize("buffering", [0, 4096, 8192, 1 << 20])
def test_a_file_with_holes_is_copied_whole(tmp_path: Path, buffering: int) -> None:
    """Streams read ahead, up to megabytes on network file systems: not over what a hole hides."""
    with (tmp_path / "base").open("wb") as stream:
        # Multiples of 4096, the blocks of most file systems, so that there are holes.
        for start, content in ((0, b"a" * 12288), (16384, b"b" * 4096), (1 << 20, b"c" * 5000)):
            stream.seek(start)
            stream.write(content)
        stream.truncate(1 << 21)
    with (tmp_path / "base").open("rb", buffering=buffering) as stream:
        image = SparseImage(stream)
        image.read(100)
        stream.seek(0)
        stream.read(100)  # leaves what was read ahead
        image.save(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == (tmp_path / "base").read_bytes()


def new_file(path: Path, argon: Atoms, n_frames: int) -> TrajectoryWriter:
    metadata = {"protocol": {"stride": 1}}
    return TrajectoryWriter.create(path, atoms=argon, n_frames=n_frames, metadata=metadata)


def test_rows_are_those_that_hdf5_would_write(tmp_path: Path, argon: Atoms) -> None:
    """Over the borders of chunks (682 frames of 32 atoms), in unequal parts."""
    rng = np.random.default_rng(1)
    n_frames = 2000
    frames = rng.normal(size=(n_frames, len(argon), 3))
    steps = np.arange(n_frames, dtype=np.uint64)
    writer = new_file(tmp_path / "ours.h5", argon, n_frames)
    new_file(tmp_path / "theirs.h5", argon, n_frames)
    for part in np.array_split(np.arange(n_frames), [1, 3, 500, 1400, 1999]):
        writer.append(steps[part], 2.0 * steps[part], frames[part])
    with h5py.File(tmp_path / "theirs.h5", "r+") as file:
        group = file["particles/all/position"]
        group["value"][:], group["step"][:], group["time"][:] = frames, steps, 2.0 * steps
    with h5py.File(tmp_path / "ours.h5") as a, h5py.File(tmp_path / "theirs.h5") as b:
        for name in ("value", "step", "time"):
            ours, theirs = (file["particles/all/position"][name][:] for file in (a, b))
            assert ours.tobytes() == theirs.tobytes(), name


def test_appending_changes_rows_only(tmp_path: Path, argon: Atoms) -> None:
    """Nothing outside the chunks of the data sets changes: the structure cannot break."""
    path = tmp_path / "run.h5"
    writer = new_file(path, argon, 1500)
    before = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    steps = np.arange(1500, dtype=np.uint64)
    writer.append(steps, 1.0 * steps, np.ones((1500, len(argon), 3)))
    after = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    inside = np.zeros(len(before), dtype=bool)
    with h5py.File(path) as file:
        for name in ("value", "step", "time"):
            data = file["particles/all/position"][name].id
            for k in range(data.get_num_chunks()):
                chunk = data.get_chunk_info(k)
                inside[chunk.byte_offset : chunk.byte_offset + chunk.size] = True
    assert len(after) == len(before)
    assert (before != after)[inside].any()
    assert not (before != after)[~inside].any()


def test_no_room_and_repacked_files_are_refused(tmp_path: Path, argon: Atoms) -> None:
    path = tmp_path / "run.h5"
    writer = new_file(path, argon, 3)
    steps = np.arange(4, dtype=np.uint64)
    with pytest.raises(DataError, match="has no room for row 3"):
        writer.append(steps, 1.0 * steps, np.ones((4, len(argon), 3)))
    with changed(path) as file:
        file.create_dataset("packed", data=np.zeros(5), chunks=(5,), compression="gzip")
    with pytest.raises(DataError, match="packed was repacked"):
        write_rows(path, 0, {"packed": np.ones(5)})
