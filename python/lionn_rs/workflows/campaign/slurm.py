"""A campaign as an array job of Slurm: a plain script, to be looked at before it is submitted."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from lionn_rs.errors import ConfigError

__all__ = ["array_script"]

WARNING_S = 120
"""Time between the signal and the end of a job, for the checkpoint, s."""


def array_script(
    folder: Path, names: Sequence[str], *, job: str, n_threads: int, at_a_time: int | None
) -> str:
    """Text of the script.

    Every element of the array does one run, with ``lionn campaign run-task``. Shortly before its
    time is over, Slurm sends SIGUSR1; the run then writes a checkpoint and the element is queued
    again. SIGTERM comes from ``scancel`` and before preemption: the run writes a checkpoint too,
    but whether the element is queued again is not for the script to say.

    Parameters
    ----------
    folder : Path
        Folder of the campaign, absolute.
    names : sequence of str
        Runs, at least one.
    job : str
        Name of the job.
    n_threads : int
        Processors of each run.
    at_a_time : int, optional
        Runs side by side, at most; default: as many as Slurm gives.

    Raises
    ------
    ConfigError
        There is nothing to run.
    """
    if not names:
        raise ConfigError(f"{folder}: all runs have ended, there is nothing for Slurm to do")
    limit = f"%{at_a_time}" if at_a_time else ""
    program = f"{shlex.quote(sys.executable)} -m lionn_rs.cli.main"
    where = shlex.quote(str(folder))
    tasks = "\n".join(f"  {shlex.quote(name)}" for name in names)
    return f"""#!/bin/bash
# {len(names)} runs of {folder}, one for each element of the array. Submit with: sbatch THIS_FILE
# Partition, account and modules of your cluster belong here.
#SBATCH --job-name={job}
#SBATCH --array=0-{len(names) - 1}{limit}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task={n_threads}
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@{WARNING_S}
#SBATCH --output="{folder}/slurm-%A_%a.log"

tasks=(
{tasks}
)

# SIGUSR1, when the time is nearly over: the run writes its checkpoint and ends, and this element
# of the array is queued again. A run that is finished ends at once. SIGTERM, from scancel or before
# preemption: the run writes its checkpoint and ends.
stopped=''
trap 'stopped=time; kill -TERM "$child" 2>/dev/null' USR1
trap 'stopped=cancel; kill -TERM "$child" 2>/dev/null' TERM

{program} campaign run-task {where} "${{tasks[$SLURM_ARRAY_TASK_ID]}}" \\
  --threads "${{SLURM_CPUS_PER_TASK:-{n_threads}}}" &
child=$!
wait "$child"
code=$?
if [ -n "$stopped" ]; then
  wait "$child"
  code=$?
fi
if [ "$stopped" = time ]; then
  scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
  exit 0
fi
exit "$code"
"""
