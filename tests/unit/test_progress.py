"""Rate and time left."""

from __future__ import annotations

import time

from lionn_rs.progress import progress


def test_work_of_an_earlier_run_does_not_count_in_the_rate() -> None:
    with progress("training", 1000, "iterations", enabled=False) as display:
        display.advance(900, skipped=True)
        assert display.status == "900/1000 iterations"
        time.sleep(0.05)
        display.advance(1)
        rate = float(display.status.split(" · ")[1].split()[0])
        assert 0 < rate <= 20
        assert display.done == 901
