"""LAMMPS and MPI as they are installed."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lionn_rs.errors import ConfigError, SimulationError
from lionn_rs.lammps.model import VARIABLE

__all__ = ["Program", "find_program"]

NAMES = ("lmp", "lmp_mpi", "lammps", "lmp_serial")
LAUNCHERS = ("mpirun", "mpiexec")
ADVICE = "Debian and Ubuntu: apt install lammps; conda: conda install -c conda-forge lammps"


@dataclass(frozen=True)
class Program:
    """An installed LAMMPS with the KIM package.

    Attributes
    ----------
    path : str
        The program.
    version : str
        As it calls itself.
    """

    path: str
    version: str

    def run(
        self, script: Path, *, models: Path, n_ranks: int, variables: dict[str, str] | None = None
    ) -> str:
        """Run an input script in its folder and return what LAMMPS logs.

        Parameters
        ----------
        script : Path
            The script.
        models : Path
            Folder of the KIM models.
        n_ranks : int
            Number of MPI processes, one thread each; more than one needs ``mpirun``.
        variables : dict, optional
            Variables of the script.

        Raises
        ------
        ConfigError
            There is no ``mpirun``.
        SimulationError
            LAMMPS stopped with an error, or did not use the ranks.
        """
        log = script.with_name(f"log.{n_ranks}")
        command = [*_launcher(n_ranks), self.path, "-in", script.name, "-log", log.name]
        for name, value in (variables or {}).items():
            command += ["-var", name, value]
        environment = os.environ | {VARIABLE: str(models.resolve()), "OMP_NUM_THREADS": "1"}
        run = subprocess.run(
            command,
            cwd=script.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode != 0:
            reason = _error_of(run.stdout, run.stderr) or f"exit code {run.returncode}"
            raise SimulationError(f"{self.path} -in {script.name}, {n_ranks} ranks: {reason}")
        text = log.read_text(encoding="utf-8", errors="replace")
        grid = re.search(r"(\d+) by (\d+) by (\d+) MPI processor grid", text)
        if grid is None or math.prod(int(n) for n in grid.groups()) != n_ranks:
            raise SimulationError(
                f"{self.path} did not use {n_ranks} ranks: it is built without MPI, or for "
                f"another MPI than that of {command[0]}"
            )
        return text


def find_program(name: str | None = None) -> Program:
    """Find LAMMPS and make sure that it has the KIM package.

    Parameters
    ----------
    name : str, optional
        Program or path; by default the first of ``lmp``, ``lmp_mpi``, ``lammps``, ``lmp_serial``.

    Raises
    ------
    ConfigError
        There is none, it does not run, or it has no KIM package.
    """
    names = NAMES if name is None else (name,)
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        raise ConfigError(f"LAMMPS not found: no program {' or '.join(names)} ({ADVICE})")
    run = subprocess.run(
        [path, "-h"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        reason = _error_of(run.stdout, run.stderr) or f"exit code {run.returncode}"
        raise ConfigError(f"{path} -h failed: {reason}")
    packages = re.search(r"Installed packages:\s+(.*?)\n\s*\n", run.stdout, re.DOTALL)
    if packages is None or "KIM" not in packages[1].split():
        raise ConfigError(f"{path} is built without the KIM package ({ADVICE})")
    version = re.search(r"Simulator - (.+)", run.stdout)
    return Program(path, version[1].strip() if version else "unknown version")


def _launcher(n_ranks: int) -> list[str]:
    """Command that starts several ranks on whatever cores there are."""
    if n_ranks == 1:
        return []
    path = next((found for name in LAUNCHERS if (found := shutil.which(name))), None)
    if path is None:
        raise ConfigError(
            f"{' or '.join(LAUNCHERS)} not found, needed for {n_ranks} ranks "
            "(Debian: apt install openmpi-bin; --ranks 1 checks without)"
        )
    command = [path, "-np", str(n_ranks)]
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    if "open mpi" in version.stdout.lower() or "open-mpi" in version.stdout.lower():
        command += ["--oversubscribe", "--bind-to", "none"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--allow-run-as-root")
    return command


def _error_of(*texts: str) -> str | None:
    """Find the line that says what went wrong: that of the model before that of LAMMPS."""
    lines = [line.strip() for text in texts for line in text.splitlines()]
    for start in ("lionn_rs: ", "ERROR"):
        found = [line for line in lines if line.startswith(start)]
        if found:
            return found[0]
    return next((line for line in reversed(lines) if line), None)
