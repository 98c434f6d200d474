"""Who may look and from where, and what a page may load: checked before any page is asked."""

import hashlib
import hmac
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE = "lwv_look"
ENTER = "/enter"
SHORTEST_TOKEN = 16  # characters
MOST_FORM = 10_000  # bytes
MOST_BODY = 4_000_000  # bytes of a request: a text of 400,000 characters in JSON
SAFE = ("GET", "HEAD")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """ASGI middleware. hosts: the names under which it may be asked; None: any, because a token is asked for. token:
    that each visitor has to know; empty: none.

    A page of another site that has its name lead here (DNS rebinding) asks under its own name, and what another site
    sends has another origin: both are refused.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] | None, token: str) -> None:
        self._app, self._token = app, token
        self._hosts = None if hosts is None else frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a refused request, or hand it on; every answer has the headers."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-cache" if scope["path"].startswith("/static/") else "no-store")
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None and self._token and not self._known(Headers(scope=scope)):
            refusal = await self._enter(Request(scope, receive))
        await (refusal or self._app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._hosts is not None and _name_of(host) not in self._hosts:
            return PlainTextResponse("This address is not known here: open the one that `lwv look` printed.", 421)
        if scope["method"] not in SAFE and not same_origin(headers):
            return PlainTextResponse("This was sent by a page of another site, so nothing was done.", 403)
        length = headers.get("content-length", "0" if scope["method"] in SAFE else "")
        if not length.isdecimal() or int(length) > MOST_BODY:
            return PlainTextResponse(
                f"At most {MOST_BODY:,} bytes are taken, and their number is said first: nothing was done.", 413
            )
        return None

    def _known(self, headers: Headers) -> bool:
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return found is not None and hmac.compare_digest(found.value.encode(), self._pass.encode())

    @property
    def _pass(self) -> str:
        """What the cookie holds: it tells nobody the token."""
        return hmac.new(self._token.encode(), b"lwv look", hashlib.sha256).hexdigest()

    async def _enter(self, request: Request) -> Response:
        """The page that asks for the token, or the way in for who knows it."""
        if request.url.path == ENTER and request.method == "POST":
            body = (await request.body())[:MOST_FORM].decode("utf-8", "replace")
            said = parse_qs(body).get("token", [""])[0]
            if hmac.compare_digest(said.encode(), self._token.encode()):
                answer = RedirectResponse("/", 303)
                answer.set_cookie(COOKIE, self._pass, httponly=True, samesite="strict")
                return answer
        if request.url.path.startswith("/static/"):
            return PlainTextResponse("", 403)
        wrong = "<p>That is not it.</p>" if request.method == "POST" else ""
        return Response(_ENTER.replace("WRONG", wrong), 401, media_type="text/html")


def same_origin(headers: Headers) -> bool:
    """Whether a request that changes something comes from a page of this app, or from no page at all."""
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc == headers.get("host")
    return headers.get("sec-fetch-site", "none") in ("same-origin", "none")


def _name_of(host: str) -> str:
    """The name in a Host header, without port and brackets; empty where it makes no sense."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


_ENTER = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>lwv look</title>
<meta name="viewport" content="width=device-width"><body>WRONG<form method="post" action="{ENTER}">
<label>The token (LWV_LOOK_TOKEN where `lwv look` was started) <input name="token" type="password" autofocus></label>
<button>Look</button></form></body></html>"""
