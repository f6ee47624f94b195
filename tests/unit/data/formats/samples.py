"""Small files of every format, made here, as the programs write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lionn_rs.data.formats import RawImage, writing_images

NUMBERS = np.array([3, 16, 15, 3])


def images(
    n: int = 3, *, seed: int = 1, stress: bool = True, sizes: bool = False
) -> list[RawImage]:
    """Random labelled images of LiSPLi, every second one without Li at the end if ``sizes``."""
    rng = np.random.default_rng(seed)
    found = []
    for k in range(n):
        m = 3 if sizes and k % 2 else 4
        tensor = rng.normal(size=(3, 3))
        results = {
            "free_energy": float(rng.normal()),
            "energy": float(rng.normal()),
            "forces": rng.normal(size=(m, 3)),
        }
        if stress and k != 1:
            results["stress"] = 0.01 * (tensor + tensor.T)
        found.append(
            RawImage(
                numbers=NUMBERS[:m],
                positions=rng.uniform(0.0, 5.0, (m, 3)),
                cell=np.diag([5.0, 6.0, 7.0]) + 0.1 * rng.normal(size=(3, 3)),
                pbc=np.ones(3, dtype=bool),
                results=results,
                info={"group": f"run{k // 2}", "step": k},
            )
        )
    return found


def write(path: Path, found: list[RawImage], **options: object) -> Path:
    """Write images in the format that the name tells, or ``format=``."""
    with writing_images(path, **options) as writer:  # type: ignore[arg-type]
        for image in found:
            writer.write(image)
    return path


def rows(table: np.ndarray, template: str) -> str:
    return "\n".join(template.format(*row) for row in np.atleast_2d(table))


def outcar(found: list[RawImage], *, n_electronic: list[int] | None = None, nelm: int = 60) -> str:
    """An OUTCAR; the numbers of electronic steps decide which ionic steps converged."""
    steps = n_electronic or [5] * len(found)
    text = [
        " vasp.6.3.0 20Jan22 (build Apr 09 2022 18:33:31) complex",
        " POTCAR:    PAW_PBE Li_sv 10Sep2004",
        *(
            f"   VRHFIN ={s}: s2p4\n   TITEL  = PAW_PBE {s} 06Sep2000"
            for s in ("Li", "S", "P", "Li")
        ),
        "   ions per type =               1   1   1   1",
        f"   NELM   =    {nelm:3d};   NELMIN=  6; NELMDL= -5     # of ELM steps",
    ]
    for k, (image, n) in enumerate(zip(found, steps, strict=True), start=1):
        for m in range(1, n + 1):
            text.append(f"--------------- Iteration {k:6d}({m:4d})  ---------------")
            text.append("  free energy    TOTEN  =       -45.09379873 eV")
        text.append("------------------------ aborting loop because EDIFF is reached -----------")
        s = -1602.1766208 * image.results.get("stress", np.zeros((3, 3)))
        voigt = [s[0, 0], s[1, 1], s[2, 2], s[0, 1], s[1, 2], s[2, 0]]
        text.append("  in kB  " + "".join(f"{x:12.5f}" for x in voigt))
        text.append("      direct lattice vectors                 reciprocal lattice vectors")
        text.append(rows(np.hstack([image.cell, image.cell]), "   " + "{:13.9f}" * 6))
        text.append(" POSITION                                       TOTAL-FORCE (eV/Angst)")
        text.append(" ------------------------------------------------------------")
        table = np.hstack([image.positions, image.results["forces"]])
        text.append(rows(table, "   " + "{:13.5f}" * 3 + "  " + "{:14.6f}" * 3))
        text.append(" ------------------------------------------------------------")
        text.append("  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)")
        text.append("  ---------------------------------------------------")
        text.append(f"  free  energy   TOTEN  =  {image.results['free_energy']:18.8f} eV")
        text.append("")
        text.append(
            f"  energy  without entropy=  {image.results['energy']:18.8f}  "
            f"energy(sigma->0) =  {image.results['energy']:18.8f}"
        )
    return "\n".join(text) + "\n"


def vasprun(found: list[RawImage], *, n_electronic: list[int] | None = None) -> str:
    """A vasprun.xml with the two NELM that VASP writes, the second one of response functions."""
    steps = n_electronic or [5] * len(found)
    text = [
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>',
        '<parameters><i type="int" name="NELM">    60</i></parameters>',
        '<parameters><i type="int" name="NELM">     1</i></parameters>',
        '<atominfo><array name="atoms" ><set>',
        *(f"<rc><c>{s}</c><c>   1</c></rc>" for s in ("Li ", "S ", "P ", "Li ")),
        "</set></array></atominfo>",
    ]
    for image, n in zip(found, steps, strict=True):
        free, zero = image.results["free_energy"], image.results["energy"]
        # After the cycle 0.5 eV of dispersion are added, and e_0_energy is not what it says.
        cycle = (
            f'<energy><i name="e_fr_energy">{free - 0.5:.8f}</i>'
            f'<i name="e_0_energy">{zero - 0.5:.8f}</i></energy>'
        )
        text.append("<calculation>" + f"<scstep>{cycle}</scstep>" * n)
        text.append('<structure><crystal><varray name="basis" >')
        text.append(rows(image.cell, "<v>{:16.8f} {:16.8f} {:16.8f} </v>"))
        text.append('</varray><varray name="rec_basis" ><v>0 0 0</v></varray></crystal>')
        fractional = np.linalg.solve(image.cell.T, image.positions.T).T
        text.append('<varray name="positions" >')
        text.append(rows(fractional, "<v>{:16.12f} {:16.12f} {:16.12f} </v>"))
        text.append('</varray></structure><varray name="forces" >')
        text.append(rows(image.results["forces"], "<v>{:16.8f} {:16.8f} {:16.8f} </v>"))
        text.append("</varray>")
        if "stress" in image.results:
            text.append('<varray name="stress" >')
            pressure = -1602.1766208 * image.results["stress"]
            text.append(rows(pressure, "<v>{:16.8f} {:16.8f} {:16.8f} </v>"))
            text.append("</varray>")
        text.append(
            f'<energy><i name="e_fr_energy">{free:.8f}</i><i name="e_0_energy">9.0</i></energy>'
        )
        text.append("</calculation>")
    return "\n".join([*text, "</modeling>", ""])


BOHR, HARTREE = 0.529177210903, 27.211386245988


def cp2k_run(folder: Path, found: list[RawImage], *, bad: set[int] = frozenset()) -> Path:
    """Output, positions, forces and cells of dynamics of CP2K; ``bad`` steps do not converge."""
    log = [" DBCSR| Multiplication driver", " CP2K| version string:      CP2K version 2023.1"]
    log.append(" GLOBAL| Project name    run")
    for k, image in enumerate(found):
        if k == 0:
            for name, vector in zip("abc", image.cell, strict=True):
                log.append(
                    f" CELL| Vector {name} [angstrom]:  "
                    + "".join(f"{x:10.3f}" for x in vector)
                    + f"   |{name}| = {np.linalg.norm(vector):12.6f}"
                )
            log.append(" CELL| Periodicity      XYZ")
            log.append(
                " MODULE QUICKSTEP: ATOMIC COORDINATES IN ANGSTROM\n\n   Atom Kind Element\n"
            )
            for a, (s, r) in enumerate(
                zip(("Li", "S", "P", "Li"), image.positions, strict=True), 1
            ):
                log.append(f" {a:6d} 1 {s} 3 " + "".join(f"{x:14.6f}" for x in r) + " 1.0 6.9")
        state = "*** WARNING :: SCF run NOT converged ***" if k in bad else "SCF run converged in 9"
        log.append(f"  *** {state} steps ***\n")
        energy = image.results["free_energy"] / HARTREE
        log.append(f" ENERGY| Total FORCE_EVAL ( QS ) energy [a.u.]:    {energy:25.15f}")
        if "stress" in image.results:
            log.append(" STRESS| Analytical stress tensor [GPa]\n STRESS|      x      y     z")
            for axis, row in zip("xyz", -160.21766208 * image.results["stress"], strict=True):
                log.append(f" STRESS|  {axis} " + "".join(f"{x:22.11E}" for x in row))
            log.append(
                " STRESS| Eigenvectors and eigenvalues of the analytical stress tensor [GPa]"
            )
    log.append("  **** **** ******  **  PROGRAM ENDED AT                 2026-11-30")
    positions, forces = [], []
    cells = ["#   Step   Time [fs]       Ax [Angstrom]"]
    for k, image in enumerate(found):
        energy = image.results["free_energy"] / HARTREE
        head = f"       4\n i = {k:8d}, time = {0.5 * k:12.3f}, E = {energy:20.10f}\n"
        for text, table in (
            (positions, image.positions),
            (forces, image.results["forces"] * BOHR / HARTREE),
        ):
            lines = [
                f"  {s} " + "".join(f"{x:20.10f}" for x in row)
                for s, row in zip(("Li", "S", "P", "Li"), table, strict=True)
            ]
            text.append(head + "\n".join(lines) + "\n")
        cells.append(f"{k} 0.0 " + " ".join(f"{x:.10f}" for x in image.cell.ravel()) + " 210.0")
    (folder / "run-pos-1.xyz").write_text("".join(positions))
    (folder / "run-frc-1.xyz").write_text("".join(forces))
    (folder / "run-1.cell").write_text("\n".join(cells) + "\n")
    (folder / "run.out").write_text("\n".join(log) + "\n")
    return folder / "run.out"
