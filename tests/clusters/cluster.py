"""Processes on 127.0.0.1, one for each task of a cluster, none of which outlives its test."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

from tests.processes import where_compat_grad_is

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"


def free_addresses(count):
    """Return so many of "127.0.0.1:port"."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    addresses = ["127.0.0.1:{}".format(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return addresses


class Cluster:
    """Starts programs, each with its task in TF_CONFIG, and kills at the end of the with-block what still runs.

    Args:
      directory: where results and logs go.
      tasks: how many of each type, {"worker": 2}.
    """

    def __init__(self, directory, **tasks):
        self._directory = pathlib.Path(str(directory))
        self.addresses = {name: free_addresses(count) for name, count in tasks.items()}
        self._running, self._logs = {}, {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for name in self._running:
            self.kill(name)

    def kill(self, name):
        """End this process, and what it started, at once."""
        process = self._running[name]
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def start(self, name, program, *arguments, task=None, tell_result=True):
        """Start a process.

        Args:
          name: how it is called here.
          program: the script's name, in `programs`, or its path.
          arguments: what it is told; the path of its result is appended.
          task: (type, index) in TF_CONFIG.
          tell_result: whether it reports one.
        """
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(where_compat_grad_is()), TF_CPP_MIN_LOG_LEVEL="1")
        environment.pop("TF_CONFIG", None)
        if task is not None:
            config = {"cluster": self.addresses, "task": {"type": task[0], "index": task[1]}}
            environment["TF_CONFIG"] = json.dumps(config)
        command = [sys.executable, str(PROGRAMS / "tied.py"), str(PROGRAMS / program), *map(str, arguments)]
        if tell_result:
            command.append(str(self._directory / (name + ".json")))
        self._logs[name] = self._directory / (name + ".log")
        with self._logs[name].open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        self._running[name] = process
        return process

    def results(self, *names, within=240):
        """Wait for these processes to end well; return what each reported.

        Raises:
          AssertionError: one failed, or did not end in so many seconds; with the end of its log.
        """
        end = time.monotonic() + within
        waiting = list(names)
        while waiting:
            for name in list(waiting):
                code = self._running[name].poll()
                assert code in (None, 0), "{} ended with {}:\n{}".format(name, code, self.log(name)[-4000:])
                if code == 0:
                    waiting.remove(name)
            assert time.monotonic() < end, "\n".join(
                "{} hangs:\n{}".format(name, self.log(name)[-4000:]) for name in waiting
            )
            time.sleep(0.1)
        return [json.loads((self._directory / (name + ".json")).read_text(encoding="utf-8")) for name in names]

    def code_of(self, name, within=240):
        """Wait for this process to end; return how: 0, or minus the signal that killed it."""
        return self._running[name].wait(within)

    def log(self, name):
        """Return what this process has printed so far."""
        return self._logs[name].read_text(encoding="utf-8", errors="replace")
