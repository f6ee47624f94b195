"""The scripts that recompute Tables 2 and 3 of the paper: their numbers, and that they run."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

PAPER = Path(__file__).parents[2] / "examples" / "paper"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, PAPER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(PAPER)  # as for a script that is started
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table2() -> ModuleType:
    return load("table_2_check")


@pytest.fixture(scope="module")
def table3() -> ModuleType:
    return load("table_3")


def test_columns_of_table_2(table2):
    """Conductivity from the diffusivity, diffusivity from the conductivity, volume, ratio."""
    expected = {
        "LGPS DFT": (10.00, 1.00, 7.88e-8, 976.7),
        "LGPS ANN": (8.66, 1.02, 6.93e-8, 961),
        "LGPS Mo 2012": (9.01, 1.00, 7.09e-8, 978),
        "LSiPS 2 %": (4.57, 3.14, 1.13e-7, 311),
        "LSiPS 1.3 %": (32.4, 0.75, 1.91e-7, 1305),
        "LSiPS 0.67 %": (10.2, 1.97, 1.58e-7, 495),
    }
    assert [row.name for row in table2.ROWS] == list(expected)
    for row in table2.ROWS:
        predicted, ratio, diffusivity, volume = expected[row.name]
        assert row.predicted() == pytest.approx(predicted, rel=6e-3)
        assert row.conductivity / row.predicted() == pytest.approx(ratio, abs=6e-3)
        assert row.implied_diffusivity() == pytest.approx(diffusivity, rel=5e-3)
        assert row.implied_volume() == pytest.approx(volume, abs=1.0)


def test_ways_to_repair_table_2(table2):
    assert [row.implied_temperature() for row in table2.DOPED] == pytest.approx(
        [275, 310, 283], abs=0.5
    )
    ratios = {order: values for order, values in table2.permutations()}
    assert ratios[(0, 1, 2)] == pytest.approx([3.14, 0.75, 1.97], abs=6e-3)
    # Any exchange leaves a factor of three or more in some row.
    assert all(max(max(r), 1 / min(r)) > 3.0 for r in ratios.values())
    assert [row.diffusivity_at(1000) for row in table2.DOPED] == pytest.approx(
        [2.1e-4, 1.7e-4, 2.1e-4], rel=0.03
    )
    assert [row.diffusivity_at(1000, of_conductivity=True) for row in table2.DOPED] == (
        pytest.approx([6.6e-4, 1.3e-4, 4.1e-4], rel=0.03)
    )


def test_significance_of_the_optimum(table2):
    assert [row.ln_sd() for row in table2.DOPED] == pytest.approx([0.27, 0.45, 0.21], abs=5e-3)
    z, p = table2.significance(table2.DOPED[1], table2.DOPED[0])
    assert (z, p) == pytest.approx((1.0, 0.3), abs=0.05)
    z, p = table2.significance(table2.DOPED[1], table2.DOPED[2])
    assert (z, p) == pytest.approx((0.4, 0.7), abs=0.05)


def test_numbers_of_table_3(table3):
    assert table3.admissible_volume() == pytest.approx((19.405, 19.732), abs=1e-3)
    fits = table3.jump_distances_that_fit()
    assert 3.30 in fits
    assert not {table3.TEXT_LAMBDA, table3.TABLE_LAMBDA} & set(fits)
    radii = table3.implied_cation_radii(3.30)
    assert min(radii) > 2.40
    assert max(radii) < 2.52
    assert table3.correlations() == pytest.approx(
        {"labels of the text": 0.38, "labels of Table 3": 0.94}, abs=6e-3
    )
    for n in (1, 2, 3):
        assert sum(table3.composition(n).values()) == table3.N_ATOMS


@pytest.mark.parametrize("name", ["table_2_check", "table_3"])
def test_scripts_write_their_tables(name, tmp_path):
    run = subprocess.run(
        [sys.executable, PAPER / f"{name}.py", "--output", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    text = (tmp_path / "out" / f"{name}.md").read_text(encoding="utf-8")
    assert text.strip() == run.stdout.strip()
    assert "published" in text
    assert json.loads((tmp_path / "out" / f"{name}.json").read_text(encoding="utf-8"))
