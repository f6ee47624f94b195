"""Damaged and hostile files: read right or refused in one line, in little memory, nothing run."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import shutil
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lionn_rs.data.formats import RawImage, ReadOptions, open_images
from lionn_rs.data.formats.image import MAX_ATOMS
from lionn_rs.data.reading import iter_images
from lionn_rs.errors import ConfigError, DataError
from tests.fuzzing import HOSTILE_WORDS, fuzz
from tests.unit.data.formats.samples import cp2k_run, images, outcar, vasprun, write

MEMORY = 64_000_000
"""Bytes that reading any of these small files may take, whatever they claim."""

TEXTS = {
    "a.extxyz": lambda path: write(path, images(3)),
    "XDATCAR": lambda path: write(path, images(3)),
    "input.data": lambda path: write(path, images(3)),
    "a.xsf": lambda path: _first_xsf(path),
    "OUTCAR": lambda path: path.write_text(outcar(images(3), n_electronic=[2, 60, 3])),
    "vasprun.xml": lambda path: path.write_text(vasprun(images(3), n_electronic=[2, 60, 3])),
    "run.out": lambda path: cp2k_run(path.parent, images(3)),
}
BINARIES = {
    "a.npz": lambda path: write(path, images(3)),
    "a.traj": lambda path: write(path, images(3)),
    "a.db": lambda path: write(path, images(3)),
}


def _first_xsf(path: Path) -> None:
    folder = write(path.with_name("xsf"), images(1), format="xsf")
    shutil.copy(next(folder.iterdir()), path)
    shutil.rmtree(folder)


def outcome(path: Path) -> list[RawImage] | str:
    """Images, or the message; anything else that is raised fails the test."""
    try:
        found = list(iter_images(path, options=ReadOptions(units="eV-A")))
    except (DataError, ConfigError) as error:
        message = str(error)
        return message if "\n" not in message else pytest.fail(f"several lines: {message}")
    for image in found:
        image.check()
        assert image.n_atoms <= MAX_ATOMS
    return found


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("good")
    content = {}
    for name, make in (TEXTS | BINARIES).items():
        make(folder / name)
        content[name] = (folder / name).read_bytes()
    return content


@pytest.mark.parametrize("name", [*TEXTS, *BINARIES])
def test_cut_off_anywhere(name: str, good: dict[str, bytes], tmp_path: Path) -> None:
    """What is left of a file gives the images before the cut, unchanged, or an error."""
    path = tmp_path / name
    if name == "run.out":
        cp2k_run(tmp_path, images(3))
    path.write_bytes(good[name])
    whole = outcome(path)
    assert isinstance(whole, list)
    size = len(good[name])
    for cut in np.linspace(0, size - 1, 40).astype(int):
        path.write_bytes(good[name][:cut])
        found = outcome(path)
        if isinstance(found, str):
            assert name.partition(".")[0] in found or "run" in found
            continue
        assert len(found) <= len(whole)
        if name == "run.out":
            continue  # an output without its last lines lacks the stress of its last step
        for one, other in zip(found, whole, strict=False):
            np.testing.assert_array_equal(one.positions, other.positions)
            if "forces" in other.results:
                np.testing.assert_array_equal(one.results["forces"], other.results["forces"])


@pytest.mark.parametrize("name", TEXTS)
@fuzz(40)
@given(data=st.data())
def test_lines_and_words_in_disorder(name, data, good: dict[str, bytes], tmp_path: Path) -> None:
    lines = good[name].decode().splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 3))):
        k = data.draw(st.integers(0, len(lines) - 1))
        kind = data.draw(st.sampled_from(["delete", "double", "swap", "word", "insert"]))
        if kind == "delete" and len(lines) > 1:
            del lines[k]
        elif kind == "double":
            lines.insert(k, lines[k])
        elif kind == "swap":
            m = data.draw(st.integers(0, len(lines) - 1))
            lines[k], lines[m] = lines[m], lines[k]
        elif kind == "insert":
            lines.insert(k, data.draw(st.text(max_size=30)) + "\n")
        else:
            words = lines[k].split(" ")
            m = data.draw(st.integers(0, len(words) - 1))
            words[m] = data.draw(st.sampled_from(HOSTILE_WORDS))
            lines[k] = " ".join(words) + ("\n" if m == len(words) - 1 else "")
    if name == "run.out":
        cp2k_run(tmp_path, images(3))
    path = tmp_path / name
    path.write_text("".join(lines), encoding="utf-8", errors="replace", newline="")
    outcome(path)


@pytest.mark.parametrize("name", BINARIES)
@fuzz(30)
@given(data=st.data())
def test_bytes_in_disorder(name, data, good: dict[str, bytes], tmp_path: Path) -> None:
    content = bytearray(good[name])
    for _ in range(data.draw(st.integers(1, 4))):
        k = data.draw(st.integers(0, len(content) - 1))
        content[k] = data.draw(st.integers(0, 255))
    path = tmp_path / name
    path.write_bytes(bytes(content))
    outcome(path)


@fuzz(40)
@given(data=st.data())
def test_folders_of_deepmd_in_disorder(data, tmp_path: Path) -> None:
    """Any file of the folder overwritten, cut or gone."""
    folder = tmp_path / "dp"
    shutil.rmtree(folder, ignore_errors=True)
    write(folder, images(3), format="deepmd")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    content = bytearray(path.read_bytes())
    kind = data.draw(st.sampled_from(["bytes", "cut", "gone"]))
    if kind == "gone":
        path.unlink()
    elif kind == "cut":
        path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
    outcome(folder)


@fuzz(40)
@given(data=st.data())
def test_files_beside_the_output_of_cp2k_in_disorder(data, tmp_path: Path) -> None:
    cp2k_run(tmp_path, images(3))
    path = data.draw(st.sampled_from(sorted(tmp_path.glob("run-*"))))
    lines = path.read_text().splitlines(keepends=True)
    k = data.draw(st.integers(0, len(lines) - 1))
    if data.draw(st.booleans()):
        del lines[k]
    else:
        words = lines[k].split()
        words[data.draw(st.integers(0, len(words) - 1))] = data.draw(st.sampled_from(HOSTILE_WORDS))
        lines[k] = " ".join(words) + "\n"
    path.write_text("".join(lines), encoding="utf-8")
    outcome(tmp_path / "run.out")


@fuzz(40)
@given(data=st.data())
def test_compressed_files_in_disorder(data, good: dict[str, bytes], tmp_path: Path) -> None:
    ending = data.draw(st.sampled_from(["gz", "xz", "bz2"]))
    module = {"gz": gzip, "xz": lzma, "bz2": bz2}[ending]
    content = bytearray(module.compress(good["a.extxyz"]))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"a.extxyz.{ending}"
    path.write_bytes(bytes(content))
    outcome(path)


class Evil:
    """Unpickling it would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def npy(header: str, body: bytes = b"") -> bytes:
    text = header.ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


def evil_array(path: Path) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([Evil(path)], dtype=object), allow_pickle=True)
    return stream.getvalue()


def test_no_code_is_run(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("numbers.npy", evil_array(victim))
        archive.writestr("positions.npy", evil_array(victim))
    folder = write(tmp_path / "dp", images(1), format="deepmd")
    (folder / "set.000" / "coord.npy").write_bytes(evil_array(victim))
    (tmp_path / "a.traj").write_bytes(b"PickleTrajectory" + pickle.dumps(Evil(victim)))
    (tmp_path / "b.traj").write_bytes(pickle.dumps(Evil(victim)))
    (tmp_path / "c.py").write_text(f"open({str(victim)!r}, 'w')")
    for name, message in {
        "a.npz": "Python objects would run code",
        "dp": "Python objects would run code",
        "a.traj": "can run code",
        "b.traj": "can run code",
        "c.py": "c.py",
    }.items():
        found = outcome(tmp_path / name)
        assert isinstance(found, str), name
        assert message in found
        assert not victim.exists(), name


HUGE = "9" * 12
HOSTILE = {
    "count.extxyz": f"{HUGE}\n\nLi 0 0 0\n",
    "many.extxyz": "1000000\n\nLi 0 0 0\n",
    "columns.extxyz": f"1\nProperties=species:S:1:pos:R:3:x:R:{HUGE}\nLi 0 0 0\n",
    "negative.extxyz": "-5\n\nLi 0 0 0\n",
    "json.extxyz": '1\nx="_JSON ' + "[" * 100_000 + '"\nLi 0 0 0\n',
    "word.extxyz": "2\n\nLi 0 0 0\nLi " + "1" * 1_000_000 + " 0 0\n",
    "XDATCAR.long": f"x\n1.0\n1 0 0\n0 1 0\n0 0 1\nLi\n{HUGE}\nDirect configuration= 1\n",
    "OUTCAR.long": f" vasp.6\n VRHFIN =Li: 1\n   ions per type =  {HUGE}\n",
    "input.data": "begin\n" + "lattice 1 0 0\n" * 1000 + "end\n",
    "a.xsf": f"CRYSTAL\nPRIMVEC\n1 0 0\n0 1 0\n0 0 1\nPRIMCOORD\n{HUGE} 1\n",
    "vasprun.xml": '<?xml version="1.0"?><!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "'
    + "&a;" * 1000
    + '">]><modeling>'
    + "&b;" * 1000
    + "</modeling>",
    "run.out": " DBCSR| x\n CP2K| y\n ENERGY| Total FORCE_EVAL ( QS ) energy [a.u.]: 1.0\n"
    " ATOMIC FORCES in [a.u.]\n" + "1 1 H 0 0 0\n" * 1000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_claims_are_not_believed(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(HOSTILE[name])
    tracemalloc.start()
    try:
        found = outcome(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(found, str) or name == "word.extxyz"
    assert peak < MEMORY


def test_a_line_without_end(tmp_path: Path) -> None:
    for name in ("a.extxyz", "OUTCAR", "input.data", "vasprun.xml"):
        path = tmp_path / name
        path.write_bytes(b"<a> " * 5_000_000)
        tracemalloc.start()
        found = outcome(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        message = "more elements than VASP writes" if name == "vasprun.xml" else "more than 16 MB"
        assert message in found
        # The buffer, its text of up to four bytes a character, and a copy while it grows.
        assert peak < 2.5 * MEMORY


ARRAYS = {
    "numbers": "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }",
    "huge": f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({HUGE}, 1, 3), }}",
    "wide": f"{{'descr': '<f8', 'fortran_order': False, 'shape': (1, {HUGE}, 3), }}",
    "code": "__import__('os').abort()",
    "deep": "(" * 5000,
    "fortran": "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 1, 3), }",
    "negative": "{'descr': '<f8', 'fortran_order': False, 'shape': (-2, 1, 3), }",
    "structured": "{'descr': [('a', 'O')], 'fortran_order': False, 'shape': (1, 1, 3), }",
}


@pytest.mark.parametrize("kind", [kind for kind in ARRAYS if kind != "numbers"])
def test_headers_of_arrays_are_not_believed(kind: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("numbers.npy", npy(ARRAYS["numbers"], b"\x03"))
        archive.writestr("positions.npy", npy(ARRAYS[kind], bytes(48)))
    folder = write(tmp_path / "dp", images(1), format="deepmd")
    (folder / "set.000" / "coord.npy").write_bytes(npy(ARRAYS[kind], bytes(96)))
    for path in (tmp_path / "a.npz", folder):
        found = outcome(path)
        assert isinstance(found, str), kind


def test_messages_name_file_image_and_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.extxyz", images(3))
    lines = path.read_text().splitlines(keepends=True)
    lines[8] = lines[8].replace(lines[8].split()[2], "1.2.3")
    path.write_text("".join(lines))
    assert outcome(path) == (
        f"{path}, image 1, line 9: cannot be read (positions of atom 0: '1.2.3' is no number)"
    )
    lines[8] = "Li 1 2\n"
    path.write_text("".join(lines))
    assert "image 1, line 9: cannot be read (atom 0 has 3 columns, expected 7)" in outcome(path)
    path = write(tmp_path / "input.data", images(2))
    path.write_text(path.read_text().replace("energy", "energie"))
    assert "image 0, line 10: cannot be read (unknown word 'energie')" in outcome(path)
    bare = path.read_text().replace("comment units eV Ang", "comment")
    path.write_text(bare.replace("energie", "energy"))
    with pytest.raises(ConfigError, match="give --units eV-A or --units Ha-bohr"):
        open_images(path)
    folder = write(tmp_path / "dp", images(1), format="deepmd")
    (folder / "type.raw").write_text("0 1 2 7\n")
    assert "types 0 to 7, but 3 elements" in outcome(folder)
