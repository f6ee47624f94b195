"""Calculators that label: by their name in ASE or as ``module:Class``, with a preset for GPAW."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from difflib import get_close_matches
from importlib import util
from typing import TYPE_CHECKING, Any

from lionn_rs.errors import ConfigError

if TYPE_CHECKING:
    from ase.calculators.calculator import BaseCalculator

    from lionn_rs.config_label import LabelSection

__all__ = [
    "GPAW_PBE",
    "check_calculator",
    "make_calculator",
    "resolve",
    "settings_hash",
]

GPAW_PBE: dict[str, Any] = {
    "mode": {"name": "pw", "ecut": 350.0},
    "xc": "PBE",
    "kpts": [[0.25, 0.25, 0.25]],
    "occupations": {"name": "fermi-dirac", "width": 0.05},
    # Negative: so many bands above those that the valence electrons fill.
    "nbands": -4,
    "symmetry": "off",
    "convergence": {"density": 3e-4, "energy": 1e-4, "eigenstates": 1e-4},
    "maxiter": 60,
}
"""Level of the bundled set ``lgps_gpaw_pbe``; cutoff and width in eV, convergence as GPAW means it.

The k-point in place of Gamma brings the forces of a 50-atom cell to 0.011 eV/Å (rms) from those of
a 2x2x1 mesh, instead of 0.042.
"""
PRESETS = {"gpaw": GPAW_PBE}
RUNNING = {"gpaw": {"txt": "gpaw.txt"}}
"""How a code is run where the configuration does not say it."""

PACKAGES = {"gpaw": "gpaw", "asap": "asap3", "hotbit": "hotbit", "plumed": "plumed"}
"""Python packages that calculators of these names need."""
REMEDIES = {
    "gpaw": "pip install gpaw, which needs a C++ compiler, libxc and a BLAS library "
    "(Debian: apt install g++ libxc-dev libopenblas-dev)",
    "asap": "pip install asap3",
}


def resolve(section: LabelSection) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments of the calculator: level of theory, and how it is run, with those of a preset.

    A table in ``settings`` replaces that of the preset as a whole.
    """
    settings = PRESETS.get(section.calculator, {}) | section.settings
    running = RUNNING.get(section.calculator, {}) | section.running
    return (
        {key: value for key, value in settings.items() if key not in section.running},
        {key: value for key, value in running.items() if key not in section.settings},
    )


def settings_hash(calculator: str, settings: dict[str, Any]) -> str:
    """SHA-256 of the level of theory, whatever the order of its keys; 350 is 350.0."""
    text = json.dumps([calculator, _plain(settings)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Whole numbers as integers, tuples as lists."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def check_calculator(name: str) -> None:
    """Refuse what cannot be a calculator here, without importing large packages.

    Raises
    ------
    ConfigError
        ASE knows no calculator of this name, or the package that it needs is not installed.
    """
    if ":" in name:
        module, _, attribute = name.partition(":")
        if not re.fullmatch(r"\w+(\.\w+)*", module) or not attribute.isidentifier():
            raise ConfigError(f"calculator must look like 'package.module:Class', got '{name}'")
        return
    from ase.calculators.names import names

    if name not in names:
        close = get_close_matches(name.lower(), names, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"ASE knows {', '.join(names)}"
        raise ConfigError(f"unknown calculator '{name}' ({hint}; others as 'module:Class')")
    package = PACKAGES.get(name)
    if package is not None and util.find_spec(package) is None:
        raise ConfigError(
            f"calculator '{name}' needs the package {package}: "
            + REMEDIES.get(name, f"pip install {package}")
        )


def make_calculator(name: str, arguments: dict[str, Any]) -> BaseCalculator:
    """Instance of a calculator.

    Raises
    ------
    ConfigError
        The class cannot be imported, or does not take the arguments.
    """
    try:
        constructor = _constructor(name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"calculator '{name}' cannot be imported ({_line(error)})") from error
    try:
        calculator: BaseCalculator = constructor(**arguments)
    except Exception as error:
        # Every code has its own way to refuse an argument or to miss its program.
        raise ConfigError(
            f"calculator '{name}' cannot be made with [label] settings and running "
            f"{sorted(arguments)} ({_line(error)})"
        ) from error
    if not hasattr(calculator, "calculate") and not hasattr(calculator, "get_potential_energy"):
        raise ConfigError(f"'{name}' is no ASE calculator but {type(calculator).__name__}")
    return calculator


def _constructor(name: str) -> Any:
    if ":" in name:
        module, _, attribute = name.partition(":")
        return getattr(importlib.import_module(module), attribute)
    from ase.calculators.calculator import get_calculator_class

    return get_calculator_class(name)


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
