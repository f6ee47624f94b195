"""Three-way split: training (fit), validation (pick the iteration), test (report once)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from lionn_rs.errors import ConfigError

SplitBy = Literal["random", "group", "block"]

BLOCKS_PER_GROUP: Final = 10
"""Number of contiguous blocks into which ``by="block"`` cuts every group."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Split:
    """Images of the three sets, and how they were chosen.

    Unpacks into ``train, validation, test``.

    Attributes
    ----------
    train, validation, test : list
        The images.
    indices : dict of str to list of int
        Positions of the images in the list that was split, ascending, under ``train``,
        ``validation``, ``test``.
    settings : dict
        Fractions, seed and method.
    """

    train: list[Any]
    validation: list[Any]
    test: list[Any]
    indices: dict[str, list[int]]
    settings: dict[str, Any]

    def __iter__(self) -> Iterator[list[Any]]:
        return iter((self.train, self.validation, self.test))

    def to_dict(self) -> dict[str, Any]:
        """Return indices and settings, JSON-safe."""
        return {**self.settings, "indices": self.indices}

    @classmethod
    def from_dict(cls, images: Sequence[Any], content: dict[str, Any]) -> Split:
        """Apply a stored split to the same images.

        Raises
        ------
        ConfigError
            If an index lies outside the images.
        """
        indices = {name: [int(k) for k in content["indices"][name]] for name in _SETS}
        worst = max((k for part in indices.values() for k in part), default=-1)
        if worst >= len(images):
            raise ConfigError(
                f"split refers to image {worst}, but there are only {len(images)} images"
            )
        settings = {key: value for key, value in content.items() if key != "indices"}
        return _make(images, indices, settings)


_SETS: Final = ("train", "validation", "test")


def split(
    images: Sequence[Any],
    *,
    test: float = 0.2,
    validation: float = 0.1,
    seed: int,
    by: SplitBy = "random",
) -> Split:
    """Split images into training, validation and test set.

    The defaults are those of Rao, Yao and Grabow (2020): 20 % test, 10 % of the rest for
    validation.

    Parameters
    ----------
    images : sequence
        ASE structures or labeled images.
    test : float
        Fraction of all images for the test set.
    validation : float
        Fraction of the remaining images for the validation set.
    seed : int
        Seed of the choice.
    by : {"random", "group", "block"}
        ``random``: every image on its own; right only for images that are independent of each
        other. ``group``: whole groups (``info["group"]``), so that the test asks for transfer to
        other sources. ``block``: every group is cut into contiguous blocks which stay together,
        since neighbors in time along a trajectory are nearly copies. Blocks and groups are
        indivisible, so the fractions are met as closely as they allow.

    Returns
    -------
    Split
        Unpacks into three lists.

    Raises
    ------
    ConfigError
        For fractions outside [0, 1), an empty training set, or ``by="group"`` with fewer groups
        than sets.
    """
    groups = [_group(image) for image in images] if by in ("group", "block") else None
    indices = split_indices(len(images), groups, test=test, validation=validation, seed=seed, by=by)
    settings = {"test": test, "validation": validation, "seed": seed, "by": by}
    return _make(images, indices, settings)


def split_indices(
    n_images: int,
    groups: Sequence[str] | None,
    *,
    test: float,
    validation: float,
    seed: int,
    by: SplitBy,
) -> dict[str, list[int]]:
    """Numbers of the images of the three sets, as :func:`split` chooses them.

    Parameters
    ----------
    n_images : int
    groups : sequence of str, optional
        Name of the group of every image; not needed for ``by="random"``.
    test, validation, seed, by
        See :func:`split`.

    Raises
    ------
    ConfigError
        See :func:`split`.
    """
    for name, fraction in (("test", test), ("validation", validation)):
        if not 0.0 <= fraction < 1.0:
            raise ConfigError(f"{name} fraction must be at least 0 and below 1, got {fraction}")
    rng = np.random.default_rng(seed)
    units = _units(n_images, groups, by)
    n_test = round(test * n_images)
    n_validation = round(validation * (n_images - n_test))
    n_sets = 1 + (n_test > 0) + (n_validation > 0)
    if by == "group" and len(units) < n_sets:
        raise ConfigError(
            f"split by group needs at least {n_sets} groups, found {len(units)}; use by='block'"
        )
    order = rng.permutation(len(units))
    taken, order = _take(units, order, n_test)
    validated, order = _take(units, order, n_validation)
    indices = {
        "train": _gather(units, order),
        "validation": _gather(units, validated),
        "test": _gather(units, taken),
    }
    if not indices["train"]:
        raise ConfigError(
            f"the training set is empty: {n_images} images, test {test}, validation {validation}"
        )
    return indices


def _make(images: Sequence[Any], indices: dict[str, list[int]], settings: dict[str, Any]) -> Split:
    parts = {name: [images[k] for k in indices[name]] for name in _SETS}
    return Split(**parts, indices=indices, settings=settings)


def _units(n_images: int, names: Sequence[str] | None, by: SplitBy) -> list[list[int]]:
    """Index lists that stay together."""
    if by == "random":
        return [[k] for k in range(n_images)]
    if by not in ("group", "block"):
        raise ConfigError(f"unknown split '{by}', expected random, group or block")
    groups: dict[str, list[int]] = {}
    for k, name in enumerate(names or [""] * n_images):
        groups.setdefault(name, []).append(k)
    if by == "group":
        return list(groups.values())
    blocks: list[list[int]] = []
    for members in groups.values():
        n_blocks = min(BLOCKS_PER_GROUP, len(members))
        blocks += [part.tolist() for part in np.array_split(np.array(members), n_blocks)]
    return blocks


def _group(image: Any) -> str:
    from lionn_rs.data.images import LabeledImage, group_of

    return image.group if isinstance(image, LabeledImage) else group_of(image)


def _take(
    units: list[list[int]], order: NDArray[np.int64], wanted: int
) -> tuple[list[int], NDArray[np.int64]]:
    """Take units in order until the count is as close to ``wanted`` as whole units allow.

    At least one unit is taken if any images are wanted.
    """
    taken: list[int] = []
    count = 0
    for unit in order:
        size = len(units[unit])
        if wanted == 0 or (taken and abs(count + size - wanted) > abs(count - wanted)):
            continue
        if count >= wanted:
            break
        taken.append(int(unit))
        count += size
    chosen = set(taken)
    return taken, np.array([unit for unit in order if int(unit) not in chosen], dtype=np.int64)


def _gather(units: list[list[int]], chosen: Sequence[int] | NDArray[np.int64]) -> list[int]:
    return sorted(k for unit in chosen for k in units[int(unit)])
