"""The report holds every number and figure of the summary, escaped, without outside references."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from lionn_rs.workflows.figures import save_figure
from lionn_rs.workflows.report.page import write_report

from .summary_example import example

FIGURES = ("arrhenius", "learning_curves", "parity", "extrapolation", "temperature", "conserved",
           "msd", "paths", "rdf")  # fmt: skip
VOID = {"meta", "img", "br", "hr", "link"}


class Balanced(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(params=[False, True], ids=["value", "refused"])
def page(request, tmp_path):
    from lionn_rs.plots.style import new_figure

    summary = example(refused=request.param)
    (tmp_path / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    for name in FIGURES:
        with new_figure() as (figure, axes):
            axes[0, 0].plot([0, 1], [0, 1])
        save_figure(figure, tmp_path / "figures", name)
    return summary, write_report(tmp_path).read_text(encoding="utf-8")


def test_page_is_well_formed_and_self_contained(page):
    _, text = page
    parser = Balanced()
    parser.feed(text)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    assert "<script" not in text
    assert "A &lt;demo&gt;" in text
    assert "&lt;5 hops" in text


def test_every_figure_is_embedded(page):
    summary, text = page
    expected = len(FIGURES)
    assert text.count("data:image/svg+xml;base64,") == expected
    assert summary["hashes"]["potential"] in text


def test_headline_is_a_value_with_interval_or_a_refusal(page):
    summary, text = page
    if summary["arrhenius"]["refused"]:
        assert "No conductivity at 300 K" in text
        assert summary["arrhenius"]["refused"] in text
        assert "8.8 mS/cm" not in text
    else:
        assert "8.8 mS/cm at 300 K" in text
        assert "95 % interval [2.0, 40] mS/cm" in text


def test_refused_trajectory_shows_its_bound_not_a_value(page):
    _, text = page
    assert "below 2.0 × 10⁻⁶" in text
    assert "1.20 × 10⁻⁶" not in text


def test_run_that_stopped_is_named(page):
    summary, text = page
    assert ("run had to stop" in text) == bool(summary["arrhenius"]["refused"])
