"""What a file is, in a few lines: potential, trajectory, images, bundled set, installation."""

from __future__ import annotations

import platform
import sys
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lionn_rs import datasets
from lionn_rs.datasets import DATASET_PREFIX
from lionn_rs.errors import DataError
from lionn_rs.interop.formats import identify
from lionn_rs.md.cores import available_cores
from lionn_rs.units import PS_TO_FS

if TYPE_CHECKING:
    pass

__all__ = ["describe", "describe_installation", "software"]

PACKAGES = ("numpy", "scipy", "ase", "h5py", "pydantic", "pymatgen-analysis-diffusion")


def software() -> dict[str, str]:
    """Versions and machine, for records of a run."""
    from lionn_rs import __version__

    found = {"lionn_rs": __version__, "python": platform.python_version()}
    found |= {name: metadata.version(name) for name in PACKAGES}
    found["system"] = f"{platform.system()} {platform.machine()}"
    found["cpu"] = _cpu_name()
    found["threads"] = f"{available_cores()} threads"
    return found


def describe_installation() -> list[str]:
    """Versions, machine and bundled data, one line each."""
    lines = [f"{name}: {value}" for name, value in software().items()]
    lines.append(f"installed in: {Path(sys.modules['lionn_rs'].__file__ or '').parent}")
    lines.append("bundled data:")
    lines += [f"  dataset:{name}  {datasets.info(name)['title']}" for name in datasets.names()]
    return lines


def describe(target: str) -> list[str]:
    """Say what a file, folder or bundled set holds.

    Raises
    ------
    DataError
        There is no such thing, or nothing here can read it.
    """
    if target.startswith(DATASET_PREFIX):
        return _describe_dataset(target.removeprefix(DATASET_PREFIX))
    path = Path(target)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if identify(path) is not None:
        return _describe_potential(path)
    if path.is_dir():
        return _describe_folder(path)
    if path.suffix in (".h5", ".h5md"):
        return _describe_trajectory(path)
    return _describe_images(path)


def _describe_dataset(name: str) -> list[str]:
    record = datasets.info(name)
    lines = [record["title"], f"composition: {record['composition']}"]
    if record["kind"] == "images":
        lines.append(
            f"{record['n_images']} images of {record['n_atoms_per_image']} atoms, "
            f"{record['n_images_with_stress']} with stress"
        )
        lines.append(f"level of theory: {record['level_of_theory']}")
        lines.append(f"sampling: {record['sampling']}")
        lines += [
            f"group {group}: {entry['n_images']} images, {entry['note']}"
            for group, entry in record["groups"].items()
        ]
    lines += [f"{quantity}: {unit}" for quantity, unit in record["units"].items()]
    lines.append(f"provenance: {record['provenance']}")
    lines += [f"mind: {text}" for text in record.get("caveats", [])]
    return lines


def _describe_potential(path: Path) -> list[str]:
    from lionn_rs.committee import Committee
    from lionn_rs.interop import read_potential

    potential = read_potential(path)
    kind = "potential"
    if isinstance(potential, Committee):
        kind = f"committee of {potential.n_members} potentials"
    lines = [
        f"{kind} of {', '.join(potential.elements)}, cutoff {potential.cutoff:g} Å",
        f"hash: {potential.hash}",
    ]
    if isinstance(potential, Committee):
        energy, force = potential.spread_scale
        lines.append(f"factors of the spread: {energy:.3g} (energy), {force:.3g} (force)")
    for element, entry in (potential.training_range or {}).items():
        median, _, high = entry["quantiles"]
        lines.append(
            f"training environments of {element}: {entry['n_environments']}, "
            f"{len(entry['variance'])} directions kept; grades: median {median:.2f}, "
            f"99 % below {high:.2f}, all below 1"
        )
    lines += _flatten(potential.metadata)
    return lines


def _describe_folder(path: Path) -> list[str]:
    """Folder of ``lionn md``, ``lionn train`` or ``lionn run``, or of images."""
    from lionn_rs.data.formats import find_data_format

    for name, reader in (
        ("trajectory.h5", _describe_trajectory),
        ("committee.json", _describe_potential),
        ("best.json", _describe_potential),
        ("training/committee.json", _describe_potential),
        ("training/best.json", _describe_potential),
    ):
        if (path / name).is_file():
            return [f"{path / name}:", *reader(path / name)]
    try:
        find_data_format(path)
    except DataError as error:
        raise DataError(
            f"{path}: holds no trajectory.h5, committee.json or best.json, nor images in DeePMD or "
            "XSF files"
        ) from error
    return _describe_images(path)


def _describe_trajectory(path: Path) -> list[str]:
    from lionn_rs.md import Trajectory

    trajectory = Trajectory.open(path)
    lines = [f"trajectory of {trajectory.n_atoms} atoms, {trajectory.n_frames} frames"]
    if trajectory.n_frames:
        first, last = trajectory.time_fs[[0, -1]] / PS_TO_FS
        lines.append(
            f"time: {first:g} to {last:g} ps, a frame every {trajectory.frame_interval_fs:g} fs"
        )
    return [*lines, *_flatten(trajectory.metadata)]


def _describe_images(path: Path) -> list[str]:
    from lionn_rs.data import read_structures

    images = read_structures(path)
    formulas = Counter(atoms.get_chemical_formula() for atoms in images)
    labels = Counter(
        key for atoms in images if atoms.calc is not None for key in atoms.calc.results
    )
    lines = [f"{len(images)} images: " + ", ".join(f"{n} × {name}" for name, n in formulas.items())]
    lines += [f"{label}: {count} images" for label, count in sorted(labels.items())]
    return lines


def _flatten(record: dict[str, Any], prefix: str = "") -> list[str]:
    """Nested records as ``a.b: value`` lines; long lists by their length."""
    lines: list[str] = []
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            lines += _flatten(value, f"{name}.")
        elif isinstance(value, list) and len(value) > 8:
            lines.append(f"{name}: {len(value)} values")
        else:
            lines.append(f"{name}: {_rounded(value)}")
    return lines


def _rounded(value: Any) -> Any:
    """Floats with six significant digits, in lists too."""
    if isinstance(value, list):
        return f"[{', '.join(str(_rounded(entry)) for entry in value)}]"
    return f"{value:.6g}" if isinstance(value, float) else value


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
