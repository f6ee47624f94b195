"""The file ``input.nn``: what it says about the potential.

One keyword per line; ``#`` and ``!`` start comments. Keywords for training are passed over, those
that change the energy in a way that lionn_rs does not know are refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ase.data import atomic_numbers

from lionn_rs.interop.n2p2.cutoffs import CUTOFF_TYPES
from lionn_rs.interop.n2p2.functions import SymFunction, in_order, parse_function
from lionn_rs.interop.n2p2.text import Line, TextFile

__all__ = ["ACTIVATIONS", "UNITS_MARK", "Normalization", "Scaling", "Settings", "read_settings"]

ACTIVATIONS: Final = {
    "l": "linear",
    "t": "tanh",
    "s": "sigmoid",
    "p": "softplus",
    "r": "relu",
    "g": "gaussian",
    "c": "cosine",
    "S": "reversedsigmoid",
    "e": "exponential",
    "h": "square",
}
"""Letters of n2p2 and names of lionn_rs."""

UNITS_MARK: Final = "# units: angstrom and eV"
"""Comment line by which files of lionn_rs say their units; n2p2 has no keyword for them."""

MAX_FUNCTIONS: Final = 5000
"""Most functions of one element."""

_SYNONYMS: Final = {
    "symfunction": "symfunction_short",
    "nnp_generation": "nnp_type",
    "nnp_type_gen": "nnp_type",
    "nnp_gen": "nnp_type",
}
_REPEATABLE: Final = ("symfunction_short", "atom_energy")
_PER_ELEMENT: Final = (
    "element_hidden_layers_short",
    "element_nodes_short",
    "element_activation_short",
)
_SINGLE: Final = (
    "number_of_elements",
    "elements",
    "nnp_type",
    "cutoff_type",
    "global_hidden_layers_short",
    "global_nodes_short",
    "global_activation_short",
    "normalize_nodes",
    "scale_symmetry_functions",
    "center_symmetry_functions",
    "scale_symmetry_functions_sigma",
    "scale_min_short",
    "scale_max_short",
    "mean_energy",
    "conv_energy",
    "conv_length",
)
_REFUSED: Final = {
    "use_electrostatics": "electrostatic energies",
    "electrostatic_type": "electrostatic energies",
    "use_vdw": "dispersion energies",
    "vdw_type": "dispersion energies",
    "pairsymfunction_short": "networks for pairs of atoms",
    "global_symfunction_short": "functions for all elements at once; write one line per function",
    "element_symfunction_short": "functions for one element at once; write one line per function",
    "use_atom_spins": "magnetic functions",
}
"""Keywords, mostly of RuNNer, that mean something which is not evaluated."""


@dataclass(frozen=True)
class Scaling:
    """How features are scaled before they enter the networks.

    Attributes
    ----------
    mode : {"none", "scale", "center", "scale and center", "sigma"}
    low, high : float
        Target range.
    """

    mode: str
    low: float
    high: float


@dataclass(frozen=True)
class Normalization:
    """``E_network = (E - N mean_energy) conv_energy``; 0, 1 and 1 without normalization."""

    mean_energy: float = 0.0
    conv_energy: float = 1.0
    conv_length: float = 1.0


@dataclass(frozen=True)
class Topology:
    """Layers of one network, as the file has them.

    Attributes
    ----------
    candidates : list of list of int
        Widths of the hidden layers; two readings, where n2p2 does not follow the file.
    activations : list of str
        Of the hidden layers and the output, names of lionn_rs.
    """

    candidates: list[list[int]]
    activations: list[str]


@dataclass(frozen=True)
class Settings:
    """What ``input.nn`` says; numbers in the units of the file.

    Attributes
    ----------
    file : TextFile
    numbers : dict of str to int
        Atomic numbers of the elements, ascending: n2p2's order.
    functions : dict of str to list of SymFunction
        Of every center element, in n2p2's order.
    cutoff_type : int
    cutoff_alpha : float
    topologies : dict of str to Topology
    normalize_nodes : bool
        Sums of a node are divided by the number of nodes below.
    scaling : Scaling
    normalization : Normalization
    atom_energies : dict of str to float
    says_units : bool
        The file was written by lionn_rs in Å and eV.
    """

    file: TextFile
    numbers: dict[str, int]
    functions: dict[str, list[SymFunction]]
    cutoff_type: int
    cutoff_alpha: float
    topologies: dict[str, Topology]
    normalize_nodes: bool
    scaling: Scaling
    normalization: Normalization
    atom_energies: dict[str, float]
    says_units: bool


class _Keywords:
    """Lines of the file by keyword."""

    def __init__(self, file: TextFile) -> None:
        self.file = file
        self.lines: dict[str, list[Line]] = defaultdict(list)
        for line in file.lines():
            keyword = _SYNONYMS.get(line.words[0], line.words[0])
            if keyword in _REFUSED:
                line.fail(f"lionn_rs does not evaluate {_REFUSED[keyword]} ({keyword})")
            if keyword in _SINGLE and keyword in self.lines:
                first = self.lines[keyword][0].number
                line.fail(f"'{keyword}' is given a second time, first in line {first}")
            if keyword in _SINGLE + _PER_ELEMENT + _REPEATABLE:
                self.lines[keyword].append(line)

    def one(self, keyword: str, *, needed: bool = False) -> Line | None:
        lines = self.lines.get(keyword)
        if lines:
            return lines[0]
        if needed:
            self.file.fail(f"no keyword '{keyword}'")
        return None

    def needed(self, keyword: str) -> Line:
        line = self.one(keyword, needed=True)
        assert line is not None
        return line

    def real(self, keyword: str, default: float) -> float:
        line = self.one(keyword)
        if line is None:
            return default
        line.expect(2, f"{keyword} VALUE")
        return line.real(1, keyword)

    def by_element(self, keyword: str, numbers: Mapping[str, int]) -> dict[str, Line]:
        """Lines of a keyword whose first word is an element."""
        result: dict[str, Line] = {}
        for line in self.lines.get(keyword, []):
            element = line.word(1, "an element")
            if element not in numbers:
                line.fail(f"element '{element[:10]}' is not among {', '.join(numbers)}")
            if element in result:
                line.fail(f"'{keyword} {element}' is given a second time")
            result[element] = line
        return result


def read_settings(path: Path) -> Settings:
    """Read ``input.nn``.

    Raises
    ------
    ModelFileError
        With the line of the first mistake.
    """
    file = TextFile(path, comments="#!")
    keywords = _Keywords(file)
    _refuse_other_generations(keywords.one("nnp_type"))
    numbers = _elements(keywords)
    cutoff_type, cutoff_alpha = _cutoff(keywords.needed("cutoff_type"))
    normalization = _normalization(keywords)
    atom_energies = keywords.by_element("atom_energy", numbers)
    for line in atom_energies.values():
        line.expect(3, "atom_energy ELEMENT VALUE")
    return Settings(
        file=file,
        numbers=numbers,
        functions=_functions(keywords, numbers, normalization.conv_length),
        cutoff_type=cutoff_type,
        cutoff_alpha=cutoff_alpha,
        topologies=_topologies(keywords, numbers),
        normalize_nodes=keywords.one("normalize_nodes") is not None,
        scaling=_scaling(keywords),
        normalization=normalization,
        atom_energies={e: line.real(2, "atom_energy") for e, line in atom_energies.items()},
        says_units=any(text.strip() == UNITS_MARK for text in file.raw_lines()),
    )


def _refuse_other_generations(line: Line | None) -> None:
    if line is not None and line.word(1, "the generation") not in ("2", "2G-HDNNP"):
        line.fail(
            f"potentials of type '{line.words[1][:20]}' have charges and long-range energies; "
            "lionn_rs reads short-range potentials (2G-HDNNP)"
        )


def _elements(keywords: _Keywords) -> dict[str, int]:
    count, line = keywords.needed("number_of_elements"), keywords.needed("elements")
    symbols = line.words[1:]
    if count.integer(1, "the number of elements", least=1) != len(symbols):
        line.fail(f"{len(symbols)} elements, but 'number_of_elements' says {count.words[1]}")
    for symbol in symbols:
        if atomic_numbers.get(symbol, 0) < 1:
            line.fail(f"'{symbol[:10]}' is no element")
    if len(set(symbols)) != len(symbols):
        line.fail("an element is given twice")
    return {
        symbol: atomic_numbers[symbol] for symbol in sorted(symbols, key=atomic_numbers.__getitem__)
    }


def _cutoff(line: Line) -> tuple[int, float]:
    kind = line.integer(1, "the cutoff type")
    if kind not in CUTOFF_TYPES:
        line.fail(f"cutoff type {kind} is unknown, lionn_rs reads types 0 to {CUTOFF_TYPES[-1]}")
    if len(line.words) > 3:
        line.expect(3, "cutoff_type TYPE [ALPHA]")
    alpha = line.real(2, "alpha") if len(line.words) == 3 else 0.0
    if not 0.0 <= alpha < 1.0:
        line.fail(f"alpha must lie in [0, 1), got {alpha:g}")
    return kind, alpha


def _functions(
    keywords: _Keywords, numbers: Mapping[str, int], conv_length: float
) -> dict[str, list[SymFunction]]:
    result: dict[str, list[SymFunction]] = {element: [] for element in numbers}
    for line in keywords.lines.get("symfunction_short", []):
        function = parse_function(line, numbers)
        functions = result[function.center]
        functions.append(function)
        if len(functions) > MAX_FUNCTIONS:
            line.fail(f"more than {MAX_FUNCTIONS} functions of {function.center}")
    for element, functions in result.items():
        if not functions:
            keywords.file.fail(f"no symmetry function with {element} in the center")
    return {element: in_order(fs, numbers, conv_length) for element, fs in result.items()}


def _topologies(keywords: _Keywords, numbers: Mapping[str, int]) -> dict[str, Topology]:
    depth_line = keywords.one("global_hidden_layers_short")
    depth = None if depth_line is None else depth_line.integer(1, "hidden layers", least=1)
    nodes_line, letters_line = (keywords.one(f"global_{k}_short") for k in ("nodes", "activation"))
    nodes = None if nodes_line is None else _widths(nodes_line, 1, depth)
    letters = None if letters_line is None else _letters(letters_line, 1, depth)
    own_depth, own_nodes, own_letters = (keywords.by_element(k, numbers) for k in _PER_ELEMENT)
    result = {}
    for element in numbers:
        line = own_depth.get(element)
        layers = depth if line is None else line.integer(2, "hidden layers", least=1)
        if layers is None:
            keywords.file.fail(f"no number of hidden layers for {element}")
        general = layers == depth
        candidates = [nodes] if general and nodes is not None else []
        if (line := own_nodes.get(element)) is not None:
            widths = _widths(line, 2, layers)
            # n2p2 2.3 leaves the last hidden layer as it is for all elements; the weights tell.
            partly = [[*widths[:-1], *nodes[-1:]]] if general and nodes is not None else []
            candidates = [*partly, widths]
        activations = letters if general else None
        if (line := own_letters.get(element)) is not None:
            own = _letters(line, 2, layers)
            activations = own if letters is None else [*own[:-1], letters[-1]]
        if not candidates or activations is None:
            missing = "activation functions" if candidates else "numbers of nodes"
            keywords.file.fail(f"no {missing} for {element}")
        result[element] = Topology(candidates, activations)
    return result


def _widths(line: Line, first: int, depth: int | None) -> list[int]:
    count = len(line.words) - first
    if depth is None or count != depth:
        line.fail(f"{count} numbers of nodes for {depth or 'an unknown number of'} hidden layers")
    return [line.integer(first + k, "the number of nodes", least=1) for k in range(count)]


def _letters(line: Line, first: int, depth: int | None) -> list[str]:
    letters: Sequence[str] = line.words[first:]
    if depth is None or len(letters) != depth + 1:
        line.fail(
            f"{len(letters)} activation functions for {depth or 'an unknown number of'} hidden "
            "layers and the output"
        )
    for letter in letters:
        if letter not in ACTIVATIONS:
            line.fail(
                f"unknown activation function '{letter[:10]}', expected one of "
                f"{', '.join(ACTIVATIONS)}"
            )
    return [ACTIVATIONS[letter] for letter in letters]


def _scaling(keywords: _Keywords) -> Scaling:
    scale, center, sigma = (
        keywords.one(keyword) is not None
        for keyword in (
            "scale_symmetry_functions",
            "center_symmetry_functions",
            "scale_symmetry_functions_sigma",
        )
    )
    if scale:
        mode = "scale and center" if center else "scale"
    elif center:
        mode = "center"
    else:
        mode = "sigma" if sigma else "none"
    return Scaling(
        mode, keywords.real("scale_min_short", 0.0), keywords.real("scale_max_short", 1.0)
    )


def _normalization(keywords: _Keywords) -> Normalization:
    names = ("mean_energy", "conv_energy", "conv_length")
    given = [name for name in names if keywords.one(name) is not None]
    if not given:
        return Normalization()
    if len(given) < len(names):
        missing = ", ".join(name for name in names if name not in given)
        keywords.needed(given[0]).fail(
            f"normalization needs all of {', '.join(names)}; missing: {missing}"
        )
    result = Normalization(*(keywords.real(name, 0.0) for name in names))
    for name in names[1:]:
        if getattr(result, name) <= 0.0:
            keywords.needed(name).fail(f"{name} must be positive, got {getattr(result, name):g}")
    return result
