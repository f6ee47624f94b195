"""A stop file acts as Ctrl-C does, also where Ctrl-C is ignored."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from lionn_rs.errors import StoppedByFile
from lionn_rs.workflows.jobs.stop_file import stops_at_file


def sleep_30_s() -> None:
    for _ in range(3000):  # one long sleep would not be interrupted
        time.sleep(0.01)


@pytest.mark.parametrize("handler", [signal.default_int_handler, signal.SIG_IGN])
def test_stop_file_interrupts(tmp_path: Path, handler) -> None:
    before = signal.signal(signal.SIGINT, handler)
    try:
        (tmp_path / "stop").touch()
        with (
            pytest.raises(StoppedByFile, match=r"work: found .*stop; call again$"),
            stops_at_file(tmp_path, "work", "call again"),
        ):
            sleep_30_s()
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_ignored_ctrl_c_stays_ignored_without_the_file(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stops_at_file(tmp_path):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_itself_is_no_stop_file(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), stops_at_file(tmp_path):
        signal.raise_signal(signal.SIGINT)
