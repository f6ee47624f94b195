"""The command line in processes that can be killed: started at once, by a fork of one that has
imported everything.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path
from typing import Any

SERVER = """
    import json, os, resource, signal, sys
    import ase.io.extxyz, ase.io.formats, h5py
    import lionn_rs.cli.main, lionn_rs.committee, lionn_rs.md, lionn_rs.workflows.dynamics
    import lionn_rs.data.formats.extxyz, lionn_rs.data.formats.vasprun, lionn_rs.workflows.inputs

    def kill_before(n, folder):
        '''Kill this process before the n-th time that it changes a file or folder.'''
        left, writing = [n], os.O_WRONLY | os.O_RDWR | os.O_CREAT
        def hook(event, details):
            if event not in ("open", "os.rename", "os.remove", "os.mkdir", "os.truncate"):
                return
            if event == "open" and not details[2] & writing:
                return
            if folder in str(details[0]):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)

    def work(request):
        for number, target in ((1, request["out"]), (2, request["err"])):
            os.dup2(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), number)
        if request["file_size"]:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (request["file_size"],) * 2)
        if request["user"]:
            os.setgroups([])
            os.setgid(request["user"])
            os.setuid(request["user"])
        if request["kill_before"]:
            kill_before(request["kill_before"], request["folder"])
        code = 99
        try:
            lionn_rs.cli.main.main(request["arguments"])
        except SystemExit as stopped:
            code = stopped.code
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    print("ready", flush=True)
    for number, line in enumerate(sys.stdin):
        process = os.fork()
        if process == 0:
            work(json.loads(line))
        print(number, process, flush=True)
        print(number, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


class Program:
    """Runs ``lionn`` in a process of its own, one after the other.

    Parameters
    ----------
    folder : Path
        For what the processes print.
    """

    def __init__(self, folder: Path) -> None:
        self.out, self.err = folder / "stdout.txt", folder / "stderr.txt"
        # Numerical libraries must not have threads before the fork.
        self._server = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        assert self._line() == ["ready"]
        self._n_started = 0
        self._process = 0

    def _line(self) -> list[str]:
        assert self._server.stdout is not None
        return self._server.stdout.readline().split()

    def _answer(self) -> int:
        """Answer to the last request; those that a failed test has not waited for are passed by."""
        while (answer := self._line()) and int(answer[0]) != self._n_started - 1:
            pass
        assert answer, "the server has died"
        return int(answer[1])

    def start(self, *arguments: object, **options: Any) -> None:
        """Start ``lionn`` with these arguments.

        Options: ``kill_before`` the n-th change of a file in ``folder``, ``file_size`` (largest
        file, bytes), ``user`` (number of another user).
        """
        request = dict.fromkeys(("kill_before", "folder", "file_size", "user")) | options
        request |= {"out": str(self.out), "err": str(self.err)}
        request["arguments"] = [str(argument) for argument in arguments]
        assert self._server.stdin is not None
        print(json.dumps(request), file=self._server.stdin, flush=True)
        self._n_started += 1
        self._process = self._answer()

    def signal(self, number: int) -> None:
        """Send a signal to the process that was started last, unless it has ended."""
        assert self._process > 1  # 0 and -1 would be this process and all others
        with suppress(ProcessLookupError):
            os.kill(self._process, number)

    def wait(self) -> int:
        """Exit code of the process; negative if a signal ended it."""
        return self._answer()

    def run(self, *arguments: object, **options: Any) -> int:
        """Start and wait."""
        self.start(*arguments, **options)
        return self.wait()

    def close(self) -> None:
        """End the server."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(60)


KILLED = -signal.SIGKILL
