"""lionn_rs: from DFT images of a lithium solid electrolyte to an ionic conductivity."""

from __future__ import annotations

from lionn_rs._core import __version__

__all__ = ["__version__"]
