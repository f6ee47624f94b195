"""What README and docs/ say is run or checked: Python, TOML, command lines, make verbs, links."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from lionn_rs import datasets
from lionn_rs.cli.main import app
from lionn_rs.config import RunConfig, ScanConfig, TrainConfig
from lionn_rs.config_campaign import CampaignConfig
from lionn_rs.config_file import load_config
from lionn_rs.config_label import LabelConfig
from lionn_rs.structures.rule import DopeConfig

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
# Images that a document needs as a file: few, so that training in a document takes seconds.
N_IMAGES = 12


def blocks(language: str) -> list[pytest.param]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for number, match in enumerate(BLOCK.finditer(text)):
            if match[1] == language:
                name = f"{page.relative_to(ROOT)}-{number}"
                found.append(pytest.param(match[2], id=name))
    return found


@pytest.mark.parametrize("code", blocks("python"))
def test_python_runs(code, tmp_path, monkeypatch):
    from ase.io import write

    monkeypatch.chdir(tmp_path)
    write("lgps_aimd.extxyz", datasets.load("lgps_gpaw_pbe")[:: 118 // N_IMAGES])
    # The documents show defaults; here a few iterations are enough.
    code = code.replace("seed=1)\nprint", "seed=1, max_iterations=5)\nprint")
    exec(compile(code, "document", "exec"), {})


@pytest.mark.parametrize("text", blocks("toml"))
def test_toml_is_accepted(text, tmp_path):
    (tmp_path / "document.toml").write_text(text, encoding="utf-8")
    models = {
        "[ladder]": DopeConfig,
        "[scan]": ScanConfig,
        "[campaign]": CampaignConfig,
        "[label]": LabelConfig,
        "[md]": RunConfig,
    }
    model = next((model for key, model in models.items() if key in text), TrainConfig)
    load_config(tmp_path / "document.toml", model)


@pytest.mark.parametrize("text", blocks("console"))
def test_command_lines_parse(text):
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    lines = [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]
    assert lines
    for line in lines:
        program, *arguments = shlex.split(line, comments=True)
        if program == "make":
            assert set(arguments) <= verbs
        else:
            assert program == "lionn"
            _parse(arguments)


def _parse(arguments: list[str]) -> None:
    import typer.main

    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        name, *rest = arguments
        if name in command.commands:
            arguments = rest
        else:  # campaign, which runs by default
            name = "run"
        command = command.commands[name]
    command.make_context(name, arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


def test_configuration_page_is_up_to_date():
    script = ROOT / "docs" / "generate.py"
    run = subprocess.run(
        [sys.executable, script, "--check"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_changelog_names_every_command():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for name in typer.main.get_command(app).commands:  # type: ignore[attr-defined]
        assert f"`{name}`" in text
