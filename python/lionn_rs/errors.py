"""The error family of lionn_rs: every error a user can cause is a :class:`LionnError`."""

from __future__ import annotations


class LionnError(Exception):
    """Base class of all errors raised on purpose by lionn_rs."""


class ConfigError(LionnError, ValueError):
    """An option or configuration value is missing, unknown or out of range."""


class DataError(LionnError):
    """Input data (images, structures, trajectories) cannot be used."""


class ShapeError(LionnError, ValueError):
    """An array has the wrong shape or type."""


class ModelFileError(LionnError):
    """A potential file is damaged, of an unknown version, or does not fit the structure."""


class SimulationError(LionnError):
    """A training or molecular-dynamics run had to stop (non-finite value, collision, ...)."""


class StorageError(LionnError):
    """Results could not be written (disk full, no permission); what was written before is kept."""


class StoppedByFile(LionnError):
    """The user has asked for the end with a file; everything is ready to be resumed."""
