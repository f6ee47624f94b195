"""Figures: functions that take results and return a matplotlib figure."""

from __future__ import annotations
