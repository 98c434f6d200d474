"""The vLLM servers that this process uses: started where none is there, shared with other steps, given up in order.

Of one model at a time: a machine has room for one beside nothing else, on as many servers as its GPUs carry. Files
under LWV_HOME/vllm/<key>/: `log.txt`, `server.json`, and the lock `alive` that its keeper holds;
LWV_HOME/locks/vllm-<key>.lock: held by all who use it.
"""

import fcntl
import json
import logging
import os
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from resources.failures import EndpointError
from resources.gpus import visible_gpus
from resources.identity import short_hash
from resources.locks import EVERY_S, Lock
from resources.settings import Settings
from resources.stopping import STOP
from resources.training.launcher import kept_back
from resources.vllm.asked_of_servers import GivenUpError
from resources.vllm.gpu_share import ONE, Share, share_of
from resources.vllm.serve_command import MODULE, ServeOptions, serve_arguments, serve_environment
from resources.vllm.served_model import ServedModel, max_positions, require_model, weights_dtype
from resources.vllm.server_figures import DIRECT, ask_figures, figures_since
from resources.vllm.server_keeper import KeeperPlan
from resources.vllm.server_log import STARTED, port_was_taken, why_it_ended
from resources.vllm.vllm_environment import VllmEnvironment, vllm_environment

logger = logging.getLogger("lwv.progress")
SAY_EVERY_S = 10.0
GONE_S = 15.0  # a server that nobody uses has ended by then
PORTS = 3  # tries: another process may take a free port before the server does
ROOT = Path(__file__).resolve().parents[2]
MANY = threading.RLock()  # held while it changes which servers there are


@dataclass
class RunningServer:
    """root: http://127.0.0.1:port; users: held as long as this process needs it."""

    root: str
    folder: Path
    users: Lock
    before: Mapping[str, float] = field(default_factory=dict)
    since: float = 0.0

    @property
    def lives(self) -> bool:
        """Whether its keeper is at work."""
        return held(self.folder / "alive")

    def mark(self) -> None:
        """What is counted from here on is what it did."""
        self.before, self.since = ask_figures(self.root), time.monotonic()


class OwnServers:
    """The servers of this process, all of one model. Made once; its methods may be called from any thread."""

    def __init__(self) -> None:
        self._now: dict[int, RunningServer] = {}
        self._model = ""
        self._places: dict[int, threading.Lock] = defaultdict(threading.Lock)  # one replica is started at a time
        self._kept = 0

    def root(
        self, home: Path, settings: Settings, model: ServedModel, size: Mapping[str, int] | None,
        setting: str, stopped: Callable[[], bool], share: Share = ONE,
    ) -> str:  # fmt: skip
        """Where the model is served, http://127.0.0.1:port; it is started where it is not.

        setting: that names the model, for messages; stopped: whether to give up waiting; share: which of several
        servers side by side is asked for. Raises EndpointError, GivenUpError.
        """
        key, environment, arguments = self._plan(home, settings, model, size, setting)
        gpus = {} if environment.cpu else share_of(share, visible_gpus())
        with MANY:
            if self._model != key:
                self.let_go()
                self._model = key
        with self._places[share.replica]:
            now = self._now.get(share.replica)
            if now and now.lives:
                return now.root
            if now:
                now.users.release()
            name = key if share.replicas == 1 else f"{key}-{share.replica}-of-{share.replicas}"
            found = _obtain(home, name, environment, arguments, gpus, settings, model, stopped)
            with MANY:
                if self._model != key:
                    found.users.release()
                    raise GivenUpError(f"another model than {model.name} was asked for while vLLM was loading")
                self._now[share.replica] = found
            found.mark()
            return found.root

    def _plan(
        self, home: Path, settings: Settings, model: ServedModel, size: Mapping[str, int] | None, setting: str
    ) -> tuple[str, VllmEnvironment, list[str]]:
        environment = vllm_environment(settings.vllm_python)
        require_model(model, setting)
        options = ServeOptions(
            environment.cpu,
            settings.vllm_context,
            max_positions(model),
            settings.max_side,
            size,
            weights_dtype(model),
            more=_more_arguments(settings.vllm_args),
        )
        arguments = serve_arguments(model, options)
        return short_hash([str(home), environment.python, arguments]), environment, arguments

    def mark(self) -> None:
        """What is counted from here on is what `figures` gives."""
        for server in list(self._now.values()):
            server.mark()

    def figures(self) -> dict[str, float]:
        """What the servers did together since `mark`; empty where there is none."""
        living = [server for server in list(self._now.values()) if server.lives]
        if not living:
            return {}
        before, after = Counter[str](), Counter[str]()
        for server in living:
            before.update(server.before)
            after.update(ask_figures(server.root))
        return figures_since(before, after, time.monotonic() - min(server.since for server in living))

    def let_go(self) -> None:
        """Give the servers up, and wait until their memory is free where nobody else uses it."""
        with MANY:
            gone, self._now, self._model = list(self._now.values()), {}, ""
            for server in gone:
                server.users.release()
            deadline = time.monotonic() + GONE_S
            for server in gone:
                while server.lives and not used(server.users.path) and time.monotonic() < deadline:
                    time.sleep(EVERY_S)

    def step_ended(self) -> None:
        """A step of this process has ended: its servers go, unless one command runs many steps (`keeping`)."""
        if not self._kept:
            self.let_go()

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """The servers stay from step to step while the block runs."""
        self._kept += 1
        try:
            yield
        finally:
            self._kept -= 1
            self.let_go()


OWN_SERVERS = OwnServers()


def _more_arguments(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise EndpointError(f"LWV_VLLM_ARGS cannot be read as a shell would read it ({error}): {text!r}.") from error


def _obtain(
    home: Path, key: str, environment: VllmEnvironment, arguments: list[str], gpus: Mapping[str, str],
    settings: Settings, model: ServedModel, stopped: Callable[[], bool],
) -> RunningServer:  # fmt: skip
    """Attach to the server where one lives, else start it; one process at a time starts it."""
    folder, what = home / "vllm" / key, f"a step that asks {model.name}"
    folder.mkdir(parents=True, exist_ok=True)
    users, starting = Lock(home, f"vllm-{key}"), Lock(home, f"vllm-{key}-start")
    waiting = _Waiting(model, folder / "log.txt", settings.vllm_start_s, stopped)
    try:
        while not (users.take(what, shared=True)):  # its keeper is ending it
            waiting.a_moment()
        while not starting.take(what):  # somebody else starts it
            waiting.a_moment()
        try:
            root = _living(folder, model) or _started(folder, environment, arguments, gpus, users, waiting)
        finally:
            starting.release()
    except BaseException:
        users.release()
        raise
    return RunningServer(root, folder, users)


def _living(folder: Path, model: ServedModel) -> str | None:
    """The address of the server that is there already."""
    if not held(folder / "alive"):
        return None
    try:
        root = str(json.loads((folder / "server.json").read_text(encoding="utf-8"))["root"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not healthy(root):
        return None
    logger.info("%s", f"vLLM serves {model.name} already, at {root}")
    return root


def _started(
    folder: Path,
    environment: VllmEnvironment,
    arguments: list[str],
    gpus: Mapping[str, str],
    users: Lock,
    waiting: "_Waiting",
) -> str:
    """Start it and wait until it answers. Raises EndpointError."""
    while held(folder / "alive"):  # one that no longer answers, or that was not ready: it has no user but us
        _end_keeper(folder)
        waiting.a_moment()
    for _ in range(PORTS):
        port = free_port()
        root = f"http://127.0.0.1:{port}"
        address = ["--host", "127.0.0.1", "--port", str(port)]
        keeper = _start_keeper(folder, environment, [*arguments, *address], gpus, users)
        try:
            while keeper.poll() is None:
                if healthy(root) and keeper.poll() is None:
                    _write(folder / "server.json", {"root": root, "keeper": keeper.pid})
                    logger.info("%s", f"vLLM {environment.version} serves {waiting.model.name} at {root}")
                    return root
                waiting.a_moment()
        except BaseException:
            keeper.terminate()
            keeper.wait()
            raise
        if not port_was_taken(waiting.log):
            break
    raise EndpointError(
        f"vLLM could not serve {waiting.model.name}: {why_it_ended(waiting.log)} (its log: {waiting.log})."
    )


def _start_keeper(
    folder: Path, environment: VllmEnvironment, arguments: list[str], gpus: Mapping[str, str], users: Lock
) -> "subprocess.Popen[bytes]":
    plan: KeeperPlan = {
        "python": environment.python,
        "module": MODULE,
        "arguments": arguments,
        "log": str(folder / "log.txt"),
        "users": str(users.path),
        "alive": str(folder / "alive"),
    }
    _write(folder / "plan.json", plan)
    with (folder / "log.txt").open("w", encoding="utf-8") as log:
        log.write(f"{STARTED}\n{shlex.join([environment.python, '-m', MODULE, *arguments])}\n")
    env = {**serve_environment(os.environ, kept_back(os.environ), environment.cpu), **gpus}
    (folder / "work").mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, str(ROOT / "resources" / "vllm" / "server_keeper.py"), str(folder / "plan.json")],
        cwd=folder / "work",
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _end_keeper(folder: Path) -> None:
    try:
        os.kill(int(json.loads((folder / "server.json").read_text(encoding="utf-8"))["keeper"]), 15)
    except (OSError, ValueError, KeyError, TypeError):
        return


class _Waiting:
    """Waits in small steps, says so, and gives up in time."""

    def __init__(self, model: ServedModel, log: Path, most_s: float, stopped: Callable[[], bool]) -> None:
        self.model, self.log, self._most_s, self._stopped = model, log, most_s, stopped
        self._began = self._said = time.monotonic()

    def a_moment(self) -> None:
        """Raises EndpointError after the most seconds, GivenUpError where the work was stopped."""
        now = time.monotonic()
        if STOP.requested or self._stopped():
            raise GivenUpError("asked to stop while vLLM was loading")
        if now - self._began > self._most_s:
            raise EndpointError(
                f"vLLM has not served {self.model.name} in {self._most_s:g} s (LWV_VLLM_START_S); its log: {self.log}.",
                "loading",
            )
        if now - self._said >= SAY_EVERY_S:
            self._said = now
            logger.info("%s", f"vLLM loads {self.model.name}: {now - self._began:.0f} s so far (its log: {self.log})")
        time.sleep(EVERY_S)


def healthy(root: str) -> bool:
    """Whether the server at `root` is ready to answer."""
    try:
        with DIRECT.open(f"{root}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def held(path: Path) -> bool:
    """Whether a process holds this lock."""
    try:
        with path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def used(path: Path) -> bool:
    """Whether another process uses the server whose lock this is; a keeper that ends it holds the lock alone."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def free_port() -> int:
    """A port of this machine's loopback that nobody uses now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _write(path: Path, value: object) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(value, indent=1), encoding="utf-8")
    temporary.replace(path)
