"""From a folder of n2p2 or RuNNer to the document of a potential of lionn_rs.

The energy of an atom is ``(network/conv_energy + mean_energy + atom_energy)/cfenergy``, and lengths
in Å are multiplied by ``cflength`` first. n2p2's scaling of features and lionn_rs' differ by an
affine map per feature, which goes into the weights of the first layer: nothing is lost but
rounding.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import ConfigError
from lionn_rs.interop.n2p2.cutoffs import cutoff_spec
from lionn_rs.interop.n2p2.settings import Settings, read_settings
from lionn_rs.interop.n2p2.tables import AffineScaling, read_scaling, read_weights, weights_file
from lionn_rs.interop.n2p2.text import TextFile
from lionn_rs.scaling import min_max_scaling

__all__ = ["UNITS", "read_document"]

UNITS: Final = {
    "ev-angstrom": (1.0, 1.0),
    "hartree-bohr": (1.8897261328, 0.0367493254),
}
"""Unit of length per Å and of energy per eV. Those of bohr and hartree are the ones of n2p2's and
LAMMPS' documentation, 4e-9 and 9e-8 off CODATA: published energies were made with them."""


def read_document(folder: Path, units: str | None) -> dict[str, Any]:
    """Document of a potential.

    Parameters
    ----------
    folder : Path
        With ``input.nn``, ``scaling.data`` and one ``weights.NNN.data`` per element.
    units : str, optional
        See :func:`unit_factors`.

    Raises
    ------
    ModelFileError
        With file and line, for anything that cannot be read to the same energies.
    ConfigError
        For unknown units.
    """
    settings = read_settings(folder / "input.nn")
    cflength, cfenergy = unit_factors(units, settings)
    scaling_file = TextFile(folder / "scaling.data")
    counts = {element: len(functions) for element, functions in settings.functions.items()}
    scalings = read_scaling(scaling_file, counts, settings.scaling)
    files = [settings.file, scaling_file]
    networks, functions = {}, {}
    for element, number in settings.numbers.items():
        file = TextFile(weights_file(folder, number))
        files.append(file)
        topology = settings.topologies[element]
        layers = read_weights(file, counts[element], topology.candidates)
        with np.errstate(over="ignore", invalid="ignore"):
            layers[0] = _first_layer(layers[0], scalings[element])
        if not np.isfinite(layers[0]).all():
            scaling_file.fail(f"ranges of {element} are beyond all numbers")
        networks[element] = _network(
            layers, scalings[element], settings, element, topology.activations, cfenergy
        )
        functions[element] = [
            function.spec(_cutoff(settings, function.rc / cflength), cflength)
            for function in settings.functions[element]
        ]
    elements = sorted(settings.numbers)
    largest = max(f["cutoff"]["radius"] for fs in functions.values() for f in fs)
    return {
        "format": "lionn-potential",
        "version": 3,
        "units": {"length": "A", "energy": "eV"},
        "elements": elements,
        "descriptor": {
            "type": "gaussian",
            "elements": elements,
            "cutoff": _cutoff(settings, largest),
            "eta_unit": "1/A^2",
            "functions": {element: functions[element] for element in elements},
        },
        "networks": {element: networks[element] for element in elements},
        "metadata": {"source": _source(settings, files, cflength, cfenergy)},
    }


def unit_factors(units: str | None, settings: Settings) -> tuple[float, float]:
    """Return the units of length per Å and of energy per eV.

    Parameters
    ----------
    units : str, optional
        A key of :data:`UNITS`, or two numbers ``CFLENGTH,CFENERGY`` as in LAMMPS' ``pair_style
        hdnnp``; needed unless the file was written by lionn_rs.
    settings : Settings
        The file.

    Raises
    ------
    ModelFileError
        If nobody says the units.
    ConfigError
        For anything else.
    """
    if units is None:
        if settings.says_units:
            return UNITS["ev-angstrom"]
        largest = max(f.rc for functions in settings.functions.values() for f in functions)
        settings.file.fail(
            f"does not say its units; name them with --units: {', '.join(UNITS)}, or "
            f"CFLENGTH,CFENERGY (the largest cutoff radius is {largest:g})"
        )
    if units.lower() in UNITS:
        return UNITS[units.lower()]
    try:
        cflength, cfenergy = (float(word) for word in units.split(","))
    except ValueError:
        cflength = cfenergy = float("nan")
    if not (0.0 < cflength < np.inf and 0.0 < cfenergy < np.inf):
        raise ConfigError(
            f"units must be one of {', '.join(UNITS)}, or two positive numbers "
            f"CFLENGTH,CFENERGY, got '{units}'"
        )
    return cflength, cfenergy


def _cutoff(settings: Settings, radius: float) -> dict[str, Any]:
    return cutoff_spec(settings.cutoff_type, settings.cutoff_alpha, radius)


def _network(
    layers: list[NDArray[np.float64]],
    scaling: AffineScaling,
    settings: Settings,
    element: str,
    activations: list[str],
    cfenergy: float,
) -> dict[str, Any]:
    if settings.normalize_nodes:
        layers = [layer / (len(layer) - 1) for layer in layers]
    normalization = settings.normalization
    energy = normalization.mean_energy + settings.atom_energies.get(element, 0.0)
    return {
        "min": scaling.minima.tolist(),
        "max": scaling.maxima.tolist(),
        "activations": activations,
        "weights": [layer.tolist() for layer in layers],
        "intercept": energy / cfenergy,
        "slope": 1.0 / (normalization.conv_energy * cfenergy),
    }


def _first_layer(layer: NDArray[np.float64], scaling: AffineScaling) -> NDArray[np.float64]:
    """Weights for inputs between -1 and 1 over the range of each feature."""
    own_factor, own_offset = min_max_scaling(scaling.minima, scaling.maxima)
    # Where an input of lionn_rs is zero: G = -offset/factor, in the middle of the range.
    middle = np.where(own_offset == 0.0, 0.0, 0.5 * (scaling.minima + scaling.maxima))
    shift = scaling.factor * (middle - scaling.center) + scaling.offset
    weights = layer[:-1] * (scaling.factor / own_factor)[:, None]
    return np.vstack([weights, layer[-1] + shift @ layer[:-1]])


def _source(
    settings: Settings, files: list[TextFile], cflength: float, cfenergy: float
) -> dict[str, Any]:
    notes = []
    if settings.cutoff_type == 0:
        notes.append("the cutoff is hard: energies jump where atoms cross it")
    return {
        "program": "n2p2",
        "cflength": cflength,
        "cfenergy": cfenergy,
        "scaling": settings.scaling.mode,
        "files": {file.path.name: hashlib.sha256(file.content).hexdigest() for file in files},
        "notes": notes,
    }
