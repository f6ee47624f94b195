"""Calculators of AMP, the Atomistic Machine-learning Package (version 1.0.1): ``.amp`` files.

AMP saves a calculator as the text of a Python expression and loads it with ``eval``. lionn_rs reads
values only (:mod:`~lionn_rs.interop.amp.literals`). Ensembles are ``.ensemble`` files of AMP's
``BootStrap``, or folders of ``.amp`` files; they become committees.

References
----------
A. Khorshidi, A. A. Peterson, Comput. Phys. Commun. 207, 310 (2016), doi 10.1016/j.cpc.2016.05.010.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from lionn_rs import _core
from lionn_rs.committee import Committee
from lionn_rs.errors import LionnError, ModelFileError
from lionn_rs.files import write_text
from lionn_rs.interop.amp.activations import Network, has_small_output, with_linear_output
from lionn_rs.interop.amp.literals import MAX_BYTES, Items, Source, parse
from lionn_rs.interop.amp.reading import read_calculator
from lionn_rs.interop.amp.writing import calculator_text
from lionn_rs.potential import Potential

__all__ = ["read", "write"]

MAX_MEMBERS = 1000
"""Most members of an ensemble."""
# Files that AMP writes beside its results.
_UNFINISHED = ("-initial-parameters.amp", "-untrained-parameters.amp", "-checkpoint.amp")


def read(path: Path) -> Potential | Committee:
    """Potential of a ``.amp`` file, or of an ensemble.

    Parameters
    ----------
    path : Path
        ``.amp`` file, ``.ensemble`` file of AMP's BootStrap, or a folder of ``.amp`` files (also
        BootStrap's folder of training runs, ``*/amp.amp``).

    Returns
    -------
    Potential or Committee
        A committee if there are several calculators; its energy is their mean, as in AMP.

    Raises
    ------
    ModelFileError
        With file and line.
    """
    if path.is_dir():
        documents = [_read_file(file) for file in _members(path)]
    else:
        documents = _read_bundle(path)
    first = documents[0]
    for number, other in enumerate(documents[1:], start=2):
        if other["descriptor"] != first["descriptor"]:
            raise ModelFileError(
                f"{path}: calculator {number} has another descriptor or other elements than "
                "calculator 1; the members of a committee share them"
            )
    notes: list[str] = []
    for document in documents:
        notes += _with_linear_outputs(document)
    source = {"program": "AMP", "file": path.name, "notes": sorted(set(notes))}
    document = {**first, "metadata": {"source": source}}
    if len(documents) > 1:
        document |= {"version": 2, "networks": [document["networks"] for document in documents]}
    try:
        core, metadata = _core.read_model(document)
    except LionnError as error:
        raise ModelFileError(f"{path}: line 1: {error}") from None
    if isinstance(core, _core.Committee):
        return Committee(core, metadata)
    return Potential(core, metadata)


def write(potential: Potential | Committee, path: Path, *, force: bool) -> list[str]:
    """Write a ``.amp`` file, or an ``.ensemble`` file for a committee.

    Raises
    ------
    ModelFileError
        If AMP cannot express the potential, with the reason, or a committee is to be written to a
        ``.amp`` file.
    """
    document = potential._document()
    if isinstance(potential, Committee) and path.suffix.lower() == ".amp":
        raise ModelFileError(
            f"{path}: a committee of {potential.n_members}; AMP keeps ensembles in files with the "
            f"ending .ensemble: {path.with_suffix('.ensemble').name}"
        )
    networks = document["networks"]
    members = networks if isinstance(networks, list) else [networks]
    try:
        written = [calculator_text(document, member) for member in members]
    except ModelFileError as error:
        raise ModelFileError(f"{path} is not written: {error}") from None
    notes = list(dict.fromkeys(note for _, notes in written for note in notes))
    if isinstance(potential, Committee) and potential.spread_scale != (1.0, 1.0):
        notes.append("AMP has no factors of the spread; it shows the bare spread of the members")
    if path.suffix.lower() == ".ensemble":
        write_text(path, json.dumps([text for text, _ in written]))
    else:
        write_text(path, written[0][0])
    return notes


def _members(folder: Path) -> list[Path]:
    """Results of training in a folder, in natural order."""
    if folder.name.endswith("-checkpoints"):
        raise ModelFileError(
            f"{folder}: steps of one training, not an ensemble; name the file you want"
        )
    found = [file for file in folder.glob("*.amp") if not file.name.endswith(_UNFINISHED)]
    found = found or list(folder.glob("*/amp.amp"))
    if not found:
        raise ModelFileError(f"{folder}: no finished .amp file in this folder")
    if len(found) > MAX_MEMBERS:
        raise ModelFileError(f"{folder}: {len(found)} .amp files, at most {MAX_MEMBERS} are read")
    pieces = re.compile(r"(\d+)")
    return sorted(
        found,
        key=lambda file: [
            (0, int(piece), "") if piece.isdecimal() else (1, 0, piece)
            for piece in pieces.split(str(file.relative_to(folder)))
        ],
    )


def _text(path: Path) -> str:
    """Text of a file, if it is one and not too long."""
    try:
        if not path.is_file():
            raise ModelFileError(f"{path}: is no file")
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > MAX_BYTES:
        raise ModelFileError(f"{path}: longer than {MAX_BYTES // 2**20} MiB; this is no potential")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ModelFileError(f"{path}: line {line}: not a text in UTF-8") from None


def _read_file(path: Path) -> dict[str, Any]:
    return read_calculator(Source(_text(path), str(path)))


def _read_bundle(path: Path) -> list[dict[str, Any]]:
    """Documents of the one calculator or of the list of calculators in a file."""
    source = Source(_text(path), str(path))
    if not source.text.lstrip().startswith("["):
        return [read_calculator(source)]
    texts = parse(source)
    if not isinstance(texts, Items) or not texts or not all(isinstance(t, str) for t in texts):
        raise source.error(0, "an ensemble is a list of the texts of calculators")
    if len(texts) > MAX_MEMBERS:
        raise source.error(0, f"{len(texts)} calculators, at most {MAX_MEMBERS} are read")
    inner = [source.inner(text, 0, f"calculator {n}") for n, text in enumerate(texts, start=1)]
    return [read_calculator(text) for text in inner]


def _with_linear_outputs(document: dict[str, Any]) -> list[str]:
    """Give networks whose tanh output is linear to all digits a linear output, in place."""
    changed = []
    for element, entry in document["networks"].items():
        network = Network.of(entry)
        if has_small_output(network):
            network = with_linear_output(network)
            entry |= {
                "weights": [weights.tolist() for weights in network.weights],
                "activations": network.activations,
                "slope": network.slope,
            }
            changed.append(element)
    if not changed:
        return []
    return [f"the output of {', '.join(changed)} is linear to all digits and was read as linear"]
