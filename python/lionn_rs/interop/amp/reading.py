"""From the text of one AMP calculator to the document of a potential of lionn_rs.

Conventions of AMP (Khorshidi and Peterson, Comput. Phys. Commun. 207, 310 (2016),
doi 10.1016/j.cpc.2016.05.010): exponents are divided by Rc²; a feature enters the network as
``2 (G - min)/(max - min) - 1``, and as it is where its range is below 1e-8; all layers, the output
too, have one activation; ``E = slope o + intercept`` for every atom.
"""

from __future__ import annotations

from typing import Any

from lionn_rs import _core
from lionn_rs.interop.amp.fields import Section
from lionn_rs.interop.amp.literals import Entries, Items, Source
from lionn_rs.model_format import FORMAT
from lionn_rs.scaling import CONSTANT_RANGE

__all__ = ["read_calculator"]

GAUSSIAN, ZERNIKE = ".descriptor.gaussian.Gaussian", ".descriptor.zernike.Zernike"
NETWORK = ".model.neuralnetwork.NeuralNetwork"
VERSIONS = {GAUSSIAN: "2015.12", ZERNIKE: "2016.02", NETWORK: "2015.12"}
"""The only versions of the three parts that AMP 1.0.1 accepts."""
ACTIVATIONS = ("tanh", "sigmoid", "linear")

_COMMON = {"importname", "version", "mode", "fortran"}
_DESCRIPTOR_KEYS = _COMMON | {"cutoff", "Gs", "elements", "dblabel"}
_MODEL_KEYS = _COMMON | {"activation", "fprange", "hiddenlayers", "scalings", "weights"}
_TRAINING_KEYS = {"regressor", "lossfunction", "checkpoints", "randomseed", "prescale"}
_FUNCTION_KEYS = {
    "G2": {"type", "element", "eta", "offset"},
    "G4": {"type", "elements", "eta", "gamma", "zeta"},
    "G5": {"type", "elements", "eta", "gamma", "zeta"},
}


def read_calculator(source: Source) -> dict[str, Any]:
    """Document of a potential, without metadata.

    Raises
    ------
    ModelFileError
        With the line, for texts that are no AMP calculator and for what lionn_rs does not evaluate.
    """
    whole = Section.whole(source, "the file")
    whole.only({"descriptor", "model"})
    descriptor, model = whole.text("descriptor"), whole.text("model")
    kind = _part(descriptor, {GAUSSIAN, ZERNIKE})
    _part(model, {NETWORK})
    descriptor.only(_DESCRIPTOR_KEYS | ({"nmax"} if kind == ZERNIKE else set()))
    model.only(_MODEL_KEYS | _TRAINING_KEYS)
    if model.entries.get("weights") is None or model.entries.get("scalings") is None:
        model.fail("the model has no weights; it was saved before it was trained")
    elements = _elements(model)
    if kind == GAUSSIAN:
        spec, used = _gaussian(descriptor, elements)
    else:
        spec, used = _zernike(descriptor, elements)
    networks = {element: _network(model, element, used[element]) for element in elements}
    return {
        "format": FORMAT,
        "version": 1 if kind == GAUSSIAN else 2,
        "units": {"length": "A", "energy": "eV"},
        "elements": elements,
        "descriptor": spec,
        "networks": networks,
    }


def _part(section: Section, known: set[str]) -> str:
    """Which class a text is for; the version and the mode must be those that AMP accepts."""
    name = section.get("importname", str)
    if name not in known:
        section.fail(
            f"{section.name} is of the class {name!r:.60}; lionn_rs evaluates "
            f"{' and '.join(sorted(known))}",
            "importname",
        )
    version = section.entries.get("version")
    if version not in (None, VERSIONS[name]):
        section.fail(f"version {version!r:.20} of {name}, expected {VERSIONS[name]}", "version")
    mode = section.entries.get("mode")
    if mode != "atom-centered":
        section.fail(f"{section.name} must be in the mode 'atom-centered', got {mode!r:.40}")
    return name


def _elements(model: Section) -> list[str]:
    """Elements that have a network; the other dictionaries of the model must have the same."""
    elements = sorted(str(key) for key in model.section("weights", "weights").entries)
    if not elements:
        model.fail("no element has weights", "weights")
    for key in ("fprange", "scalings"):
        found = sorted(str(entry) for entry in model.section(key, key).entries)
        if found != elements:
            model.fail(f"{key} is given for {found!r:.60}, weights for {elements!r:.60}", key)
    for element in elements:
        _check_symbol(model, element, "weights")
    return elements


def _check_symbol(section: Section, symbol: str, key: str | int) -> None:
    from ase.data import atomic_numbers

    if symbol == "X" or symbol not in atomic_numbers:
        section.fail(f"{symbol!r:.20} is no chemical symbol", key)


def _cutoff(descriptor: Section) -> dict[str, Any]:
    if not isinstance(descriptor.entries.get("cutoff"), Entries):
        return {"type": "cosine", "radius": descriptor.number("cutoff")}
    cutoff = descriptor.section("cutoff", "the cutoff")
    cutoff.only({"name", "kwargs"})
    name, kwargs = cutoff.get("name", str), cutoff.section("kwargs", "the cutoff")
    if name == "Cosine":
        kwargs.only({"Rc"})
        return {"type": "cosine", "radius": kwargs.number("Rc")}
    if name == "Polynomial":
        kwargs.only({"Rc", "gamma"})
        gamma = kwargs.number("gamma", default=4.0)
        return {"type": "polynomial", "radius": kwargs.number("Rc"), "gamma": gamma}
    cutoff.fail(f"cutoff function {name!r:.40}; lionn_rs has Cosine and Polynomial", "name")


def _gaussian(
    descriptor: Section, elements: list[str]
) -> tuple[dict[str, Any], dict[str, list[bool]]]:
    """Descriptor, and which functions of every element can differ from zero."""
    centers = descriptor.section("Gs", "Gs")
    functions: dict[str, list[dict[str, Any]]] = {}
    used: dict[str, list[bool]] = {}
    for element in elements:
        listed = centers.get(element, Items)
        read = [_function(centers, entry, element) for entry in listed]
        used[element] = [set(neighbors) <= set(elements) for _, neighbors in read]
        functions[element] = [spec for spec, neighbors in read if set(neighbors) <= set(elements)]
        if not functions[element]:
            centers.fail(f"no function of {element} sees an element of the model", element)
    spec = {
        "type": "gaussian",
        "elements": elements,
        "cutoff": _cutoff(descriptor),
        "eta_unit": "1/Rc^2",
        "functions": functions,
    }
    return _checked(descriptor, spec), used


def _function(centers: Section, entry: Any, element: str) -> tuple[dict[str, Any], list[str]]:
    """One symmetry function and its neighbor elements."""
    if not isinstance(entry, Entries):
        centers.fail(f"a symmetry function of {element} is no dictionary", element)
    function = Section(centers.source, entry, f"a symmetry function of {element}")
    kind = function.get("type", str)
    if kind not in _FUNCTION_KEYS:
        function.fail(f"symmetry function of type {kind!r:.20}; AMP has G2, G4 and G5", "type")
    function.only(_FUNCTION_KEYS[kind])
    spec: dict[str, Any] = {"type": kind, "eta": function.number("eta")}
    if kind == "G2":
        neighbors = [function.get("element", str)]
        spec |= {"neighbor": neighbors[0], "rs": function.number("offset", default=0.0)}
    else:
        neighbors = [str(symbol) for symbol in function.get("elements", Items)]
        if len(neighbors) != 2:
            function.fail(f"{kind} must have two neighbor elements, got {len(neighbors)}")
        spec |= {"neighbors": neighbors}
        spec |= {key: function.number(key) for key in ("zeta", "gamma")}
    for symbol in neighbors:
        _check_symbol(function, symbol, "type")
    return spec, neighbors


def _zernike(
    descriptor: Section, elements: list[str]
) -> tuple[dict[str, Any], dict[str, list[bool]]]:
    """Descriptor; every function of every element counts."""
    n_max = descriptor.get("nmax", int)
    weights: dict[str, dict[str, float]] | None = None
    if descriptor.entries.get("Gs") is not None:
        centers = descriptor.section("Gs", "Gs")
        rows = {center: centers.section(center, f"Gs of {center}") for center in elements}
        weights = {
            center: {neighbor: row.number(neighbor) for neighbor in elements}
            for center, row in rows.items()
        }
    spec: dict[str, Any] = {
        "type": "zernike",
        "elements": elements,
        "cutoff": _cutoff(descriptor),
        "n_max": n_max,
        "resolved": False,
    }
    if weights is not None and not _is_default(weights):
        first = weights[elements[0]]
        same = all(row == first for row in weights.values())
        spec["weights"] = first if same else weights
    checked = _checked(descriptor, spec)
    counts = dict(zip(elements, _core.Descriptor(checked).n_features, strict=True))
    return checked, {element: [True] * counts[element] for element in elements}


def _is_default(weights: dict[str, dict[str, float]]) -> bool:
    """Whether every neighbor counts with its atomic number."""
    from ase.data import atomic_numbers

    return all(
        weight == atomic_numbers[neighbor]
        for row in weights.values()
        for neighbor, weight in row.items()
    )


def _checked(descriptor: Section, spec: dict[str, Any]) -> dict[str, Any]:
    """Let the core say whether it evaluates the descriptor."""
    from lionn_rs.errors import LionnError

    try:
        _core.Descriptor(spec)
    except LionnError as error:
        descriptor.fail(f"a descriptor that lionn_rs does not evaluate: {error}")
    return spec


def _network(model: Section, element: str, used: list[bool]) -> dict[str, Any]:
    """Scaling, network and output scaling of one element."""
    ranges = model.section("fprange", "fprange").matrix(element, n_columns=2)
    if len(ranges) != len(used):
        model.fail(
            f"fprange of {element} has {len(ranges)} rows, its fingerprint {len(used)}", "fprange"
        )
    for number, (low, high) in enumerate(ranges):
        if low > high:
            model.fail(
                f"fprange of {element}: minimum {low} above {high} in row {number}", "fprange"
            )
    weights = _layers(model, element, len(used))
    activation = model.get("activation", str)
    if activation not in ACTIVATIONS:
        model.fail(f"activation {activation!r:.20}; AMP has tanh, sigmoid and linear", "activation")
    scaling = model.section("scalings", "scalings").section(element, f"scalings of {element}")
    scaling.only({"intercept", "slope"})
    weights[0] = _fold_zeros(weights[0], ranges, used)
    kept = [pair for pair, is_used in zip(ranges, used, strict=True) if is_used]
    return {
        "min": [low for low, _ in kept],
        "max": [high for _, high in kept],
        "activations": [activation] * len(weights),
        "weights": weights,
        "intercept": scaling.number("intercept"),
        "slope": scaling.number("slope"),
    }


def _layers(model: Section, element: str, n_features: int) -> list[list[list[float]]]:
    """Weight matrices of one element, bias row last, in the order of the layers."""
    weights = model.section("weights", "weights").section(element, f"weights of {element}")
    n_layers = len(weights.entries)
    matrices = [weights.matrix(layer) for layer in range(1, n_layers + 1)]
    widths = [n_features] + [len(matrix[0]) if matrix else 0 for matrix in matrices]
    for layer, matrix in enumerate(matrices):
        if len(matrix) != widths[layer] + 1:
            weights.fail(
                f"weights of {element}, layer {layer + 1}: {len(matrix)} rows, expected "
                f"{widths[layer] + 1} ({widths[layer]} inputs and the bias)",
                layer + 1,
            )
    if n_layers < 2 or widths[-1] != 1:
        weights.fail(
            f"weights of {element}: expected hidden layers and an output of width 1, got widths "
            f"{widths!r:.60}"
        )
    stated = model.get("hiddenlayers", object)
    if isinstance(stated, Entries):
        stated = model.section("hiddenlayers", "hiddenlayers").get(element, object)
    stated = list(stated) if isinstance(stated, Items) else [stated]
    if stated != widths[1:-1]:
        model.fail(
            f"hiddenlayers of {element} are {stated!r:.60}, the weights have {widths[1:-1]!r:.60}",
            "hiddenlayers",
        )
    return matrices


def _fold_zeros(
    layer: list[list[float]], ranges: list[list[float]], used: list[bool]
) -> list[list[float]]:
    """First layer without the inputs that are always zero; their part goes into the bias."""
    *rows, bias = layer
    for row, (low, high), is_used in zip(rows, ranges, used, strict=True):
        if not is_used and high - low > CONSTANT_RANGE:
            scaled = -1.0 - 2.0 * low / (high - low)
            bias = [b + scaled * w for b, w in zip(bias, row, strict=True)]
    return [row for row, is_used in zip(rows, used, strict=True) if is_used] + [bias]
