"""How many damaged files the tests of readers draw.

By default few, the same each time. ``LIONN_FUZZ_EXAMPLES=1000 pytest ...`` draws as many as it says
and others each time; docs/how-to/data.md says what that found.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXAMPLES = os.environ.get("LIONN_FUZZ_EXAMPLES")

HOSTILE_WORDS = [
    "nan", "inf", "-1", "0", "1e308", "-1e308", "1e-308", "999999999999999999999", "1e999",
    "1" * 5000, "Xx", "", "\x00", "é", "T", "[[[[", '"', "'", "\\", "=", "_JSON [", "1_0", "0x10",
    "end", "begin", "**********", "__import__",
]  # fmt: skip


def fuzz(n_examples: int) -> settings:
    """Settings of a test that reads ``n_examples`` damaged files by default."""
    return settings(
        max_examples=n_examples if EXAMPLES is None else int(EXAMPLES),
        deadline=None,
        derandomize=EXAMPLES is None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
