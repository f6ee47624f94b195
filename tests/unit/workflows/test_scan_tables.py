"""Tables of a scan: averages, choice by validation, failures."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from lionn_rs.config import TrainingSection
from lionn_rs.data import Split
from lionn_rs.errors import SimulationError
from lionn_rs.files import json_safe
from lionn_rs.workflows.scan.results import ScanMember, ScanResult, loss_of
from lionn_rs.workflows.scan.tables import (
    average_rows,
    csv_table,
    markdown,
    notes,
    recommendation,
    to_record,
    unfinished,
)
from tests.unit.workflows.scan_example import member, metrics

FAILED = ScanMember("A-3-seed1", "A", (3,), 1, Path("members/A-3-seed1"), error="a | broke")


def result(*members: ScanMember) -> ScanResult:
    return ScanResult(list(members), Path("runs/scan"))


@pytest.fixture
def example() -> ScanResult:
    return result(
        member("A", seed=1, force=0.10, us_per_atom=11.0),
        member("A", seed=2, force=0.14, us_per_atom=10.0),
        member("B", seed=1, force=0.11, loss=0.13),
        FAILED,
    )


def test_averages_over_the_seeds(example):
    first, second = example.groups
    assert [m.seed for m in first.members] == [1, 2]
    force = first.error_of("validation", "force_rmse")
    assert force.mean == pytest.approx(0.12)
    assert force.spread == pytest.approx(0.04 / math.sqrt(2))
    assert first.us_per_atom == 10.0
    assert second.error_of("validation", "force_rmse").spread is None
    row = average_rows(example)[0]
    assert row[:5] == ["A", "56", "(5, 5)", "1292", "2"]
    assert row[9] == "0.120 ± 0.028"
    assert average_rows(example)[1][9] == "0.110"


def test_choice_is_by_validation_and_not_by_test():
    # B is better on the test set and in force RMSE, A in the loss on the validation set.
    a = member("A", loss=0.01, force=0.2)
    b = member("B", loss=0.02, force=0.1)
    found = result(b, a)
    assert found.best is a
    assert found.best_group.descriptor == "A"
    (line,) = recommendation(found)
    assert line.startswith("Lowest validation loss: A, (5, 5), seed 1: validation 4.00 meV/atom")
    assert "test 4.40 meV/atom, 0.220 eV/Å (had no part in the choice)" in line
    assert line.endswith("members/A-5x5-seed1/best.json")


def test_loss_has_the_weights_of_the_training():
    found = replace(metrics(0.002, 0.1), stress_rmse=0.5)
    weights = TrainingSection(energy_weight=2.0, force_weight=0.04, stress_weight=3.0)
    assert loss_of(found, weights) == pytest.approx(2 * 4e-6 + 0.04 * 0.01 + 3 * 0.25)
    assert loss_of(metrics(0.002, None), TrainingSection()) == pytest.approx(4e-6)


def test_best_member_and_best_average_may_differ(example):
    # One lucky seed of A, but on average 0.12 against 0.13 of B: A too; a worse second seed: B.
    assert "on average over the seeds: A" in recommendation(example)[1]
    unlucky = replace(example.members[1], validation_loss=0.5)
    found = result(example.members[0], unlucky, example.members[2])
    assert found.best.descriptor == "A"
    assert "on average over the seeds: B" in recommendation(found)[1]


def test_csv_has_every_member_and_full_numbers(example):
    rows = list(csv.DictReader(io.StringIO(csv_table(example))))
    assert [row["name"] for row in rows] == [m.name for m in example.members]
    assert float(rows[1]["test_force_rmse_eV_per_A"]) == pytest.approx(0.14 * 1.1, rel=1e-15)
    assert rows[0]["hidden_layers"] == "5x5"
    assert rows[0]["seconds"] == "12.5"
    assert rows[3]["error"] == "a | broke"
    assert {rows[3][key] for key in ("validation_loss", "us_per_atom", "stop_reason")} == {""}


def test_markdown_has_averages_members_and_failures(example):
    parts = Split([0] * 7, [0] * 2, [0] * 3, {}, {})
    text = markdown(example, notes(example, parts))
    assert "7 training, 2 validation, 3 test" in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert len(tables) == (2 + 2) + (2 + 3) + (2 + 1)
    for line in tables[:9]:
        assert line.count("|") == 13
    assert "| A-3-seed1 | a \\| broke |" in text


def test_trainings_that_were_cut_are_told():
    cut = member(seed=1)
    cut = replace(cut, best_iteration=cut.iterations)
    assert unfinished(result(cut, member(seed=2)))[0].startswith("1 of 2 members were at their")
    done = replace(cut, stop_reason="converged")
    assert unfinished(result(done)) == []


def test_energies_alone_and_no_test_set():
    found = result(member(force=None, test=False), member(force=None, test=False, seed=2))
    assert average_rows(found)[0][7:11] == ["–", "–", "–", "–"]
    assert "test" not in recommendation(found)[0]
    assert "eV/Å" not in recommendation(found)[0]


def test_record_is_json_and_names_the_choice(example):
    record = json.loads(json.dumps(json_safe(to_record(example, data_hash="abc")), allow_nan=False))
    assert record["best_by_validation"]["member"] == "A-5x5-seed1"
    assert record["members"][3]["error"] == "a | broke"
    assert record["members"][0]["folder"] == "members/A-5x5-seed1"
    assert record["groups"][0]["errors"]["test"]["force_rmse"]["mean"] == pytest.approx(0.132)
    assert record["data_hash"] == "abc"


def test_nothing_finished():
    found = result(FAILED)
    assert "a \\| broke" in markdown(found, [])
    assert "best_by_validation" not in to_record(found)
    with pytest.raises(SimulationError, match="no member of the scan has finished"):
        _ = found.best
