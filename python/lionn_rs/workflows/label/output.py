"""Output files of codes outside Python: their version, and whether they have converged.

ASE takes what it finds in an output. CP2K and Quantum ESPRESSO end with numbers and a warning when
the self-consistency cycle does not converge; such numbers must not become labels.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata
from pathlib import Path

from lionn_rs.workflows.label.calculators import PACKAGES

__all__ = ["CodeOutput"]

NOT_CONVERGED = (
    ("*.out", b"SCF run NOT converged"),  # CP2K
    ("*.pwo", b"convergence NOT achieved"),  # pw.x of Quantum ESPRESSO
)
VERSIONS = {
    "vasp": ("OUTCAR", rb"vasp\.([\w.]+)", "VASP"),
    "cp2k": ("*.out", rb"CP2K\| version string:\s+CP2K version ([\w.]+)", "CP2K"),
    "espresso": ("*.pwo", rb"Program PWSCF v\.([\w.]+)", "PWSCF"),
}
HEAD_BYTES = 200_000
"""How much of a file is searched for the version."""


class CodeOutput:
    """Files that a code leaves in its folder while it computes frame after frame.

    Parameters
    ----------
    calculator : str
    folder : Path
    """

    def __init__(self, calculator: str, folder: Path) -> None:
        self.calculator = calculator
        self.folder = folder
        self._sizes: dict[Path, int] = {}

    def begin(self) -> None:
        """Remember how long the files are before a frame."""
        self._sizes = {
            path: path.stat().st_size
            for pattern, _ in NOT_CONVERGED
            for path in self.folder.glob(pattern)
        }

    def complaint(self) -> str:
        """Return what a code has said about convergence since :meth:`begin`; empty if nothing."""
        for pattern, phrase in NOT_CONVERGED:
            for path in self.folder.glob(pattern):
                with path.open("rb") as stream:
                    before = self._sizes.get(path, 0)
                    # A shorter file has been written anew.
                    stream.seek(before if path.stat().st_size >= before else 0)
                    if phrase in stream.read():
                        return phrase.decode()
        return ""

    def version(self) -> str:
        """Name and version of the code, for the provenance of a label.

        Where its output does not say it: that of the Python package that has the calculator.
        """
        if self.calculator in VERSIONS:
            pattern, expression, code = VERSIONS[self.calculator]
            for path in sorted(self.folder.glob(pattern)):
                with path.open("rb") as stream:
                    found = re.search(expression, stream.read(HEAD_BYTES))
                if found:
                    return f"{code} {found[1].decode()}"
        name, colon, _ = self.calculator.partition(":")
        module = name if colon else PACKAGES.get(self.calculator, "ase")
        return _package_version(module.partition(".")[0])


@cache
def _package_version(package: str) -> str:
    distribution = next(iter(metadata.packages_distributions().get(package, [])), None)
    if distribution is None:
        return f"{package} of unknown version"
    return f"{package} {metadata.version(distribution)}"
