"""`lwv look`: where it listens, whom it lets in, and what it says before it starts."""

import asyncio
import logging
import os
import socket
import threading

import click

from lwv_dagster.look.security import LOOPBACK, SHORTEST_TOKEN, is_loopback
from resources.settings import Settings

TOKEN = "LWV_LOOK_TOKEN"  # noqa: S105  # the setting's name


def run_look(host: str, port: int) -> int:
    """Serve until stopped. Exit code 2 where it cannot be served there."""
    token = os.environ.get(TOKEN, "")
    home = Settings().absolute().home
    if fault := fault_of(host, token) or _taken(host, port):
        click.echo(f"lwv look: {fault}", err=True)
        return 2
    if not home.is_dir():
        click.echo(f"lwv look: there is no {home} yet: run `lwv demo`, or set LWV_HOME.", err=True)
        return 2
    import uvicorn

    from lwv_dagster.look import overview_page, queue_page
    from lwv_dagster.look.app import make_app

    hosts = {*LOOPBACK, host} if is_loopback(host) else None
    shown = f"[{host}]" if ":" in host else host
    app = make_app(home, hosts, token)
    for warm in (overview_page.warm, queue_page.warm):
        threading.Thread(target=warm, args=[app.state.look], daemon=True).start()
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    click.echo(f"Looking at {home}: http://{shown}:{port} (stop with Ctrl+C)")
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    return 0


def _is_news(record: logging.LogRecord) -> bool:
    """Not the trace of a request that was being sent when the server was stopped."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


def fault_of(host: str, token: str) -> str:
    """Why it may not be served there, or empty. token: of the environment."""
    if token and len(token) < SHORTEST_TOKEN:
        return f"{TOKEN} has {len(token)} characters: at least {SHORTEST_TOKEN} are needed."
    if not token and not is_loopback(host):
        return f"{host} can be reached from other machines: set {TOKEN} to a secret that its visitors are to know."
    return ""


def _taken(host: str, port: int) -> str:
    """Why the port cannot be had, or empty."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError) as error:
        return f"{host}:{port} cannot be listened on ({error}): choose another with --port."
    return ""
