"""Texts without the secrets that this process knows: servers, files and libraries may repeat one in their own words.

`mask` is called where such words enter a record, a message, a log or an error. What is known: the secrets of the
environment, and what is told to `keep_secret`. Nothing is ever unknown again.
"""

import base64
import html
import json
import os
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import NoReturn
from urllib.parse import quote, quote_plus

from resources.secret_values import is_secret, secrets_of

MASK = "***"
_LEAST_PART, _MOST_PART = 8, 12  # characters of a secret's beginning or end that are enough to know it by
_ESCAPE = re.compile("%..")


class MaskedError(RuntimeError):
    """In place of an error whose words, or those of its causes, held a secret: its stack trace without it."""


class Secrets:
    """What is masked."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._forms: list[str] = []
        # What forms begin and end with (backwards), enough to know them by: a text with none of these holds no secret.
        self._heads: list[str] = []
        self._tails: list[str] = []
        self._backwards: list[str] = []
        self._parts: tuple[str, ...] = ()

    def keep(self, *values: str) -> None:
        """Mask these from now on; what could not be told from an ordinary word (`is_secret`) is left."""
        new = {value for value in values if is_secret(value)} - self._known
        if new:
            self._known |= new
            # Long ones first: a short secret may stand in a long one.
            forms = sorted({form for secret in self._known for form in _written(secret)}, key=len, reverse=True)
            self._forms, self._heads = forms, _heads(forms)
            self._backwards = sorted({form[::-1] for secret in self._known for form in _plainly(secret)})
            self._tails = _heads(self._backwards)
            self._parts = (*self._heads, *(tail[::-1] for tail in self._tails))

    def mask(self, text: str) -> str:
        """The text with `***` in place of each secret: plain, percent-encoded, escaped as JSON or HTML, inside base64,
        and where a part was cut off. A few microseconds where there is none."""
        for part in self._parts:
            if part in text:
                break
        else:
            return text
        for form in self._forms:  # all of them whole before any of them in part: they have parts in common
            text = _without(text, form)
        for head in self._heads:
            text = _cut_off(text, head, self._forms)
        text = text[::-1]
        for tail in self._tails:
            text = _cut_off(text, tail, self._backwards)
        return text[::-1]


_OF_THIS_PROCESS = Secrets()


def mask(text: str) -> str:
    """`Secrets.mask`, of what this process knows."""
    return _OF_THIS_PROCESS.mask(text)


def keep_secret(*values: str) -> None:
    """`Secrets.keep`, for this process."""
    _OF_THIS_PROCESS.keep(*values)


def know_environment(environ: Mapping[str, str] = os.environ) -> None:
    """Keep the secrets that an environment holds."""
    keep_secret(*secrets_of(environ))


def without_secrets(error: BaseException) -> BaseException:
    """The error itself, or a MaskedError in its place where its stack trace, with those of its causes, holds one."""
    said = "".join(traceback.format_exception(error))
    masked = mask(said)
    return error if masked == said else MaskedError(masked)


def raise_without_secrets(error: Exception) -> NoReturn:
    """Raise the error that is being handled, or what stands in its place (`without_secrets`)."""
    found = without_secrets(error)
    if found is error:
        raise error
    raise found from None


def _without(text: str, form: str) -> str:
    if len(form) >= _LEAST_PART:
        return text.replace(form, MASK)
    return re.sub(rf"(?<![0-9A-Za-z]){re.escape(form)}(?![0-9A-Za-z])", MASK, text)


def _heads(forms: Iterable[str]) -> list[str]:
    """What the forms begin with, as much of each as is enough to know it by."""
    heads = (form[: min(_MOST_PART, len(form) // 2)] if len(form) >= 2 * _LEAST_PART else form for form in forms)
    return list(dict.fromkeys(heads))


def _cut_off(text: str, head: str, forms: Iterable[str]) -> str:
    """The text without the beginnings of secrets, each as long as it goes in any of their forms. head: what one begins
    with."""
    pieces, at = list[str](), 0
    while len(head) >= _LEAST_PART and (found := text.find(head, at)) >= 0:
        rest = text[found : found + max(map(len, forms))]
        pieces += [text[at:found], MASK]
        at = found + max(_alike(rest, form) for form in forms)
    return "".join([*pieces, text[at:]])


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _written(secret: str) -> Iterator[str]:
    """A secret in each form in which it may stand in a text."""
    yield from _plainly(secret)
    if len(secret) >= _LEAST_PART:
        yield from _in_base64(secret.encode("utf-8", "replace"))


def _plainly(secret: str) -> Iterator[str]:
    """Those in which people would recognize it."""
    escaped = json.dumps(secret)[1:-1]
    yield from (secret, escaped, escaped.replace("/", r"\/"), json.dumps(escaped)[1:-1], repr(secret)[1:-1])
    yield html.escape(secret)
    for encoded in (*(quote(secret, safe=safe) for safe in ("", "/", "/:@")), quote_plus(secret)):
        yield from (encoded, _ESCAPE.sub(lambda found: found[0].lower(), encoded))


def _in_base64(secret: bytes) -> Iterator[str]:
    """What of a base64 text follows from a secret in it, at each of the three places where it may begin."""
    for before in range(3):
        first, end = -(-8 * before // 6), 8 * (before + len(secret)) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(before) + secret)[first:end].decode()


know_environment()
