"""TOML files: good ones survive a round trip, bad ones give the message that stands in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lionn_rs.config import RunConfig
from lionn_rs.config_file import load_config, to_toml

HERE = Path(__file__).parent
GOOD = sorted((HERE / "good").glob("*.toml"))
BAD = sorted((HERE / "bad").glob("*.toml"))


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_resolved_file_says_the_same(path, tmp_path):
    config = load_config(path, RunConfig)
    resolved = tmp_path / "config.resolved.toml"
    resolved.write_text(to_toml(config), encoding="utf-8")
    assert load_config(resolved, RunConfig) == config


def test_resolved_file_gives_every_key_with_its_meaning():
    text = to_toml(load_config(HERE / "good" / "minimal.toml", RunConfig))
    for name, section in RunConfig.model_fields.items():
        assert f"[{name}]" in text
        for key, field in section.annotation.model_fields.items():
            assert f"\n{key} = " in text or f"\n# {key} =" in text
            assert field.description, f"[{name}] {key} has no description"
            assert field.description in text


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_message_of_bad_file(path, tmp_path, lionn):
    expected = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# error: ")
    expected = expected.replace("{file}", str(path)).replace("{folder}", str(path.parent))
    outcome = lionn("run", path, "--output", tmp_path / "out")
    assert outcome.err == f"lionn: {expected}\n"
    assert outcome.code == (1 if path.stem.startswith("no_such") else 2)
