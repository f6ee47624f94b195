"""The doping study, whole or reduced: for table_2.py, figure_5c.py and figure_s2.py."""

from __future__ import annotations

import argparse
from pathlib import Path

from common import options

import lionn_rs as lionn
from lionn_rs.config_study import load_campaign_config
from lionn_rs.workflows.campaign.analysis import analyze_campaign
from lionn_rs.workflows.campaign.results import CampaignResult

STUDY = Path(__file__).parent / "doping.toml"
REDUCED = {
    "arrangements": {"keep": 2},
    "md": {"temperatures_K": [700, 900, 1200], "seeds": [1], "production_ps": 10,
           "heating_ps": 1, "equilibration_ps": 1},
}  # fmt: skip
"""Two arrangements, three temperatures, 10 ps: shows how it works, decides nothing."""


def study_options(description: str | None) -> argparse.Namespace:
    """Options of the three scripts."""
    parser = options(description, images=False)
    parser.add_argument(
        "--study", type=Path,
        help="output folder of 'lionn run doping.toml'; made if it is not there (OUTPUT/study)",
    )  # fmt: skip
    parser.add_argument("--potential", type=Path, help="Li-Si-P-S-Cl (default: of doping.toml)")
    return parser.parse_args()


def study(choice: argparse.Namespace) -> CampaignResult:
    """Result of the study: analyzed if it is there, else run, reduced without ``--full``."""
    folder = choice.study or choice.output / "study"
    if choice.study is not None and (folder / "campaign.json").exists():
        return analyze_campaign(folder)
    config = load_campaign_config(STUDY)
    if choice.potential is not None:
        campaign = config.campaign.model_copy(update={"potentials": [str(choice.potential)]})
        config = config.model_copy(update={"campaign": campaign})
    if not choice.full:
        config = config.model_copy(
            update={
                name: getattr(config, name).model_copy(update=keys)
                for name, keys in REDUCED.items()
            }
        )
    return lionn.campaign(config, folder)


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
