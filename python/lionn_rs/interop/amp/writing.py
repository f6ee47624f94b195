"""From the document of a potential to the text of an AMP calculator."""

from __future__ import annotations

from typing import Any

from lionn_rs.errors import ModelFileError
from lionn_rs.interop.amp.activations import Network, has_small_output, uniform
from lionn_rs.interop.amp.reading import GAUSSIAN, NETWORK, VERSIONS, ZERNIKE

__all__ = ["calculator_text"]


def calculator_text(document: dict[str, Any], networks: dict[str, Any]) -> tuple[str, list[str]]:
    """Text that AMP loads, and notes for the user.

    Parameters
    ----------
    document : dict
        Potential file; its elements and descriptor are used.
    networks : dict
        Element networks of the potential, or of one member of a committee.

    Raises
    ------
    ModelFileError
        With the reason, if AMP cannot express the potential.
    """
    if document.get("repulsion"):
        raise ModelFileError(
            "AMP has no short-range repulsion, this potential has one; it is zero on the "
            "training images: --drop-repulsion (drop_repulsion=True) leaves it out"
        )
    spec = document["descriptor"]
    kinds = {"gaussian": _gaussian, "zernike": _zernike}
    if spec["type"] not in kinds:
        raise ModelFileError(
            f"AMP has no {spec['type']} descriptor; it has Gaussian symmetry functions and Zernike "
            "moments of one density"
        )
    activation, written = uniform({e: Network.of(entry) for e, entry in networks.items()})
    notes = []
    if any(has_small_output(network) for network in written.values()):
        notes.append(
            "AMP applies its activation to the output too; a linear output was written as tanh of "
            "very small numbers, which gives the same energies and is no start for more training"
        )
    elif activation == "tanh" and any(
        set(entry["activations"]) != {"tanh"} for entry in networks.values()
    ):
        notes.append("AMP has one activation for all layers; all were rewritten with tanh")
    texts = {
        "descriptor": _call(kinds[spec["type"]](spec)),
        "model": _call(_model(activation, networks, written)),
    }
    return _call(texts), notes


def _model(
    activation: str, networks: dict[str, Any], written: dict[str, Network]
) -> dict[str, Any]:
    """Parameters of AMP's model: ranges as they are, networks as rewritten."""
    return {
        "activation": activation,
        "fprange": {
            element: [list(pair) for pair in zip(entry["min"], entry["max"], strict=True)]
            for element, entry in networks.items()
        },
        "hiddenlayers": {
            element: tuple(matrix.shape[1] for matrix in network.weights[:-1])
            for element, network in written.items()
        },
        "importname": NETWORK,
        "mode": "atom-centered",
        "scalings": {
            element: {"intercept": float(network.intercept), "slope": float(network.slope)}
            for element, network in written.items()
        },
        "version": VERSIONS[NETWORK],
        "weights": {
            element: {layer: w.tolist() for layer, w in enumerate(network.weights, start=1)}
            for element, network in written.items()
        },
    }


def _call(entries: dict[str, Any]) -> str:
    """Keyword call of ``dict``, laid out as AMP does."""
    return "dict(" + ",\n     ".join(f"{key}={entries[key]!r}" for key in sorted(entries)) + ")\n"


def _cutoff(cutoff: dict[str, Any]) -> dict[str, Any]:
    if cutoff["type"] == "cosine":
        return {"name": "Cosine", "kwargs": {"Rc": cutoff["radius"]}}
    return {"name": "Polynomial", "kwargs": {"Rc": cutoff["radius"], "gamma": cutoff["gamma"]}}


def _descriptor(name: str, spec: dict[str, Any], cutoff: dict[str, Any], gs: Any) -> dict[str, Any]:
    return {
        "Gs": gs,
        "cutoff": _cutoff(cutoff),
        "elements": list(spec["elements"]),
        "importname": name,
        "mode": "atom-centered",
        "version": VERSIONS[name],
    }


def _gaussian(spec: dict[str, Any]) -> dict[str, Any]:
    functions = [f for listed in spec["functions"].values() for f in listed]
    cutoffs: list[dict[str, Any]] = []
    for function in functions:
        cutoff = function.get("cutoff") or spec["cutoff"]
        if cutoff not in cutoffs:
            cutoffs.append(cutoff)
    if len(cutoffs) != 1:
        radii = ", ".join(f"{cutoff['type']} {cutoff['radius']:g} Å" for cutoff in cutoffs)
        raise ModelFileError(f"AMP has one cutoff for all functions, this potential has {radii}")
    # AMP's exponents are divided by Rc².
    unit = cutoffs[0]["radius"] ** 2 if spec.get("eta_unit") == "1/A^2" else 1.0
    listed = {
        element: [_function(function, unit) for function in of_element]
        for element, of_element in spec["functions"].items()
    }
    return _descriptor(GAUSSIAN, spec, cutoffs[0], listed)


def _function(function: dict[str, Any], unit: float) -> dict[str, Any]:
    eta, rs = function["eta"] * unit, function.get("rs") or 0.0
    if function["type"] == "G2":
        return {"type": "G2", "element": function["neighbor"], "eta": eta, "offset": rs}
    if rs != 0.0:
        raise ModelFileError(
            f"AMP has no angular functions with a shifted center; a {function['type']} of this "
            f"potential has Rs = {rs:g} Å"
        )
    return {
        "type": function["type"],
        "elements": sorted(function["neighbors"]),
        "eta": eta,
        "gamma": function["gamma"],
        "zeta": function["zeta"],
    }


def _zernike(spec: dict[str, Any]) -> dict[str, Any]:
    from ase.data import atomic_numbers

    elements = spec["elements"]
    resolved = spec.get("resolved", False)
    if resolved and len(elements) > 1:
        raise ModelFileError(
            "AMP's Zernike descriptor has one density for all elements; this potential tells them "
            "apart (resolved = true)"
        )
    if spec["cutoff"]["type"] != "cosine":
        raise ModelFileError(
            "AMP 1.0.1 ends with an error where a Zernike descriptor has a polynomial cutoff; only "
            "cosine cutoffs can be written"
        )
    weights: dict[str, Any] = spec.get("weights") or {
        element: 1 if resolved else atomic_numbers[element] for element in elements
    }
    if not isinstance(next(iter(weights.values())), dict):
        weights = {center: weights for center in elements}
    own = {center: dict(weights[center]) for center in elements}
    entries = _descriptor(ZERNIKE, spec, spec["cutoff"], own)
    return {**entries, "nmax": spec["n_max"]}
