"""``lionn evaluate``: errors of a potential on labeled images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lionn_rs.cli.common import Force, say


def command(
    potential: Annotated[Path, typer.Argument(help="Potential file (*.json).")],
    images: Annotated[list[str], typer.Argument(help="Files of labeled images, or dataset:NAME.")],
    index: Annotated[str, typer.Option(help="Which images of each file, as in ASE.")] = ":",
    energy: Annotated[
        str | None, typer.Option(help="Energy label, eV.", show_default="free_energy, else energy")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder for metrics.json, parity and calibration plots."
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Energy error per atom (eV/atom), force error (eV/Å) and stress error (eV/Å³).

    Of a committee also how well its spread says how large the error is.
    """
    from lionn_rs.committee import Committee, load
    from lionn_rs.config import DataSection, TrainConfig
    from lionn_rs.config_file import parse_config
    from lionn_rs.files import check_folder, prepare_folder, write_json
    from lionn_rs.training import evaluate, predict, spread_errors
    from lionn_rs.training.committee import agreement, describe_agreement
    from lionn_rs.workflows.inputs import load_images

    content: dict[str, Any] = {"data": {"images": images, "index": index, "energy": energy}}
    section: DataSection = parse_config(content, TrainConfig, source="options").data
    if output is not None:
        check_folder(output, force=force, resumable=False)
    model = load(potential)
    labeled = load_images(section)
    metrics = evaluate(model, labeled)
    say(str(metrics))
    spread = None
    if isinstance(model, Committee):
        spread = agreement(model, spread_errors(model, labeled))
        for line in describe_agreement(spread, "images"):
            say(line)
    if output is not None:
        from lionn_rs.plots.training import parity
        from lionn_rs.workflows.figures import save_figure
        from lionn_rs.workflows.training import draw_calibration

        folder = prepare_folder(output, force=force)
        write_json(folder / "metrics.json", metrics.to_dict() | {"spread": spread})
        if isinstance(model, Committee):
            draw_calibration(model, labeled, folder, "")
        save_figure(parity({"images": predict(model, labeled)}), folder, "parity")
        say(f"written: {folder}")
