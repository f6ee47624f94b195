"""Labelling on Dask: the workers of a cluster share the queue."""

from __future__ import annotations

import pytest
from ase.io import read

import lionn_rs as lionn
from lionn_rs.config_label import LabelConfig
from tests.label_toys import TOY, copper, counts

distributed = pytest.importorskip("distributed")


def test_workers_of_dask_label_every_frame_once(tmp_path):
    log = tmp_path / "calculations"
    settings = LabelConfig.model_validate(
        {"label": {"calculator": TOY, "running": {"log": str(log), "seconds": 0.1}}}
    )
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, protocol="tcp"
    ) as cluster:
        result = lionn.label(
            copper(8, "", "scf"),
            tmp_path / "out",
            config=settings,
            dask=cluster.scheduler_address,
            progress=False,
        )
    assert (result.n_labelled, len(result.failed)) == (7, 1)
    assert [image.info["n"] for image in read(result.file, ":")] == [0, 2, 3, 4, 5, 6, 7]
    assert all(len(processes) == 1 for processes in counts(log).values())
