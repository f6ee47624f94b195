"""Figure S1: distributions of the fingerprint outputs, Zernike-12 and Gaussian-56.

    python figure_s1.py --output runs/figure_s1

Every 4th image of the bundled set in seconds; --full: all of them. The paper: "no nodes with a
constant output nor any acting as switches". Writes figure_s1.md, .csv and, for each descriptor,
figure_s1_NAME.png and .svg.
"""

from __future__ import annotations

from common import load_images, one_line_errors, options, parse, write

import lionn_rs as lionn
from lionn_rs.analysis.diagnosis.fingerprint_statistics import (
    collect_fingerprints,
    feature_labels,
    feature_statistics,
)
from lionn_rs.plots.diagnosis_features import fingerprint_distributions
from lionn_rs.workflows.figures import save_figure

HEADER = ("descriptor", "element", "features", "constant", "narrow", "switch", "redundant")


def main() -> None:
    """Collect, judge, draw."""
    choice = parse(options(__doc__, full="all images instead of every 4th"), "figure_s1")
    with one_line_errors():
        images = load_images(choice.images)[:: 1 if choice.full else 4]
    elements = sorted({s for image in images for s in image.get_chemical_symbols()})
    cutoff = lionn.Cosine(6.5)
    descriptors = {
        "zernike-12": lionn.Zernike(elements, cutoff=cutoff, n_max=5),
        "gaussian-56": lionn.Gaussian.amp_default(elements, cutoff=cutoff),
    }
    rows = []
    for name, descriptor in descriptors.items():
        values = collect_fingerprints(descriptor, images)
        statistics = feature_statistics(values, feature_labels(descriptor))
        save_figure(
            fingerprint_distributions(values, statistics), choice.output, f"figure_s1_{name}"
        )
        for element in elements:
            own = [row for row in statistics if row.element == element]
            flags = [sum(flag in row.flags for row in own) for flag in HEADER[3:]]
            rows.append((name, element, len(own), *flags))
    notes = [
        f"{len(images)} images of {choice.images}. Narrow: range below 0.1; switch: two values, "
        "nearly; redundant: hardly more than a linear combination of others.",
        "The paper counts no constant feature and no switch.",
    ]
    write(choice.output, "figure_s1", "Figure S1: fingerprint outputs", HEADER, rows, notes)


if __name__ == "__main__":
    main()
