"""Table of a campaign: which runs it has, what they are called, what makes them the same."""

from __future__ import annotations

import hashlib

import pytest
from ase.io import read, write

from lionn_rs import datasets
from lionn_rs.config_campaign import CampaignConfig
from lionn_rs.config_file import load_config, to_toml
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.md import Protocol
from lionn_rs.md.checkpoint import hash_structure
from lionn_rs.workflows.campaign.tasks import CampaignTask, expand, spec_hash, task_spec
from tests.campaign_example import config
from tests.conftest import random_potential


@pytest.fixture(scope="module")
def potential(tmp_path_factory):
    path = tmp_path_factory.mktemp("potential") / "lgps.json"
    random_potential(cutoff=4.0).save(path)
    return path


def arrangements(folder, n=2):
    folder.mkdir()
    for k in range(n):
        atoms = datasets.structure("lgps")
        atoms.positions[k] += 0.05
        write(folder / f"{k + 1}.extxyz", atoms)
    return folder


def test_every_axis_is_combined_with_every_other(potential, tmp_path):
    folder = arrangements(tmp_path / "doped")
    structures = [
        {"name": "LGPS", "files": ["dataset:lgps"]},
        {"name": "doped", "files": [f"{folder}/*.extxyz"], "supercells": [[1, 1, 2], [2, 2, 1]]},
    ]
    table = expand(config(potential, campaign={"structures": structures}))
    # 1 + 2 arrangements in 2 sizes, at 2 temperatures with 2 seeds
    assert len(table.tasks) == (1 + 2 * 2) * 4
    assert len({task.id for task in table.tasks}) == len(table.tasks)
    assert [task.name.rpartition("-")[0] for task in table.tasks[3:6]] == [
        "LGPS-1x1x1-400K-seed2",
        "doped-1-1x1x2-300K-seed1",
        "doped-1-1x1x2-300K-seed2",
    ]
    last = table.tasks[-1]
    assert (last.arrangement, last.size, last.n_atoms) == ("2", "2x2x1", 200)
    assert last.group == ("lgps", "doped", (2, 2, 1))
    assert len(table.structures) == 5
    spec = table.specs[last.id]
    assert len(table.structures[spec["structure"]]) == 200
    assert hash_structure(table.structures[spec["structure"]]) == spec["structure"]
    assert CampaignTask.from_dict(last.to_dict()) == last


def test_several_potentials_are_told_apart(potential, tmp_path):
    paths = []
    for k in (1, 2):
        (tmp_path / f"run{k}").mkdir()
        random_potential(k, cutoff=4.0).save(tmp_path / f"run{k}" / "best.json")
        paths.append(str(tmp_path / f"run{k}" / "best.json"))
    table = expand(config(potential, campaign={"potentials": paths}))
    assert {task.potential for task in table.tasks} == {"run1-best", "run2-best"}
    assert table.tasks[0].name.startswith("run1-best-LGPS-1x1x1-300K-seed1-")


def test_structure_of_md_stands_alone(potential):
    content = config(potential).model_dump(mode="json", exclude_unset=True)
    del content["campaign"]["structures"]
    content["md"]["structure"] = "dataset:lgps"
    content["md"]["supercell"] = [1, 1, 2]
    table = expand(CampaignConfig.model_validate(content))
    assert table.tasks[0].structure == "lgps"
    assert table.tasks[0].supercell == (1, 1, 2)


def test_hash_is_stable():
    """A run that was done by an earlier version must be recognized by a later one."""
    spec = task_spec("p" * 64, "s" * 64, Protocol(temperature_K=600, production_ps=50, seed=3))
    assert spec["protocol"] == {"temperature_K": 600.0, "production_ps": 50.0, "seed": 3}
    text = (
        '{"potential":"' + "p" * 64 + '","protocol":{"production_ps":50.0,"seed":3,'
        '"temperature_K":600.0},"schema":"lionn-campaign-task","structure":"' + "s" * 64 + '",'
        '"version":1}'
    )
    assert spec_hash(spec) == hashlib.sha256(text.encode()).hexdigest()
    assert spec_hash(dict(reversed(spec.items()))) == spec_hash(spec)


def test_defaults_of_the_protocol_are_those_of_the_hash():
    """Defaults are not part of the hash: raise SPEC_VERSION with this table if one changes.

    Keys that are added later belong here as well.
    """
    defaults = {
        name: field.default for name, field in Protocol.model_fields.items() if name in DEFAULTS
    }
    assert defaults == DEFAULTS


DEFAULTS = {
    "timestep_fs": 2.0,
    "start_temperature_K": 100.0,
    "exact_start": True,
    "heating_ps": 4.0,
    "heating_law": "temperature",
    "heating_thermostat": "rescale",
    "equilibration_ps": 1.0,
    "equilibration_thermostat": "nose-hoover-chain",
    "production_ps": 20.0,
    "thermostat": "nose-hoover-chain",
    "production_end_K": None,
    "tau_fs": 100.0,
    "friction_per_ps": 5.0,
    "chain_length": 3,
    "suzuki_yoshida": 3,
    "substeps": 1,
    "barostat": "none",
    "pressure_GPa": 0.0,
    "barostat_tau_fs": 1000.0,
    "record_pressure": False,
    "n_dof": None,
    "stride": 10,
    "stride_thermo": 10,
    "velocities": False,
    "precision": "float32",
    "skin": 0.8,
    "min_distance": 0.5,
    "max_temperature_factor": 5.0,
    "max_volume_factor": 2.0,
    "max_excess": None,
    "check_stride": 10,
    "assess_stride": 10,
    "on_uncertain": "report",
    "max_force_std": None,
    "max_grade": None,
    "max_uncertain_frames": 100,
    "uncertain_interval_ps": 0.1,
    "seed": 0,
}


@pytest.mark.parametrize(
    ("sections", "same"),
    [
        ({"md": {"timestep_fs": 1.0}}, False),
        ({"md": {"production_ps": 0.7}}, False),
        ({"md": {"max_excess": 0.5}}, False),
        ({"md": {"skin": 0.8}}, True),  # the default, said aloud
        ({"md": {"n_workers": 1}}, True),
        ({"diffusion": {"site_distance_A": 2.5}}, True),
        ({"arrhenius": {"extrapolate_to_K": 400}}, True),
        ({"campaign": {"name": "other", "concentration_label": "x"}}, True),
    ],
)
def test_what_makes_another_run(potential, sections, same):
    first = [task.id for task in expand(config(potential)).tasks]
    assert ([task.id for task in expand(config(potential, **sections)).tasks] == first) is same


def test_name_of_file_and_structure_make_no_other_run(potential, tmp_path):
    table = expand(config(potential))
    write(tmp_path / "copy.traj", datasets.structure("lgps"))
    assert hash_structure(read(tmp_path / "copy.traj")) in table.structures
    (tmp_path / "moved.json").write_bytes(potential.read_bytes())
    entry = {"name": "renamed", "files": [str(tmp_path / "copy.traj")], "concentration": 5}
    other = expand(config(tmp_path / "moved.json", campaign={"structures": [entry]}))
    assert [task.id for task in other.tasks] == [task.id for task in table.tasks]
    assert other.tasks[0].structure == "renamed"


def test_equal_runs_are_no_replicas(potential, tmp_path):
    write(tmp_path / "copy.traj", datasets.structure("lgps"))
    files = ["dataset:lgps", str(tmp_path / "copy.traj")]
    with pytest.raises(ConfigError, match=r"LGPS-lgps-1x1x1-300K-seed1-\w{8} and LGPS-copy-"):
        expand(config(potential, campaign={"structures": [{"name": "LGPS", "files": files}]}))


def test_pattern_without_a_file_is_refused(potential, tmp_path):
    entry = {"name": "Cl", "files": [f"{tmp_path}/*.cif"]}
    with pytest.raises(DataError, match=r"\*\.cif: no file matches this pattern .* 'Cl'"):
        expand(config(potential, campaign={"structures": [entry]}))


def test_carrier_that_does_not_occur_is_refused(potential):
    with pytest.raises(ConfigError, match="carrier Na does not occur in dataset:lgps"):
        expand(config(potential, diffusion={"carrier": "Na"}))


def test_resolved_file_says_the_same(potential, tmp_path):
    structures = [
        {"name": "a", "files": ["dataset:lgps"], "supercells": [[1, 1, 1], [2, 2, 1]]},
        {"name": "b", "files": ["dataset:lgps"], "concentration": 2.5},
    ]
    given = config(potential, campaign={"structures": structures})
    (tmp_path / "resolved.toml").write_text(to_toml(given))
    assert load_config(tmp_path / "resolved.toml", CampaignConfig) == given
