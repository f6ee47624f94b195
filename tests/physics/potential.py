"""Shortens the file of a trained potential to what energies and forces are made of.

python tests/physics/potential.py runs/lgps/best.json lgps_powerspectrum.json
"""

from __future__ import annotations

import sys
from pathlib import Path

import lionn_rs as lionn


def main(source: str, target: str) -> None:
    potential = lionn.load(source)
    assert isinstance(potential, lionn.Potential)
    core = potential.core.with_training_range(None)
    shortened = lionn.Potential(core, potential.metadata)
    assert shortened.hash == potential.hash
    shortened.save(Path(target), force=True)
    print(shortened.hash)


if __name__ == "__main__":
    main(*sys.argv[1:])
