"""Training and validation images prepared within the memory limit."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from lionn_rs import _core
from lionn_rs.data.images import ImageArrays, LabeledImage
from lionn_rs.errors import ConfigError
from lionn_rs.progress import progress as progress_display
from lionn_rs.training.memory import (
    FREE_MEMORY_SHARE,
    GIGABYTE,
    MemoryEstimate,
    Precision,
    estimate_memory,
    format_bytes,
    free_memory,
)
from lionn_rs.training.objective import LossWeights, prepare_images
from lionn_rs.training.session import write_log

if TYPE_CHECKING:
    from lionn_rs.descriptors import Descriptor

logger = logging.getLogger(__name__)

Prepared = dict[str, tuple[_core.TrainingSet, ImageArrays]]


def prepare_sets(
    sets: dict[str, list[LabeledImage]],
    descriptor: Descriptor,
    loss: LossWeights,
    precision: Precision,
    max_memory_gb: float | None,
    folder: Path | None,
    *,
    reserve: int = 0,
    progress: bool,
) -> tuple[MemoryEstimate, Prepared]:
    """Prepare training and validation images within the memory limit, less ``reserve`` bytes."""
    needed = {name: sets[name] for name in ("train", "validation") if sets[name]}
    estimates = {
        name: estimate_memory(
            part, descriptor, precision=precision, forces=loss.force > 0, stress=loss.stress > 0
        )
        for name, part in needed.items()
    }
    memory = sum(estimates.values(), MemoryEstimate(0, 0))
    limit = _memory_limit(memory, max_memory_gb, reserve)
    n_images = sum(len(part) for part in needed.values())
    prepared: Prepared = {}
    with progress_display("preparing images", n_images, "images", enabled=progress) as display:
        texts = _memory_messages(memory, limit, max_memory_gb, precision)
        if reserve:
            what = "the matrix of the optimizer (the limit above is what it leaves)"
            texts.append(f"memory for {what}: {format_bytes(reserve)}")
        if "validation" not in needed:
            texts.append("no validation images: the lowest training loss picks the best iteration")
        for text in texts:
            logger.info(text)
            display.message(text)
            write_log(folder, text)
        for name, part in needed.items():
            share = None if limit is None else int(limit * estimates[name].total / memory.total)
            before = display.done

            def count(done: int, before: float = before) -> None:
                display.advance(before + done - display.done)

            prepared[name] = prepare_images(
                part,
                descriptor,
                loss=loss,
                precision=precision,
                max_bytes=share,
                needs_stress=name == "train",
                progress=count,
            )
    return memory, prepared


def _memory_limit(memory: MemoryEstimate, max_memory_gb: float | None, reserve: int) -> int | None:
    """Bytes that prepared images may take; None if everything fits anyway."""
    if max_memory_gb is not None:
        limit: int | None = int(max_memory_gb * GIGABYTE)
    else:
        free = free_memory()
        limit = None if free is None else int(FREE_MEMORY_SHARE * free)
    if limit is None or memory.total + reserve <= limit:
        return None
    limit -= reserve
    if memory.fixed > limit:
        beside = f" and the matrix of the optimizer {format_bytes(reserve)}" if reserve else ""
        raise ConfigError(
            f"structures and fingerprints alone take {format_bytes(memory.fixed)}{beside}, "
            f"the memory limit is {format_bytes(limit + reserve)}; "
            "raise max_memory_gb or use fewer images"
        )
    return limit


def _memory_messages(
    memory: MemoryEstimate, limit: int | None, max_memory_gb: float | None, precision: Precision
) -> list[str]:
    lines = [f"memory for images in {precision}: {memory}"]
    if limit is not None:
        kept = (limit - memory.fixed) / memory.derivatives
        source = "max_memory_gb" if max_memory_gb is not None else "80 % of the free memory"
        lines.append(
            f"limit {format_bytes(limit)} ({source}): about {100 * kept:.0f} % of the derivatives "
            "are kept, the others are recomputed in every iteration (slower, same result)"
        )
    return lines
