"""Calculators and frames for the tests of labelling; workers import this module by its name."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator, SCFError
from ase.calculators.emt import EMT

TOY = "tests.label_toys:Toy"
FREE_MINUS_ENERGY = -0.25
"""So much is the free energy of the toy below its energy, eV."""


class Toy(Calculator):
    """EMT whose frames misbehave as ``info["toy"]`` says; every calculation is noted in a file."""

    implemented_properties = ("energy", "free_energy", "forces", "stress")

    def __init__(self, log: str, seconds: float = 0.0, level: float = 0.0) -> None:
        super().__init__()
        self.log, self.seconds, self.level = Path(log), seconds, level

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        super().calculate(atoms, properties, system_changes)
        with self.log.open("a") as stream:
            stream.write(f"{atoms.info['n']} {os.getpid()}\n")
        time.sleep(self.seconds)
        match atoms.info.get("toy", ""):
            case "scf":
                raise SCFError("did not converge in 60 iterations")
            case "crash":
                os.kill(os.getpid(), signal.SIGKILL)
            case "crash once":
                if len(counts(self.log)[atoms.info["n"]]) == 1:
                    os.kill(os.getpid(), signal.SIGKILL)
            case "sleep":
                time.sleep(600)
            case "program":  # as VASP: another process, which a shell may have started
                subprocess.run(f"echo $$ >> {self.log}.pids; sleep 600; true", shell=True)
            case "quiet":  # as CP2K: a warning, and numbers
                with Path("toy.out").open("a") as stream:
                    stream.write(" *** WARNING in qs_scf.F:601 :: SCF run NOT converged ***\n")
            case "missing":
                raise FileNotFoundError("pseudopotential Cu.upf")
        copper = atoms.copy()
        copper.calc = EMT()
        energy = copper.get_potential_energy()
        self.results = {"energy": energy, "free_energy": energy + FREE_MINUS_ENERGY}
        self.results |= {"forces": copper.get_forces(), "stress": copper.get_stress()}
        if atoms.info.get("toy") == "nan":
            self.results["forces"] = np.full((len(atoms), 3), np.nan)


class NoStress(EMT):
    implemented_properties = ("energy", "forces")


def counts(log: Path) -> dict[int, list[int]]:
    """Processes that worked on each frame, in order."""
    found: dict[int, list[int]] = {}
    for line in log.read_text().splitlines() if log.exists() else ():
        number, process = line.split()
        found.setdefault(int(number), []).append(int(process))
    return found


def copper(n_frames: int, *toys: str) -> list[Atoms]:
    """Rattled cells of four atoms; the first ones misbehave as told."""
    frames = []
    for n in range(n_frames):
        atoms = bulk("Cu", cubic=True)
        atoms.rattle(0.05, seed=n)
        atoms.info["n"] = n
        if n < len(toys) and toys[n]:
            atoms.info["toy"] = toys[n]
        frames.append(atoms)
    return frames
