"""The doping study, whole or reduced: for table_2.py, figure_5c.py and figure_s2.py."""

from __future__ import annotations

import argparse
from pathlib import Path

from common import one_line_errors, options, parse

import lionn_rs as lionn
from lionn_rs.config_study import load_campaign_config
from lionn_rs.workflows.campaign.analysis import analyze_campaign
from lionn_rs.workflows.campaign.results import CampaignGroup, CampaignResult

STUDY = Path(__file__).parent / "doping.toml"
REDUCED = {
    "arrangements": {"keep": 2},
    "md": {"temperatures_K": [700, 850, 1000], "seeds": [1], "production_ps": 10,
           "heating_ps": 1, "equilibration_ps": 1},
}  # fmt: skip
"""Two arrangements, three temperatures, 10 ps: shows how it works, decides nothing."""


def study_options(description: str | None, name: str) -> argparse.Namespace:
    """Options of the three scripts."""
    parser = options(description, images=False)
    parser.add_argument(
        "--study", type=Path,
        help="folder of 'lionn run doping.toml' (default: run a reduced one in OUTPUT/study)",
    )  # fmt: skip
    parser.add_argument("--potential", help="Li-Si-P-S-Cl, of the study that is run here "
                        "(default: of doping.toml)")  # fmt: skip
    choice = parse(parser, name)
    if choice.study is not None and (choice.full or choice.potential is not None):
        raise SystemExit("error: --study reads a study; --full and --potential are for a new one")
    return choice


def study(choice: argparse.Namespace) -> CampaignResult:
    """Result of ``--study``, or of a study that is run here, reduced without ``--full``."""
    with one_line_errors():
        return read(choice.study) if choice.study is not None else run(choice)


def read(folder: Path) -> CampaignResult:
    """Analyze a study, whole or still at work."""
    if not (folder / "campaign.json").exists():
        raise SystemExit(
            f"error: --study: {folder} holds no study (campaign.json); make one with "
            "'lionn run doping.toml --output FOLDER', or leave --study out for a reduced one"
        )
    return analyze_campaign(folder)


def run(choice: argparse.Namespace) -> CampaignResult:
    """Run the study in ``OUTPUT/study``, or go on with it."""
    folder = choice.output / "study"
    config = load_campaign_config(STUDY)
    if choice.potential is not None:
        campaign = config.campaign.model_copy(update={"potentials": [choice.potential]})
        config = config.model_copy(update={"campaign": campaign})
    if not choice.full:
        config = config.model_copy(
            update={
                name: getattr(config, name).model_copy(update=keys)
                for name, keys in REDUCED.items()
            }
        )
    return lionn.campaign(config, folder)


def material(group: CampaignGroup) -> str:
    """Composition as the paper names it, by its chlorine content."""
    if group.concentration is None:
        return group.structure
    return f"{group.concentration:.3g} % Cl"


def extent(result: CampaignResult) -> str:
    """What was run, in a few words."""
    done = result.finished
    lengths = sorted({run.progress.done_ps for run in done})
    temperatures = sorted({run.task.temperature_K for run in done})
    seeds = {run.task.seed for run in done}
    span = "–".join(f"{x:.4g}" for x in sorted({lengths[0], lengths[-1]})) if lengths else "0"
    return (
        f"{len(done)} of {len(result.runs)} runs of {span} ps (heating and equilibration included) "
        f"of {result.runs[0].task.n_atoms} atoms at "
        f"{', '.join(f'{t:g}' for t in temperatures)} K, {len(seeds)} seed(s), potential "
        f"{result.runs[0].task.potential}"
    )
