"""Diffusivity and conductivity with their intervals, from the run of 03.

Two picoseconds are far too short, and the result says so.
"""

from lionn_rs.analysis import diffusivity
from lionn_rs.md import Trajectory
from lionn_rs.plots.diffusion import plot_msd

trajectory = Trajectory.open("runs/md-600K")
result = diffusivity(
    trajectory.positions("production"),
    cell=trajectory.cell,
    numbers=trajectory.numbers,
    frame_interval_fs=trajectory.frame_interval_fs,
    temperature_K=trajectory.temperature_K,
    carrier="Li",
    charge=1,
)
print(result)
plot_msd([result]).savefig("runs/md-600K/msd.png")
