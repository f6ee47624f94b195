"""Where tasks side by side are run: threads of this process that wait, or Dask workers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

from lionn_rs.errors import ConfigError
from lionn_rs.md.cores import available_cores

__all__ = ["open_executor", "share_processors"]

DASK_TIMEOUT_S = 10.0
"""Time for the scheduler to answer, s."""


def share_processors(
    workers: int | None, threads: int | None, *, n_members: int, on_cluster: bool = False
) -> tuple[int, int]:
    """Members side by side and threads of each, together at most the processors there are.

    Members are the trainings of a scan or the runs of a campaign. By default as many side by side
    as there are, and all processors in use.

    Raises
    ------
    ConfigError
        Below 1, or more than there are.
    """
    for option, value in (("--workers", workers), ("--threads", threads)):
        if value is not None and value < 1:
            raise ConfigError(f"{option} must be at least 1, got {value}")
    if on_cluster:
        return 1, threads or 1
    available = available_cores()
    if workers is None:
        workers = max(min(available // (threads or 1), n_members), 1)
    threads = threads or max(available // workers, 1)
    if workers * threads > available:
        raise ConfigError(
            f"--workers times --threads must be at most {available}, the processors that this "
            f"process may use, got {workers} times {threads}"
        )
    return workers, threads


@contextmanager
def open_executor(workers: int, dask: str | None) -> Iterator[tuple[Executor, int]]:
    """Executor that starts members, and how many of them share a machine.

    The function that it is given must wait for a process of its own (see
    :mod:`lionn_rs.workflows.jobs.processes`).

    Raises
    ------
    ConfigError
        distributed is not installed, or no scheduler answers.
    """
    if dask is None:
        with ThreadPoolExecutor(workers) as pool:
            yield pool, workers
        return
    try:
        from distributed import Client
    except ImportError:
        raise ConfigError(
            "--dask needs the package distributed: pip install 'lionn_rs[dask]'"
        ) from None
    try:
        client = Client(dask, timeout=DASK_TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConfigError(f"--dask {dask}: no scheduler answers there ({error})") from error
    with client, client.get_executor() as executor:
        yield executor, max(client.nthreads().values(), default=1)
