"""The grid of a scan: members and their names, and what a folder accepts."""

from __future__ import annotations

import copy

import pytest

from lionn_rs.config import DescriptorSection, ScanConfig
from lionn_rs.workflows.scan.grid import differences, expand, grid_record

CONTENT = {
    "data": {"images": ["dataset:lgps_gpaw_pbe"], "seed": 3},
    "network": {"hidden_layers": [7], "activation": "sigmoid"},
    "training": {"seed": 9, "max_iterations": 50, "max_memory_gb": 1.0},
    "scan": {
        "descriptors": [{"name": "A", "n_radial": 4}, {"name": "B", "cutoff": 5.0}],
        "hidden_layers": [[5, 5], [10]],
        "seeds": [1, 2],
    },
}


def config(**sections) -> ScanConfig:
    content = copy.deepcopy(CONTENT)
    for name, keys in sections.items():
        content.setdefault(name, {}).update(keys)
    return ScanConfig.model_validate(content)


def test_every_descriptor_with_every_topology_and_seed():
    plans = expand(config())
    names = ["A-5x5-seed1", "A-5x5-seed2", "A-10-seed1", "A-10-seed2"]
    assert [plan.name for plan in plans] == names + [n.replace("A", "B") for n in names]
    last = plans[-1].config
    assert type(last.descriptor) is DescriptorSection
    assert last.descriptor == DescriptorSection(cutoff=5.0)
    assert (last.network.hidden_layers, last.network.activation) == ([10], "sigmoid")
    assert (last.training.seed, last.training.max_iterations) == (2, 50)
    # The split is shared: the seeds of the grid are those of the weights.
    assert {plan.config.data.seed for plan in plans} == {3}


def test_what_is_not_listed_is_that_of_the_training():
    content = {**CONTENT, "descriptor": {"cutoff": 4.0}, "scan": {}}
    (plan,) = expand(ScanConfig.model_validate(content))
    assert plan.name == "descriptor-7-seed9"
    assert plan.config.descriptor.cutoff == 4.0


def test_only_power_spectra_learn_a_contraction():
    scan = {"descriptors": [{"name": "A"}, {"name": "B", "type": "powerspectrum"}]}
    learned = {
        plan.descriptor: plan.config.training.learn_contraction
        for plan in expand(config(training={"learn_contraction": True}, scan=scan))
    }
    assert learned == {"A": False, "B": True}


def test_results_depend_on_settings_and_images_but_not_on_memory_and_file_names():
    def fingerprints(data: str = "images", **sections):
        return [plan.fingerprint(data) for plan in expand(config(**sections))]

    reference = fingerprints()
    assert len(set(reference)) == 8
    assert fingerprints(training={"max_memory_gb": 2.0}) == reference
    assert fingerprints("other images") != reference
    for changed in (
        fingerprints(training={"l2": 0.1}),
        fingerprints(network={"activation": "tanh"}),
    ):
        assert not set(changed) & set(reference)
    moved = config(data={"images": ["elsewhere.extxyz"]})
    assert [plan.fingerprint("images") for plan in expand(moved)] == reference


def test_members_may_be_added():
    before = grid_record(config(), "hash")
    more = {
        "descriptors": [{"name": "C", "radial": "shifted"}, *CONTENT["scan"]["descriptors"]],
        "hidden_layers": [[3], [5, 5], [10]],
        "seeds": [2, 1, 3],
    }
    assert differences(before, grid_record(config(scan=more), "hash")) == []
    # A value that is not listed is not part of the grid.
    other = config(descriptor={"cutoff": 3.0}, training={"max_memory_gb": 9.0})
    assert differences(before, grid_record(other, "hash")) == []


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"training": {"max_iterations": 60}}, "[training] max_iterations was 50 and is now 60"),
        ({"data": {"test": 0.3}}, "[data] test was 0.2 and is now 0.3"),
        ({"network": {"activation": "tanh"}}, "activation was 'sigmoid' and is now 'tanh'"),
        ({"scan": {"seeds": [2]}}, "[scan] seeds: 1 is missing"),
        ({"scan": {"hidden_layers": [[10]]}}, "[scan] hidden_layers: [5, 5] is missing"),
        (
            {"scan": {"descriptors": [{"name": "A", "n_radial": 4}]}},
            "descriptor 'B' is missing",
        ),
        (
            {"scan": {"descriptors": [{"name": "A"}, {"name": "B", "cutoff": 5.0}]}},
            "descriptor 'A': n_radial was 4 and is now None",
        ),
    ],
)
def test_changes_are_named(sections, message):
    before = grid_record(config(), "hash")
    (found,) = differences(before, grid_record(config(**sections), "hash"))
    assert message in found


def test_other_images_are_named():
    assert differences(grid_record(config(), "a"), grid_record(config(), "b")) == [
        "the images are not the same"
    ]
