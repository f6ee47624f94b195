"""A campaign whose structures a doping rule makes: one file for dope, campaign and run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lionn_rs.config_campaign import CampaignConfig
from lionn_rs.config_study import StudyConfig, is_campaign, load_campaign_config
from lionn_rs.errors import ConfigError
from lionn_rs.workflows.campaign.folder import prepare_campaign
from lionn_rs.workflows.campaign.tasks import expand
from lionn_rs.workflows.dope import read_rule
from tests.campaign_example import save_potential

EXAMPLE = Path(__file__).parents[3] / "examples" / "paper" / "doping.toml"
TEXT = """
[host]
structure = "dataset:lgps"

[ladder]
element = "Ge"
counts = [2, 1]
compensate = "lithium"

[[ladder.exchanges]]
remove = "Ge"
insert = "P"

[arrangements]
keep = 2

[campaign]
name = "ladder"
potentials = "lgps.json"

[md]
temperatures_K = [300, 400, 500]
heating_ps = 0.1
equilibration_ps = 0.1
production_ps = 0.2

[diffusion]
carrier = "Li"
"""


@pytest.fixture(scope="module")
def potential(tmp_path_factory) -> Path:
    return save_potential(tmp_path_factory.mktemp("potential") / "lgps.json")


@pytest.fixture
def file(potential, tmp_path) -> Path:
    path = tmp_path / "study.toml"
    path.write_text(TEXT.replace('"lgps.json"', f'"{potential}"'))
    return path


def test_every_arrangement_of_every_concentration_is_run(file):
    config = load_campaign_config(file)
    assert isinstance(config, StudyConfig)
    table = expand(config)
    assert len(table.tasks) == 3 * (1 + 2)
    assert [task.structure for task in table.tasks[::3]] == ["Ge2", "Ge1", "Ge1"]
    assert [task.arrangement for task in table.tasks[::3]] == ["", "Ge1-01", "Ge1-02"]
    assert table.tasks[0].concentration == pytest.approx(4.0)
    formulas = {atoms.get_chemical_formula() for atoms in table.structures.values()}
    assert formulas == {"Ge2Li20P4S24", "GeLi19P5S24"}


def test_the_same_file_is_that_of_dope(file):
    rule = read_rule(file)
    assert rule == load_campaign_config(file).rule
    assert is_campaign(file)


def test_the_folder_holds_structures_and_rule(file, tmp_path):
    config = load_campaign_config(file)
    folder = prepare_campaign(config, tmp_path / "out")
    made = folder / "structures"
    record = json.loads((made / "structures.json").read_text())
    assert [row["label"] for row in record["structures"]] == ["Ge2-1", "Ge1-01", "Ge1-02"]
    before = (made / "structures.json").stat().st_mtime_ns
    prepare_campaign(config, tmp_path / "out")
    assert (made / "structures.json").stat().st_mtime_ns == before
    (folder / "config.resolved.toml").write_text(
        (folder / "config.resolved.toml").read_text().replace("keep = 2", "keep = 1")
    )
    fewer = load_campaign_config(folder / "config.resolved.toml")
    prepare_campaign(fewer, tmp_path / "out")
    assert len(json.loads((made / "structures.json").read_text())["structures"]) == 2
    assert len(list((folder / "tasks").iterdir())) == 9


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[md]", '[md]\nstructure = "dataset:lgps"', r"\[md\] structure and \[ladder\] exclude"),
        (
            "[md]",
            '[[campaign.structures]]\nname = "x"\nfiles = "dataset:lgps"\n[md]',
            r"\[campaign\] structures and \[ladder\] exclude each other",
        ),
        ('[host]\nstructure = "dataset:lgps"', "", r"missing section \[host\]"),
        ("keep", "kep", r"\[arrangements\] unknown key 'kep' \(did you mean 'keep'\?\)"),
        ('compensate = "lithium"', "", r"changes the charge by \+1 e: add an exchange"),
    ],
)
def test_messages(old, new, message, file):
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError, match=message):
        expand(load_campaign_config(file))


def test_a_campaign_without_a_rule_is_what_it_was(tmp_path, potential):
    path = tmp_path / "sweep.toml"
    path.write_text(
        f'[campaign]\nname = "x"\npotentials = "{potential}"\n[md]\nstructure = "dataset:lgps"\n'
        "temperatures_K = [300]\n"
    )
    assert type(load_campaign_config(path)) is CampaignConfig


def test_the_study_of_the_paper_is_read():
    config = load_campaign_config(EXAMPLE)
    assert isinstance(config, StudyConfig)
    assert config.ladder.counts == [3, 2, 1]
    assert Path(config.host.structure).exists()
    assert read_rule(EXAMPLE) == config.rule
