"""From the runs of a campaign, finished or not, to diffusivities and Arrhenius lines."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lionn_rs.config import ArrheniusSection, DiffusionSection
from lionn_rs.errors import DataError, LionnError
from lionn_rs.files import write_json, write_text
from lionn_rs.md.thermo import THERMO_FILE
from lionn_rs.md.trajectory import METADATA_FILE, TRAJECTORY_FILE
from lionn_rs.progress import progress as progress_display
from lionn_rs.workflows.campaign.results import CampaignGroup, CampaignResult, CampaignRun
from lionn_rs.workflows.campaign.status import read_campaign, read_state
from lionn_rs.workflows.campaign.tables import (
    compositions_csv,
    groups_csv,
    markdown,
    runs_csv,
    to_record,
)
from lionn_rs.workflows.campaign.tasks import CampaignTask
from lionn_rs.workflows.campaign.worker import TASKS_FOLDER
from lionn_rs.workflows.figures import save_figure
from lionn_rs.workflows.transport import analyze_folder, fit_arrhenius

if TYPE_CHECKING:
    from lionn_rs.analysis import DiffusionResult

__all__ = ["ANALYSIS_FOLDER", "analyze_campaign"]

ANALYSIS_FOLDER = "analysis"


def analyze_campaign(
    folder: str | Path,
    *,
    errors: Mapping[str, str] | None = None,
    progress: bool = True,
) -> CampaignResult:
    """Analyze what a campaign has so far, also while it runs; writes tables and figures.

    Runs at work are read as of their last checkpoint and disturb nobody. Their diffusivities are
    preliminary and enter no Arrhenius line: runs of different lengths differ in more than their
    errors.

    Parameters
    ----------
    folder : str or Path
        Folder of the campaign. The results lie in its folder ``analysis``, those of each finished
        run in ``diffusion.json`` beside its trajectory.
    errors : mapping, optional
        What kept runs from an end, by their names.
    progress : bool
        Show progress.

    Returns
    -------
    CampaignResult

    Raises
    ------
    DataError
        The folder holds no campaign.
    """
    folder = Path(folder)
    content = read_campaign(folder)
    diffusion = DiffusionSection.model_validate(content["diffusion"])
    tasks = [CampaignTask.from_dict(record) for record in content["tasks"]]
    runs: list[CampaignRun] = []
    with progress_display("analysis", len(tasks), "runs", enabled=progress) as display:
        for task in tasks:
            runs.append(_analyze(folder, task, diffusion))
            display.advance(1)
    arrhenius = ArrheniusSection.model_validate(content["arrhenius"])
    result = CampaignResult(
        name=content["name"],
        runs=runs,
        groups=_groups(runs, arrhenius),
        errors=dict(errors or {}),
        folder=folder,
        extrapolate_to_K=arrhenius.extrapolate_to_K,
        concentration_label=content["concentration_label"],
    )
    _write(result, folder / ANALYSIS_FOLDER)
    return result


def _analyze(folder: Path, task: CampaignTask, section: DiffusionSection) -> CampaignRun:
    """Diffusivity of one run, as far as there is one."""
    state = read_state(folder, task)
    place = folder / TASKS_FOLDER / task.name
    if state.state == "failed":
        return CampaignRun(state, reason=state.message)
    if not (place / METADATA_FILE).exists():
        return CampaignRun(state, reason="not begun")
    try:
        if state.state == "finished":
            return CampaignRun(state, analyze_folder(place, section))
        return CampaignRun(state, _preliminary(place, section))
    except LionnError as error:
        # The name of the run stands beside it.
        return CampaignRun(state, reason=str(error).rpartition(f"{place}: ")[2].split("\n")[0])


def _preliminary(place: Path, section: DiffusionSection) -> DiffusionResult:
    """Diffusivity of a run that may be at work, from a copy.

    HDF5 locks a file that is open, so that a look at it could end the run. What md.json speaks of
    is in the files already, hence it is copied first.
    """
    with tempfile.TemporaryDirectory(prefix="lionn-") as name:
        copy = Path(name)
        for file in (METADATA_FILE, TRAJECTORY_FILE, THERMO_FILE):
            try:
                shutil.copyfile(place / file, copy / file)
            except OSError as error:
                raise DataError(f"not begun ({error.strerror})") from error
        try:
            return analyze_folder(copy, section)
        except DataError as error:
            text = str(error).removeprefix(f"{copy}: ").replace(str(copy), str(place))
            raise DataError(text) from error


def _groups(runs: list[CampaignRun], section: ArrheniusSection) -> list[CampaignGroup]:
    """Sort runs by potential, composition and size, and fit the lines that there are."""
    found: dict[tuple[str, str, tuple[int, int, int]], list[CampaignRun]] = {}
    for run in runs:
        found.setdefault(run.task.group, []).append(run)
    groups = []
    for members in found.values():
        task = members[0].task
        group = CampaignGroup(
            potential=task.potential,
            structure=task.structure,
            concentration=task.concentration,
            supercell=task.supercell,
            n_atoms=task.n_atoms,
            runs=members,
            fit=None,
            reason="",
        )
        try:
            fit = fit_arrhenius(group.finished, section, replica_labels=group.replica_labels)
            group = replace(group, fit=fit)
        except LionnError as error:
            group = replace(group, reason=str(error))
        groups.append(group)
    return groups


def _write(result: CampaignResult, folder: Path) -> None:
    """Write tables and figures."""
    folder.mkdir(exist_ok=True)
    write_text(folder / "runs.csv", runs_csv(result))
    write_text(folder / "table.csv", groups_csv(result))
    write_text(folder / "table.md", markdown(result))
    write_json(folder / "results.json", to_record(result))
    compared = compositions_csv(result)
    if compared:
        write_text(folder / "compositions.csv", compared)
    if any(group.conductivities for group in result.groups):
        from lionn_rs.plots.campaign import plot_arrhenius_lines, plot_concentration

        save_figure(plot_arrhenius_lines(result), folder, "arrhenius")
        if len({g.concentration for g in result.groups if g.conductivities} - {None}) > 1:
            save_figure(plot_concentration(result), folder, "concentration")
    _draw_comparisons(result, folder)


def _draw_comparisons(result: CampaignResult, folder: Path) -> None:
    """One figure for each potential and size that has compositions to compare."""
    from lionn_rs.plots.compositions import plot_compositions

    for entry in result.comparisons:
        if entry.result is not None:
            where = result.distinguish(potential=entry.potential, size=entry.size)
            figure = plot_compositions(entry.result, label=result.concentration_label)
            save_figure(figure, folder, "-".join(["compositions", *where]))
