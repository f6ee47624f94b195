"""Several files of images as one stream, read as often as a task needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from lionn_rs import datasets
from lionn_rs.data.formats import ImageSource, RawImage, ReadOptions, open_images
from lionn_rs.data.labels import Keys
from lionn_rs.data.reading import iter_images
from lionn_rs.datasets import DATASET_PREFIX
from lionn_rs.errors import ConfigError
from lionn_rs.progress import progress

__all__ = ["DataInputs", "Item"]


class Item(NamedTuple):
    """An image, the number of its file among the inputs, its number in that file."""

    image: RawImage
    source: int
    number: int


@dataclass(kw_only=True)
class DataInputs:
    """Files of images and how to read them.

    Attributes
    ----------
    sources : sequence of str or Path
        Files, folders, or ``dataset:NAME`` for a bundled set.
    index : str
        Which images of each, as in ASE.
    keys : Keys
        Names of the labels.
    format : str, optional
        Of all files, where their names do not tell it.
    options : ReadOptions
        What the files do not say.
    show_progress : bool
    opened : list of ImageSource
        As of the last complete pass: reader, notes, images left out.
    """

    sources: Sequence[str | Path]
    index: str = ":"
    keys: Keys = field(default_factory=Keys)
    format: str | None = None
    options: ReadOptions = field(default_factory=ReadOptions)
    show_progress: bool = False
    opened: list[ImageSource] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.sources:
            raise ConfigError("no files of images given")

    def name(self, source: int) -> str:
        """How a message calls an input."""
        return str(self.sources[source])

    def paths(self) -> list[Path]:
        """Return the inputs that are files or folders."""
        return [Path(s) for s in self.sources if not str(s).startswith(DATASET_PREFIX)]

    def read(self, what: str) -> Iterator[Item]:
        """All images in order; ``what`` is shown with the progress."""
        opened = [self._open(source) for source in self.sources]
        estimates = [source.n_images for source in opened]
        known = [n for n in estimates if n is not None]
        total = sum(known) if len(known) == len(estimates) and self.index == ":" else 0
        with progress(what, total, "images", enabled=self.show_progress) as display:
            for k, source in enumerate(opened):
                images = iter_images(source, index=self.index, keys=self.keys)
                for n, image in enumerate(images):
                    yield Item(image, k, n)
                    display.advance()
        self.opened = opened

    def _open(self, source: str | Path) -> ImageSource:
        text = str(source)
        if not text.startswith(DATASET_PREFIX):
            return open_images(source, format=self.format, options=self.options)
        images = datasets.load(text.removeprefix(DATASET_PREFIX))
        return ImageSource(
            path=Path(text),
            reader="bundled set",
            images=map(RawImage.from_atoms, images),
            n_images=len(images),
            format="dataset",
        )

    def remarks(self) -> list[str]:
        """Gather notes of the readers and images they left out, a line each."""
        lines = []
        for source in self.opened:
            lines += [f"{source.path}: {text}" for text in source.notes]
            lines += [
                f"{source.path}: {count} images left out: {reason}"
                for reason, count in source.dropped.items()
            ]
        return lines

    def dropped(self) -> Counter[str]:
        """Images that the readers left out, by reason."""
        return sum((source.dropped for source in self.opened), Counter())
