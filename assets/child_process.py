"""How a step runs a process of ours: through Dagster Pipes, and ended in order where the step is asked to end."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

import dagster as dg
from dagster_pipes import PipesExtras

from resources.stopping import STOP

GRACE_S = 30.0  # from SIGTERM to SIGKILL: a step of training and its save
EVERY_S = 0.2


class ChildProcess(dg.PipesSubprocessClient):
    """Dagster's client for a subprocess that gets SIGTERM where we do, so that it saves what it has.

    The process is the first of its session: Ctrl+C in a terminal reaches it through us alone, and none of its children
    outlives it.
    """

    def run(  # type: ignore[override]  # as Dagster's own client has it
        self,
        *,
        context: dg.OpExecutionContext | dg.AssetExecutionContext,
        extras: PipesExtras | None = None,
        command: str | Sequence[str],
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> dg.PipesClientCompletedInvocation:
        """Run the command to its end. Raises Stopped; DagsterError where it ends with another code than 0."""
        with dg.open_pipes_session(context, self.context_injector, self.message_reader, extras=extras) as session:
            process = subprocess.Popen(
                command,
                cwd=cwd or self.cwd,
                env={**os.environ, **self.env, **(env or {}), **session.get_bootstrap_env_vars()},
                start_new_session=True,
            )
            try:
                with STOP.telling(lambda _: process.terminate()):
                    code = _end_of(process)
            except BaseException:  # Dagster's interruption: a run of the UI was terminated
                process.terminate()
                _within_grace(process)
                raise
            finally:
                _kill_group(process)
        if code:
            STOP.check()
            raise dg.DagsterError(f"The process ended with code {code}.")
        return dg.PipesClientCompletedInvocation(session)


def _end_of(process: "subprocess.Popen[bytes]") -> int:
    while True:
        try:
            return process.wait(EVERY_S)
        except subprocess.TimeoutExpired:
            if STOP.requested:
                return _within_grace(process)


def _within_grace(process: "subprocess.Popen[bytes]") -> int:
    try:
        return process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # nobody is left
        return
    process.wait()
