"""Damaged, hostile and foreign ``.amp`` files: read rightly, or refused with the line."""

from __future__ import annotations

import json
import re
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lionn_rs import ModelFileError
from lionn_rs.interop import read_potential
from lionn_rs.interop.amp.literals import MAX_BYTES, MAX_VALUES, Source, parse
from tests.fuzzing import fuzz
from tests.unit.interop.amp_texts import (
    call,
    cluster,
    gaussian_descriptor,
    model,
    text,
    zernike_descriptor,
)

DESCRIPTOR = gaussian_descriptor(["Au", "Cu"])
MODEL = model(DESCRIPTOR)
GOOD = text(DESCRIPTOR, MODEL)
LINE = re.compile(r"model\.amp: line \d+")


def refused(tmp_path: Path, content: str) -> str:
    path = tmp_path / "model.amp"
    path.write_text(content)
    with pytest.raises(ModelFileError) as caught:
        read_potential(path)
    message = str(caught.value)
    assert LINE.search(message)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("[1, -2.5, 1e-3, .5, 3.]", [1, -2.5, 1e-3, 0.5, 3.0]),
        ("(5, 5)", [5, 5]),
        ("(5,)", [5]),
        ("(5)", 5),
        ("()", []),
        ("{'Cu', 'Au'}", ["Cu", "Au"]),
        ("{}", {}),
        ("{1: [True, None], 'b': False,}", {1: [True, None], "b": False}),
        ("dict(a=1, b='x')", {"a": 1, "b": "x"}),
        ("OrderedDict([('a', 1), (2, 3)])", {"a": 1, 2: 3}),
        ("OrderedDict({'a': OrderedDict()})", {"a": {}}),
        ("array([[1., 2.],\n       [3., 4.]], dtype=float64)", [[1, 2], [3, 4]]),
        ("np.matrix([[np.float64(1.5)]], dtype='<f8')", [[1.5]]),
        (r"'it\'s \\ \n\x41\u00e9'", "it's \\ \nAé"),
        ('u"a"', "a"),
    ],
)
def test_values_are_read_as_python_means_them(written, expected):
    assert parse(Source(written, "model.amp")) == expected


HOSTILE = [
    "__import__('os').system('touch executed')",
    "eval(\"__import__('os').system('touch executed')\")",
    "open('executed', 'w')",
    "dict(descriptor=open('executed', 'w'), model='')",
    "[x for x in ().__class__.__base__.__subclasses__()]",
    "(lambda: 0)()",
    "[0] * 1000000000",
    "'a' * 1000000000",
    "10 ** 10 ** 10",
    "np.zeros(1000000000)",
    "np.load('x.npy', allow_pickle=True)",
    "array(open('executed', 'w'))",
    "dict(**globals())",
    "f\"{open('executed', 'w')}\"",
    "breakpoint()",
    "exit()",
]


@pytest.mark.parametrize("attack", HOSTILE)
def test_nothing_is_executed(tmp_path, monkeypatch, attack):
    """As the whole file, as descriptor, within the descriptor, within an ensemble."""
    monkeypatch.chdir(tmp_path)
    inside = call({**DESCRIPTOR, "elements": "ATTACK"}).replace("'ATTACK'", attack)
    for content in (
        attack,
        call({"descriptor": attack, "model": call(MODEL)}),
        call({"descriptor": inside, "model": call(MODEL)}),
        json.dumps([GOOD, attack]),
    ):
        refused(tmp_path, content)
    assert [path.name for path in tmp_path.iterdir()] == ["model.amp"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[" * 100_000, "nested deeper than"),
        ("{1:" * 100_000, "nested deeper than"),
        ("dict(a=" * 100_000, "nested deeper than"),
        ("9" * 1_000_000, "a number of 1000000 characters"),
        ("1e999", "too large"),
        ("-" * 1_000_000, "expected a value"),
        ("'" + "\\'" * 500_000, "does not end"),
        ("'" + "\\" * 1_000_000, "does not end"),
        ("a" * 1_000_000, "not a value"),
        (" " * 1_000_000, "got the end of the text"),
        ("(" + "'x'," * 100_000, "got the end of the text"),
        ("\0" * 1000, "expected a value"),
        ("", "expected a value"),
        ("{'a': 1, 'a': 2}", "comes twice"),
        ("{1.5: 1}", "a key of a dictionary"),
        ("{(1, 2): 1}", "a key of a dictionary"),
        ("dict(a=1, a=2)", "comes twice"),
        ("nan", "'nan' is not a value"),
        ("0x10", "is not a number"),
        ("1_000", "is not a number"),
        ("'a\nb'", "does not end on its line"),
        (r"'\q'", "unknown escape"),
    ],
)
def test_huge_and_broken_texts_end_soon(tmp_path, content, problem):
    started = time.process_time()
    assert problem in refused(tmp_path, content)
    # Linear in the length; what is quadratic takes minutes for a million characters.
    assert time.process_time() - started < 5.0


def test_memory_is_bounded(tmp_path):
    """Files that are too long are not read; too many values end the reading."""
    path = tmp_path / "model.amp"
    with path.open("wb") as stream:
        stream.truncate(100 * MAX_BYTES)
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match="longer than 32 MiB"):
            read_potential(path)
        assert tracemalloc.get_traced_memory()[1] < 3 * MAX_BYTES
    finally:
        tracemalloc.stop()
    text_of_many = "[" + "0," * (MAX_VALUES + 1)
    with pytest.raises(ModelFileError, match="more than 1,000,000 values"):
        parse(Source(text_of_many, "model.amp"))


def test_files_that_are_no_texts_are_refused(tmp_path):
    path = tmp_path / "model.amp"
    path.write_bytes(b"dict(a=1)\n\xff\xfe")
    with pytest.raises(ModelFileError, match=r"line 2: not a text in UTF-8"):
        read_potential(path)
    with pytest.raises(ModelFileError, match="no such file"):
        read_potential(tmp_path / "none.amp")
    (tmp_path / "folder.amp").mkdir()
    with pytest.raises(ModelFileError, match=r"no finished \.amp file"):
        read_potential(tmp_path / "folder.amp", format="amp")


def test_lines_are_those_of_the_file_and_of_the_text_in_it(tmp_path):
    """The model is one line of the file and several lines of its own."""
    content = call({"descriptor": call(DESCRIPTOR), "model": call({**MODEL, "activation": "relu"})})
    message = refused(tmp_path, content)
    assert "line 2, in line 1 of the model: activation 'relu'" in message
    broken = call({"descriptor": call(DESCRIPTOR), "model": call(MODEL).replace("'mode", "mode")})
    wrong_version = call({**MODEL, "version": "2099.1"})
    message = refused(tmp_path, call({"descriptor": call(DESCRIPTOR), "model": wrong_version}))
    assert re.search(r"line 2, in line 7 of the model: version '2099\.1'", message)
    assert broken != content
    message = refused(tmp_path, json.dumps([GOOD, content]))
    assert "line 1, in line 2 of calculator 2, in line 1 of the model" in message


def without(entries: dict, key: str) -> dict:
    return {name: value for name, value in entries.items() if name != key}


def changed_network(**changes: object) -> dict:
    return {**MODEL, **changes}


ROWS = MODEL["fprange"]["Au"]
WRONG = {
    "no descriptor": (call({"model": call(MODEL)}), "has no 'descriptor'"),
    "extra key": (call({"descriptor": "", "model": "", "run": ""}), "key 'run'"),
    "number": (call({"descriptor": 1, "model": "dict()"}), "'descriptor' must be a text, got 1"),
    "list": ("[1, 2]", "an ensemble is a list of the texts"),
    "bispectrum": (
        text({**DESCRIPTOR, "importname": ".descriptor.bispectrum.Bispectrum"}, MODEL),
        "lionn_rs evaluates .descriptor.gaussian.Gaussian and .descriptor.zernike.Zernike",
    ),
    "kernel": (
        text(DESCRIPTOR, changed_network(importname=".model.kernelridge.KernelRidge")),
        "lionn_rs evaluates .model.neuralnetwork.NeuralNetwork",
    ),
    "mode": (
        text(DESCRIPTOR, changed_network(mode="image-centered")),
        "'atom-centered', got 'image",
    ),
    "untrained": (text(DESCRIPTOR, changed_network(weights=None)), "before it was trained"),
    "key": (text({**DESCRIPTOR, "eta": 1}, MODEL), "a key 'eta' that AMP does not know"),
    "cutoff": (
        text({**DESCRIPTOR, "cutoff": {"name": "Tanh", "kwargs": {"Rc": 4.0}}}, MODEL),
        "cutoff function 'Tanh'; lionn_rs has Cosine and Polynomial",
    ),
    "gamma": (
        text(
            {**DESCRIPTOR, "cutoff": {"name": "Polynomial", "kwargs": {"Rc": 4.0, "gamma": 1}}},
            MODEL,
        ),
        "polynomial cutoff needs gamma >= 2, got 1",
    ),
    "radius": (
        text({**DESCRIPTOR, "cutoff": -1.0}, MODEL),
        "cutoff radius must be positive, got -1",
    ),
    "symbol": (text(DESCRIPTOR, changed_network(weights={"Xx": {}})), "fprange is given for"),
    "function": (
        text({**DESCRIPTOR, "Gs": {e: [{"type": "G3"}] for e in ("Au", "Cu")}}, MODEL),
        "symmetry function of type 'G3'; AMP has G2, G4 and G5",
    ),
    "shifted": (
        text(
            {
                **DESCRIPTOR,
                "Gs": {e: [{**DESCRIPTOR["Gs"]["Au"][-1], "offset": 1.0}] for e in ("Au", "Cu")},
            },
            MODEL,
        ),
        "a key 'offset' that AMP does not know",
    ),
    "zeta": (
        text(
            {
                **DESCRIPTOR,
                "Gs": {e: [{**DESCRIPTOR["Gs"]["Au"][-1], "zeta": 0.5}] for e in ("Au", "Cu")},
            },
            MODEL,
        ),
        "zeta must be at least 1, got 0.5",
    ),
    "rows": (
        text(DESCRIPTOR, changed_network(fprange={"Au": ROWS[1:], "Cu": ROWS})),
        "fprange of Au has 9 rows, its fingerprint 10",
    ),
    "reversed": (
        text(DESCRIPTOR, changed_network(fprange={"Au": [[2.0, 1.0], *ROWS[1:]], "Cu": ROWS})),
        "minimum 2.0 above 1.0 in row 0",
    ),
    "words": (
        text(DESCRIPTOR, changed_network(fprange={"Au": [["a", "b"], *ROWS[1:]], "Cu": ROWS})),
        "'Au' must have numbers, got 'a'",
    ),
    "layers": (
        text(DESCRIPTOR, changed_network(hiddenlayers={"Au": (3, 2), "Cu": (3, 3)})),
        "hiddenlayers of Cu are [3, 3], the weights have [3, 2]",
    ),
    "shape": (
        text(
            DESCRIPTOR,
            changed_network(weights={e: {1: [[1.0]], 2: [[1.0], [1.0]]} for e in ("Au", "Cu")}),
        ),
        "layer 1: 1 rows, expected 11 (10 inputs and the bias)",
    ),
    "ragged": (
        text(
            DESCRIPTOR,
            changed_network(weights={e: {1: [[1.0], [1.0, 2.0]]} for e in ("Au", "Cu")}),
        ),
        "rows of equal length numbers, got a list of 2",
    ),
    "scaling": (
        text(DESCRIPTOR, changed_network(scalings={e: {"slope": 1.0} for e in ("Au", "Cu")})),
        "scalings of Au has no 'intercept'",
    ),
    "order": (
        text({**zernike_descriptor(["Au", "Cu"]), "nmax": 10**18}, MODEL),
        "does not evaluate",
    ),
    "orders": (
        text({**zernike_descriptor(["Au", "Cu"]), "nmax": {"Au": 3, "Cu": 4}}, MODEL),
        "'nmax' must be an integer, got a dictionary of 2",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_together_is_said(tmp_path, name):
    content, problem = WRONG[name]
    assert problem in refused(tmp_path, content)


def attempt(function: Callable[[], Any]) -> tuple[Any, str | None]:
    """Result, or the text of the error that is allowed."""
    try:
        return function(), None
    except ModelFileError as error:
        return None, str(error)


damage = st.one_of(
    st.tuples(st.just("cut"), st.integers(0, len(GOOD)), st.just("")),
    st.tuples(st.just("put"), st.integers(0, len(GOOD)), st.text(max_size=6)),
    st.tuples(
        st.just("replace"), st.integers(0, len(GOOD)), st.sampled_from("()[]{},:='\"\\n-.e0 \n")
    ),
    st.tuples(st.just("shuffle"), st.integers(0, 2**31), st.just("")),
    st.tuples(st.just("double"), st.integers(0, len(GOOD)), st.just("")),
)


@fuzz(120)
@given(damages=st.lists(damage, min_size=1, max_size=3))
def test_damaged_files_are_read_or_refused(tmp_path_factory, damages):
    """What is read is a potential with finite energies; else the message names the line."""
    content = GOOD
    for kind, place, piece in damages:
        if kind == "cut":
            content = content[:place]
        elif kind == "put":
            content = content[:place] + piece + content[place:]
        elif kind == "replace":
            content = content[:place] + piece + content[place + 1 :]
        elif kind == "double":
            content = content[:place] + content[place // 2 :]
        else:
            pieces = content.split(",")
            k = place % max(len(pieces) - 1, 1)
            pieces[k : k + 2] = pieces[k : k + 2][::-1]
            content = ",".join(pieces)
    path = tmp_path_factory.mktemp("amp") / "model.amp"
    path.write_text(content, encoding="utf-8", errors="surrogatepass")
    potential, problem = attempt(lambda: read_potential(path))
    assert problem is None or LINE.search(problem)
    if potential is not None and set(cluster().symbols) <= set(potential.elements):
        assert abs(potential.evaluate(cluster()).energy) < float("inf")


@fuzz(150)
@given(
    content=st.text(max_size=200)
    | st.text(alphabet="()[]{},:='\"\\dict array0123.e-\n", max_size=80)
)
def test_any_text_is_read_or_refused(content):
    _, problem = attempt(lambda: parse(Source(content, "model.amp")))
    assert problem is None or LINE.search(problem)
