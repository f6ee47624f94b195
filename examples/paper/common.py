"""What the scripts of this folder share: options, data, output, and the numbers of the paper."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ase import Atoms

from lionn_rs.errors import LionnError
from lionn_rs.files import write_json, write_text

BUNDLED = "dataset:lgps_gpaw_pbe"

TABLE_1 = {  # descriptor and number of functions: training force RMSE of (5, 5), eV/Å
    "Zernike-12": 0.4410,
    "Zernike-20": 0.2100,
    "Zernike-49": 0.1933,
    "Gaussian-56": 0.0742,
    "Gaussian-72": 0.0822,
}
TABLE_2 = {  # E_a (eV), conductivity and its bracket (mS/cm), diffusivity (cm²/s), at 300 K
    "Cl3": (0.32, 14.35, (8.0, 23.0), 3.6e-8),
    "Cl2": (0.24, 24.22, (9.0, 53.0), 2.55e-7),
    "Cl1": (0.29, 20.04, (14.0, 32.0), 8.00e-8),
}
LI_LI_PEAK_A = 3.25
"""First peak of g(r) of Li-Li at all concentrations, Å (text and Fig. S2)."""
LI_LI_TABLE_3_A = 3.35
"""The same in Table 3."""


FULL = "the size of the paper; hours"


def options(
    description: str | None, *, images: bool = True, full: str | None = FULL
) -> argparse.ArgumentParser:
    """Parser with what every script understands; ``full``: help of ``--full``, None without it."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if images:
        parser.add_argument(
            "--images",
            default=BUNDLED,
            help=f"labeled images: '{BUNDLED}' (default), extended XYZ or lgps50_train.npz",
        )
    if full is not None:
        parser.add_argument("--full", action="store_true", help=full)
    parser.add_argument("--output", type=Path, required=True, help="folder for table and figure")
    parser.add_argument(
        "--force",
        action="store_true",
        help="replace table and figure; trainings and runs in the folder are kept and used",
    )
    return parser


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End with the one line of an error of lionn_rs, without a traceback; so does Ctrl-C."""
    try:
        yield
    except LionnError as error:
        raise SystemExit(f"error: {error}") from error
    except KeyboardInterrupt as error:
        raise SystemExit("interrupted; the same command goes on") from error


def parse(parser: argparse.ArgumentParser, name: str) -> argparse.Namespace:
    """Options of the command line; ends here if ``NAME.md`` is there and may not be replaced.

    So an interrupted script goes on with the same command, and a finished one is not run again by
    mistake.
    """
    choice = parser.parse_args()
    refuse_to_replace(choice.output, name, force=choice.force)
    return choice


def refuse_to_replace(output: Path | None, name: str, *, force: bool) -> None:
    """End with an error if the table of an earlier run is there, or the folder is a file."""
    if output is None:
        return
    if output.exists() and not output.is_dir():
        raise SystemExit(f"error: --output: {output} is a file, expected a folder")
    if (output / f"{name}.md").exists() and not force:
        raise SystemExit(f"error: {output / name}.md exists (--force to replace it)")


def load_images(source: str) -> list[Atoms]:
    """Images of a bundled set, of a file that ASE reads, or of the public LGPS set."""
    from lgps_pbe import load

    import lionn_rs as lionn

    if source.startswith("dataset:"):
        return lionn.datasets.load(source.removeprefix("dataset:"))
    if ".npz" in source:
        if not Path(source.partition("::")[0]).is_file():
            raise SystemExit(f"error: --images: there is no file {source.partition('::')[0]}")
        return load(source, max_volume=float("inf"))
    return list(lionn.read_images(source))


def markdown(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Table as Markdown."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(x) for x in row) + " |" for row in rows])


def write(
    output: Path,
    name: str,
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[Any]],
    notes: Sequence[str] = (),
) -> None:
    """Print a table; write it as Markdown, with the notes, and as CSV."""
    output.mkdir(parents=True, exist_ok=True)
    text = "\n".join([f"# {title}", "", markdown(header, rows), "", *(f"- {n}" for n in notes), ""])
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(output / f"{name}.md", text)
    write_text(output / f"{name}.csv", stream.getvalue())
    print(text)


def write_report(
    description: str | None, name: str, report: Callable[[], tuple[str, dict[str, Any]]]
) -> None:
    """Command line of a script that computes text and data from the published numbers alone."""
    parser = argparse.ArgumentParser(description=(description or "").split("\n\n")[0])
    parser.add_argument("--output", type=Path, help=f"folder for {name}.md and {name}.json")
    parser.add_argument("--force", action="store_true", help="replace them")
    output = parse(parser, name).output
    text, data = report()
    print(text)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        write_text(output / f"{name}.md", text)
        write_json(output / f"{name}.json", data)


def grid(
    output: Path,
    source: str,
    *,
    scan: dict[str, Any],
    network: list[int],
    iterations: int,
    split_by: str = "random",
    optimizer: str = "bfgs",
    workers: int | None = None,
) -> Any:
    """Train a grid of descriptors and topologies side by side (`lionn scan`); resumes.

    The settings of the paper where it states them: 80 % of the images for training, a tenth of
    these for validation, cutoff 6.5 Å, tanh.
    """
    import lionn_rs as lionn
    from lionn_rs.config import ScanConfig

    if ".npz" in source:  # the scan reads what ASE reads
        from ase.io import write as write_images

        output.mkdir(parents=True, exist_ok=True)
        file = output / "images.extxyz"
        if not file.exists():
            write_images(file, load_images(source))
        source = str(file)
    config = ScanConfig.model_validate(
        {
            "data": {"images": [source], "split_by": split_by, "seed": 1},
            "descriptor": {"n_radial": 4},
            "network": {"hidden_layers": network},
            "training": {
                "max_iterations": iterations,
                "optimizer": optimizer,
                "validation_interval": max(iterations // 50, 1),
                "min_feature_range": 0.0,
            },
            "scan": scan,
        }
    )
    with one_line_errors():
        return lionn.scan(
            config,
            output / "scan",
            workers=workers,
            threads=None if workers is None else 1,
            resume=(output / "scan").exists(),
        )


def add_grid_options(parser: argparse.ArgumentParser, default: str) -> None:
    """Options of the scripts that train a grid; ``default`` says how long they train."""
    parser.add_argument("--iterations", type=int, help=f"default: {default}")
    parser.add_argument("--optimizer", choices=["bfgs", "l-bfgs", "lm", "adam"])
    parser.add_argument(
        "--workers", type=int, help="trainings side by side, one thread each; default: all"
    )


def budget(optimizer: str, iterations: int) -> str:
    """How long was trained, in words."""
    if optimizer == "adam":
        return f"{iterations} passes of Adam"
    return f"{iterations} iterations of {optimizer.upper()}"


def split_by(source: str) -> str:
    """Frames of one trajectory in blocks, independent images at random."""
    return "block" if source.startswith("dataset:") else "random"
