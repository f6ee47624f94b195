"""Training of a committee: the same training several times, from other seeds and other images."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from lionn_rs.committee import Committee
from lionn_rs.data.images import LabeledImage, data_hash, label_images
from lionn_rs.data.split import Split
from lionn_rs.data.summary import summary
from lionn_rs.errors import ConfigError, DataError
from lionn_rs.files import json_safe, write_json
from lionn_rs.potential import Potential
from lionn_rs.training.calibration import (
    Agreement,
    Calibration,
    SpreadErrors,
    calibrate,
    spread_errors,
)
from lionn_rs.training.driver import Images, train
from lionn_rs.training.metrics import Metrics, evaluate
from lionn_rs.training.provenance import provenance
from lionn_rs.training.session import write_log
from lionn_rs.training.training_range import fit_training_range

if TYPE_CHECKING:
    from lionn_rs.descriptors import Descriptor

logger = logging.getLogger(__name__)

COMMITTEE_FILE: Final = "committee.json"
CONTRACTION_FOLDER: Final = "contraction"
"""Training that the members have their learned contraction from."""
MEMBER_FILE: Final = "member.json"
"""Written when a member is finished; says what it was trained on."""


@dataclass(frozen=True)
class CommitteeResult:
    """Outcome of :func:`train_committee`.

    Attributes
    ----------
    committee : Committee
        The members with the lowest validation error of each training, calibrated on the validation
        images if there are any.
    members : list of Potential
        The same members with their training records.
    metrics : dict of str to Metrics
        Errors of the mean on ``train``, ``validation`` and ``test`` images, as far as given.
    out_of_bag : list of Metrics
        With bootstrap: errors of every member on the training images it has not seen.
    calibration : Calibration or None
        None without validation images.
    agreement : dict
        Set, then ``"energy"`` and ``"force"``, then ``"raw"`` and ``"calibrated"``: how well the
        spread agrees with the error, :class:`~lionn_rs.training.calibration.Agreement`.
    """

    committee: Committee
    members: list[Potential]
    metrics: dict[str, Metrics]
    out_of_bag: list[Metrics]
    calibration: Calibration | None
    agreement: dict[str, dict[str, dict[str, Agreement]]]

    def __str__(self) -> str:
        lines = [f"committee of {len(self.members)}"]
        lines += [f"[{name}] {metrics}" for name, metrics in self.metrics.items()]
        return "\n".join(lines + self.describe_spread())

    def describe_spread(self) -> list[str]:
        """Lines of text on spread and error of the images that were not trained on."""
        lines = []
        if self.calibration is not None:
            lines.append(
                f"spread calibrated on {self.calibration.n_images} validation images: factors "
                f"{self.calibration.energy:.2f} (energy), {self.calibration.force:.2f} (force)"
            )
        for name, found in self.agreement.items():
            lines += describe_agreement(found, name)
        return lines


def train_committee(
    images: Images | Split,
    *,
    validation: Images | None = None,
    test: Images | None = None,
    descriptor: Descriptor,
    n_members: int = 4,
    bootstrap: bool = True,
    seed: int = 0,
    output: str | Path | None = None,
    resume: bool = False,
    progress: bool = True,
    level_of_theory: str = "",
    min_feature_range: float = 0.1,
    learn_contraction: bool = False,
    n_starts: int = 1,
    wall_time_s: float | None = None,
    split: Split | dict[str, Any] | None = None,
    **options: Any,
) -> CommitteeResult:
    """Train several potentials and put them into one committee.

    Member k starts from the seed ``seed + k n_starts``. With ``bootstrap`` its training images are
    drawn with replacement: image weights are multiplied by how often an image was drawn, those that
    were not drawn (a share of about 1/e) have weight zero and are left for the out-of-bag errors.
    Scaling, repulsion, validation and test images are the same for all members.

    Parameters
    ----------
    images, validation, test, descriptor, progress, level_of_theory, min_feature_range, split
        As in :func:`lionn_rs.train`.
    n_members : int
        Members, at least two. Four or more make the spread itself worth something.
    bootstrap : bool
        Draw the training images of every member anew; otherwise members differ in their initial
        weights alone and tend to agree where all of them are wrong.
    seed : int
        Of the initial weights and of the draws.
    output : str or Path, optional
        Folder for ``committee.json`` and one subfolder ``member-K`` per member.
    resume : bool
        Keep finished members and go on with the one that was interrupted.
    learn_contraction : bool
        Train one potential on all training images first, in the subfolder ``contraction``, and let
        the members share the contraction that it has learned: they have one descriptor, which is
        what makes them cheap.
    n_starts : int
        Restarts of every member.
    wall_time_s : float, optional
        Limit on this call, s; the members that are left share what is left.
    **options
        Everything else as in :func:`lionn_rs.train`.

    Returns
    -------
    CommitteeResult

    Raises
    ------
    ConfigError
        For fewer than two members, options out of range, or a folder with other members.
    DataError, SimulationError
        As :func:`lionn_rs.train`.
    TrainingInterrupted
        On Ctrl-C, after the member in progress has been written; finished members are kept.

    Examples
    --------
    >>> import lionn_rs as lionn
    >>> images = lionn.datasets.load("lgps_gpaw_pbe")[::6]
    >>> parts = lionn.split(images, test=0.2, validation=0.2, seed=1)
    >>> descriptor = lionn.Gaussian.amp_default(["Ge", "Li", "P", "S"], cutoff=lionn.Cosine(4.0))
    >>> result = lionn.train_committee(
    ...     parts, descriptor=descriptor, n_members=2, max_iterations=2, progress=False
    ... )
    >>> result.committee.evaluate(parts.test[0]).forces_std.shape
    (50, 3)
    """
    if n_members < 2:
        raise ConfigError(f"a committee needs at least 2 members, got n_members = {n_members}")
    if isinstance(images, Split):
        split = split or images
        validation, test, images = images.validation, images.test, images.train
    if options.get("initial") is not None and not bootstrap:
        raise ConfigError(
            "an initial potential is the same for all members: use bootstrap=True, or no initial"
        )
    if options.get("initial") is not None and learn_contraction:
        raise ConfigError(
            "an initial potential has the descriptor that the members share: leave out "
            "learn_contraction, and pass initial.descriptor"
        )
    sets = {
        "train": label_images(images),
        "validation": label_images(validation or []),
        "test": label_images(test or []),
    }
    if not sets["train"]:
        raise ConfigError("no training images")
    folder = None if output is None else Path(output)
    split_record = split.to_dict() if isinstance(split, Split) else dict(split or {})
    _begin(folder, split_record, resume)
    deadline = None if wall_time_s is None else time.monotonic() + wall_time_s
    common = options | {
        "validation": sets["validation"],
        "test": sets["test"],
        "n_starts": n_starts,
        "min_feature_range": min_feature_range,
        "level_of_theory": level_of_theory,
        "resume": resume,
        "progress": progress,
    }
    request = _plain(options) | {
        "n_starts": n_starts,
        "min_feature_range": min_feature_range,
        "data_hash": {name: data_hash(part) for name, part in sets.items()},
    }

    def fit(
        name: str, title: str, n_left: int, draw: NDArray[np.int64] | None, **own: Any
    ) -> Potential:
        """Potential of one folder: kept if it is finished, trained otherwise."""
        drawn = {} if draw is None else {"bootstrap": draw.tolist()}
        member = _Member(
            folder=None if folder is None else folder / name,
            request=request | own | {"descriptor": own["descriptor"].spec} | drawn,
        )
        potential = member.finished() if resume else None
        state = "finished before, kept" if potential else f"seed {own['seed']}"
        _say(folder, f"{title}: {state}")
        if potential is not None:
            return potential
        left = None if deadline is None else max(deadline - time.monotonic(), 0.0) / n_left
        return member.train(
            sets["train"],
            draw,
            wall_time_s=left,
            title=title,
            split=split_record | drawn,
            **common,
            **own,
        )

    if learn_contraction:
        descriptor = fit(
            CONTRACTION_FOLDER,
            "contraction",
            n_members + 1,
            None,
            seed=seed,
            descriptor=descriptor,
            learn_contraction=True,
        ).descriptor
    draws = [_draw(len(sets["train"]), seed, k) if bootstrap else None for k in range(n_members)]
    members = [
        fit(
            f"member-{k + 1}",
            f"member {k + 1} of {n_members}",
            n_members - k,
            draw,
            seed=seed + k * n_starts,
            descriptor=descriptor,
        )
        for k, draw in enumerate(draws)
    ]
    outcome = _assemble(members, draws, sets, descriptor, min_feature_range, progress)
    settings = {"n_members": n_members, "bootstrap": bootstrap, "seed": seed}
    outcome.committee.metadata = _metadata(outcome, sets, settings, split_record, level_of_theory)
    if folder is not None:
        outcome.committee.save(folder / COMMITTEE_FILE, force=True)
        write_log(folder, str(outcome))
    return outcome


def _begin(folder: Path | None, split: dict[str, Any], resume: bool) -> None:
    """Lay out the output folder, or refuse the one that is there."""
    if folder is None:
        if resume:
            raise ConfigError("resume=True needs the output folder of the run")
        return
    if any((folder / name).exists() for name in (CONTRACTION_FOLDER, "member-1")) and not resume:
        raise ConfigError(f"{folder}: holds a committee; pass resume=True or another folder")
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "split.json", split)


def _draw(n_images: int, seed: int, member: int) -> NDArray[np.int64]:
    """How often every image is used for a member, (n_images,) int64."""
    rng = np.random.default_rng([seed, member])
    return np.bincount(rng.integers(n_images, size=n_images), minlength=n_images)


@dataclass(frozen=True)
class _Member:
    """One member in the output folder."""

    folder: Path | None
    request: dict[str, Any]

    def finished(self) -> Potential | None:
        """Take the potential of an earlier call, if that came to its end with the same request."""
        if self.folder is None or not (self.folder / MEMBER_FILE).is_file():
            return None
        path = self.folder / MEMBER_FILE
        try:
            found = json.loads(path.read_text("utf-8"))["request"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: not the record of a member ({error})") from None
        wanted = json_safe(self.request)
        for key in dict.fromkeys([*wanted, *found]):
            if found.get(key) != wanted.get(key):
                raise ConfigError(
                    f"{path}: cannot resume, '{key}' has changed since this member was trained; "
                    "start again in another folder"
                )
        return Potential.load(self.folder / "best.json")

    def train(
        self, images: Sequence[LabeledImage], draw: NDArray[np.int64] | None, **options: Any
    ) -> Potential:
        """Train on images with weights times ``draw`` and mark the member as finished."""
        weighted = list(images)
        if draw is not None:
            weighted = [
                replace(image, weight=image.weight * float(count))
                for image, count in zip(images, draw, strict=True)
            ]
        result = train(weighted, output=self.folder, training_range=False, **options)
        if self.folder is not None:
            record = {"request": self.request, "stop_reason": result.stop_reason}
            write_json(self.folder / MEMBER_FILE, record)
        return result.best


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    """Options of the training as JSON types; those that only bound time and memory are left out."""
    free = {"max_memory_gb", "callback"}
    kept = {key: value for key, value in options.items() if key not in free}
    if kept.get("initial") is not None:
        kept["initial"] = kept["initial"].hash
    plain: dict[str, Any] = json_safe(kept)
    return plain


def _say(folder: Path | None, text: str) -> None:
    logger.info(text)
    write_log(folder, text)


def _assemble(
    members: list[Potential],
    draws: Sequence[NDArray[np.int64] | None],
    sets: dict[str, list[LabeledImage]],
    descriptor: Descriptor,
    min_feature_range: float,
    progress: bool,
) -> CommitteeResult:
    """Committee of trained members, judged on all sets."""
    ranges = fit_training_range(
        descriptor, sets["train"], min_feature_range=min_feature_range, progress=progress
    )
    core = Committee(members).core.with_training_range(ranges)
    committee, calibration = Committee(core), None
    if sets["validation"]:
        committee, calibration = calibrate(committee, sets["validation"])
    held_out = {name: sets[name] for name in ("validation", "test") if sets[name]}
    out_of_bag = []
    for member, draw in zip(members, draws, strict=True):
        if draw is None:
            continue
        left = [image for image, n in zip(sets["train"], draw, strict=True) if n == 0]
        if left:
            out_of_bag.append(evaluate(member, left))
    return CommitteeResult(
        committee=committee,
        members=members,
        metrics={name: evaluate(committee, part) for name, part in sets.items() if part},
        out_of_bag=out_of_bag,
        calibration=calibration,
        agreement={
            name: agreement(committee, spread_errors(committee, part))
            for name, part in held_out.items()
        },
    )


def agreement(
    committee: Committee, pairs: dict[str, SpreadErrors]
) -> dict[str, dict[str, Agreement]]:
    """Agreement of spread and error without and with the factors of the committee."""
    scale = dict(zip(("energy", "force"), committee.spread_scale, strict=True))
    return {
        name: {
            "raw": Agreement.of(found.scaled(1.0 / scale[name])),
            "calibrated": Agreement.of(found),
        }
        for name, found in pairs.items()
    }


UNITS: Final = {"energy": ("meV/atom", 1e3), "force": ("meV/Å", 1e3)}


def describe_agreement(found: dict[str, dict[str, Agreement]], name: str) -> list[str]:
    """Lines of text on spread and error of one set of images."""
    lines = []
    for quantity, entry in found.items():
        unit, factor = UNITS[quantity]
        lines += [
            f"[{name}] {quantity} spread, {kind}: {values.describe(unit, factor)}"
            for kind, values in entry.items()
        ]
    return lines


def _metadata(
    result: CommitteeResult,
    sets: dict[str, list[LabeledImage]],
    settings: dict[str, Any],
    split_record: dict[str, Any],
    level_of_theory: str,
) -> dict[str, Any]:
    """Record of the committee: that of one potential, and what belongs to members and spread."""
    common = dict(result.members[0].metadata.get("training", {}))
    own = ("seed", "best_iteration", "best_start", "last_iteration", "stop_reason", "seconds")
    for key in own:
        common.pop(key, None)
    record = common | {"split": split_record}
    data = summary(sets["train"])
    metadata = provenance(sets, record, result.metrics, data, level_of_theory)
    members = [
        {
            "hash": member.hash,
            **{key: member.metadata.get("training", {}).get(key) for key in own},
            "errors": member.metadata.get("errors", {}),
        }
        for member in result.members
    ]
    for entry, metrics in zip(members, result.out_of_bag, strict=False):
        entry["out_of_bag"] = metrics.to_dict()
    extra = {
        "committee": settings | {"members": members},
        "agreement": {
            name: {q: {kind: asdict(a) for kind, a in e.items()} for q, e in quantities.items()}
            for name, quantities in result.agreement.items()
        },
    }
    metadata |= json_safe(extra)
    if "calibration" in result.committee.metadata:
        metadata["calibration"] = result.committee.metadata["calibration"]
    return metadata
