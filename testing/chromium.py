"""A headless Chromium driven through its DevTools protocol: pages, keys, pictures, and what it said and asked for."""

import asyncio
import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome")
START_S, ANSWER_S = 60.0, 60.0
POLL_S = 0.01
MOST_BYTES = 64_000_000  # of a message: a picture of a long page
_KEYS = {"Enter": ("Enter", 13, "\r"), "Escape": ("Escape", 27, ""), "Tab": ("Tab", 9, ""), " ": ("Space", 32, " ")}
ALT, CONTROL, SHIFT = 1, 2, 8


def chromium() -> str | None:
    """Its path, where it is installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One page of a Chromium of its own. said: its console's errors and warnings, and what was thrown; asked: every
    address that it requested."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, loop: asyncio.AbstractEventLoop) -> None:
        self._socket, self._loop = socket, loop
        self._number = 0
        self._events: list[dict[str, Any]] = []
        self.said: list[str] = []
        self.asked: list[str] = []

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the protocol, and its result. Raises RuntimeError with what Chromium says."""
        return self._loop.run_until_complete(asyncio.wait_for(self._send(method, params), ANSWER_S))

    async def _send(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        while True:
            message = await self._socket.receive_json()
            if message.get("id") == self._number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.asked.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self.said.append(json.dumps(params["exceptionDetails"])[:500])
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning"):
                self.said.append(json.dumps(params["args"])[:500])
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.said.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")

    def run(self, script: str) -> Any:
        """The value of an expression in the page, awaited. Raises RuntimeError where it throws."""
        answer = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:500])
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = 20.0) -> None:
        """Until an expression of the page is true. Raises TimeoutError."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with suppress(RuntimeError):  # the page is on its way to another
                if self.run(f"(() => {{ try {{ return Boolean({condition}); }} catch {{ return false; }} }})()"):
                    return
            time.sleep(POLL_S)
        page = self.run("document.body.innerText")[:800]
        raise TimeoutError(f"{condition} was not true in {seconds} s; the page has: {page}")

    def open(self, address: str) -> None:
        """Go to an address, and wait until it is there."""
        self.run("window.lwvLeft = true")
        self.send("Page.navigate", url=address)
        self.wait("!window.lwvLeft && document.readyState === 'complete'")

    def screen(self, width: int, height: int, dark: bool = False) -> None:
        """The size of the window, and whether its user likes it dark."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, path: Path, whole: bool = False) -> None:
        """A PNG of what the window shows; whole: of all of the page."""
        answer = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def press(self, key: str, modifiers: int = 0) -> None:
        """One key down and up. key: a character, or a name of _KEYS."""
        code, number, text = _KEYS.get(
            key, (f"Digit{key}" if key.isdigit() else f"Key{key.upper()}", ord(key[0].upper()), key)
        )
        typed = "" if modifiers & ~SHIFT else text
        common = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": modifiers}
        self.send("Input.dispatchKeyEvent", type="keyDown", **({"text": typed} if typed else {}), **common)
        self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        """A text where the cursor is, a key for each character."""
        for character in text:
            self.send("Input.dispatchKeyEvent", type="char", text=character)

    @property
    def too_wide(self) -> int:
        """By how many pixels the page is wider than its window; 0 where it is not."""
        return max(0, int(self.run("document.documentElement.scrollWidth - document.documentElement.clientWidth")))


class _Session:
    """The event loop, the HTTP session and the socket of one browser."""

    def __init__(self, port: int) -> None:
        self._port, self._loop = port, asyncio.new_event_loop()

    def __enter__(self) -> Browser:
        return self._loop.run_until_complete(self._connect())

    async def _connect(self) -> Browser:
        self._http = aiohttp.ClientSession()
        async with self._http.put(f"http://127.0.0.1:{self._port}/json/new?about:blank") as answer:
            address = (await answer.json())["webSocketDebuggerUrl"]
        self._socket = await self._http.ws_connect(address, max_msg_size=MOST_BYTES)
        return Browser(self._socket, self._loop)

    def __exit__(self, *_error: object) -> None:
        async def close() -> None:
            await self._socket.close()
            await self._http.close()

        self._loop.run_until_complete(close())
        self._loop.close()


@contextmanager
def browser() -> Iterator[Browser]:
    """A new Chromium, ended behind the block. Raises RuntimeError where none is installed or it does not start."""
    path = chromium()
    if path is None:
        raise RuntimeError(f"none of {', '.join(NAMES)} is installed")
    with tempfile.TemporaryDirectory(prefix="lwv-chromium-", ignore_cleanup_errors=True) as folder:
        command = [
            path,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--remote-debugging-port=0",
            f"--user-data-dir={folder}",
            "about:blank",
        ]
        log = Path(folder) / "log"
        with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
            try:
                with _Session(_port(process, log)) as found:
                    for domain in ("Page", "Runtime", "Network", "Log"):
                        found.send(f"{domain}.enable")
                    yield found
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()


def _port(process: "subprocess.Popen[bytes]", log: Path) -> int:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(rb"DevTools listening on ws://127\.0\.0\.1:(\d+)/", log.read_bytes()):
            return int(found[1])
        time.sleep(0.05)
    raise RuntimeError(f"Chromium did not start: {log.read_bytes()[-500:].decode(errors='replace')}")
