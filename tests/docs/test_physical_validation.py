"""The page of measured numbers belongs to the potential that is there, and to tests that exist."""

from __future__ import annotations

import runpy
from pathlib import Path

import lionn_rs as lionn

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "docs" / "physical_validation.py"))


def test_page_names_the_potential_and_all_tests() -> None:
    page = SCRIPT["PAGE"].read_text(encoding="utf-8")
    assert lionn.load(SCRIPT["POTENTIAL"]).hash[:16] in page
    for number, (title, _, names) in SCRIPT["TESTS"].items():
        assert f"### {number}. {title}\n" in page
        SCRIPT["check_names"](names)
    assert list(SCRIPT["TESTS"]) == list(range(1, 16))
    assert "**no**" not in page


def test_numbers_have_the_digits_of_their_error() -> None:
    with_error = SCRIPT["with_error"]
    assert with_error(600.389, 1.234) == "600.4 ± 1.2"
    assert with_error(-3.78e-8, 7.9e-9) == "(-3.78 ± 0.79)e-8"
    assert with_error(1.1e-8, 1.2e-7) == "(0.1 ± 1.2)e-7"
    assert with_error(0.0, None) == "0"
    assert with_error(2.5e-15, None) == "2.5e-15"
