"""Full disks and folders that cannot be written to: one line, and a run that goes on afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.safety.conftest import command
from tests.safety.program import Program
from tests.safety.test_kills import same_folders

NOBODY = 65_534


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Callable[[str], None]]:
    """A file system of its own in a folder; gives a function that changes its options."""

    def mount(text: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", text, "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"cannot mount a file system: {done.stderr.strip()}")

    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    folder.mkdir()
    mount(options)
    try:
        yield lambda text: mount(f"remount,{text}")
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def one_line(program: Program) -> str:
    text = program.err.read_text()
    assert text.count("\n") == 1, text
    assert text.startswith("lionn: ")
    return text


def test_trajectory_that_reaches_the_limit_of_file_sizes(
    program: Program, inputs: Path, whole: Path, tmp_path: Path
) -> None:
    output = tmp_path / "full"
    arguments = command(inputs, output)
    size = (whole / "one" / "trajectory.h5").stat().st_size
    assert (whole / "one" / "thermo.csv").stat().st_size < 0.7 * size

    # No room for the layout: nothing is kept, nothing stands in the way.
    assert program.run(*arguments, file_size=size // 2) == 1
    text = one_line(program)
    assert f"{output}/trajectory.h5: File too large; nothing of this run is kept" in text
    assert "--resume" in text
    assert {path.name for path in output.iterdir()} == {"config.resolved.toml"}

    # The file has its size from the start; the limit is met on the way.
    assert program.run(*arguments, kill_before=25, folder=str(output)) == -9
    assert program.run(*arguments, file_size=int(0.7 * size)) == 1
    text = one_line(program)
    assert f"{output}/trajectory.h5: File too large; the run is kept up to step" in text
    assert program.run(*arguments) == 0, program.err.read_text()
    same_folders(output, whole / "one")


def test_full_disk(program: Program, inputs: Path, whole: Path, tmp_path: Path) -> None:
    """A disk of 300 kB for a run of 1 MB; then it grows."""
    disk = tmp_path / "disk"
    with mounted(disk, "size=300k") as remount:
        arguments = command(inputs, disk / "run")
        assert program.run(*arguments) == 1
        assert "No space left on device; the run is kept up to step" in one_line(program)
        # Nothing is gained without room.
        assert program.run(*arguments) == 1
        assert "No space left on device" in one_line(program)
        for size in ("500k", "700k"):
            remount(f"size={size}")
            assert program.run(*arguments) == 1
            assert "No space left on device; the run is kept up to step" in one_line(program)
        remount("size=20m")
        assert program.run(*arguments) == 0, program.err.read_text()
        same_folders(disk / "run", whole / "one")


@pytest.mark.parametrize("size", range(8, 96, 16))
def test_disk_that_is_full_from_the_start(
    program: Program, inputs: Path, tmp_path: Path, size: int
) -> None:
    """Too small for the first files, by more and less."""
    disk = tmp_path / "disk"
    with mounted(disk, f"size={size}k") as remount:
        arguments = command(inputs, disk / "run", config="short.toml")
        assert program.run(*arguments) == 1
        assert "No space left on device" in one_line(program)
        remount("size=20m")
        assert program.run(*arguments) == 0, program.err.read_text()


def test_file_system_that_is_read_only(program: Program, inputs: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with mounted(disk, "size=4m") as remount:
        arguments = command(inputs, disk / "run", config="short.toml")
        assert program.run(*arguments, kill_before=20, folder=str(disk)) == -9
        remount("ro,size=4m")
        assert program.run(*arguments) == 2
        expected = f"{disk}/run: cannot be written to (Read-only file system); choose another"
        assert expected in one_line(program)
        assert program.run(*command(inputs, disk / "new", config="short.toml")) == 2
        assert "(Read-only file system)" in one_line(program)
        remount("rw,size=4m")
        assert program.run(*arguments) == 0, program.err.read_text()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter; that of pytest belongs to one user."""
    folder = Path(tempfile.mkdtemp(prefix="lionn-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_folder_of_another_user(program: Program, inputs: Path, open_folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    for name in ("model.json", "crystal.extxyz", "short.toml"):
        shutil.copy(inputs / name, open_folder)
        (open_folder / name).chmod(0o644)
    arguments = command(open_folder, open_folder / "run", config="short.toml")
    assert program.run(*arguments, user=NOBODY) == 2, program.err.read_text()
    expected = f"{open_folder}/run: cannot be written to (Permission denied); choose another"
    assert expected in one_line(program)
    assert program.run(*arguments, kill_before=20, folder=str(open_folder)) == -9
    assert program.run(*arguments, user=NOBODY) == 2
    assert "(Permission denied)" in one_line(program)
    assert program.run(*arguments) == 0, program.err.read_text()


def test_file_in_place_of_a_folder(program: Program, inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert program.run(*command(inputs, tmp_path / "file" / "run")) == 2
    assert "/file/run: cannot be written to (Not a directory)" in one_line(program)
    assert program.run(*command(inputs, tmp_path / "file")) == 2
    assert "is a file, expected a folder" in one_line(program)
