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
from collections.abc import Iterator, Mapping
from typing import NamedTuple, NoReturn
from urllib.parse import quote, quote_plus

from resources.secret_values import is_secret, secrets_of

MASK = "***"
_LEAST_PART, _MOST_PART = 8, 12  # characters of a secret's beginning or end that are enough to know it by
_ESCAPE = re.compile("%..")


class MaskedError(RuntimeError):
    """In place of an error whose words, or those of its causes, held a secret: its stack trace without it."""


class _Form(NamedTuple):
    """A secret as it may stand in a text. head, tail: enough of it, where the rest was cut off."""

    text: str
    head: str
    tail: str


class Secrets:
    """What is masked."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._forms: tuple[_Form, ...] = ()
        self._parts: tuple[str, ...] = ()  # heads and tails: a text without any of them holds no secret

    def keep(self, *values: str) -> None:
        """Mask these from now on; what could not be told from an ordinary word (`is_secret`) is left."""
        new = {value for value in values if is_secret(value)} - self._known
        if new:
            self._known |= new
            texts = {text for secret in self._known for text in _written(secret)}
            # Long ones first: a short secret may stand in a long one.
            self._forms = tuple(_form(text) for text in sorted(texts, key=lambda text: (-len(text), text)))
            self._parts = tuple(dict.fromkeys(part for form in self._forms for part in (form.head, form.tail)))

    def mask(self, text: str) -> str:
        """The text with `***` in place of each secret: plain, percent-encoded, escaped as JSON or HTML, inside base64,
        and where a part was cut off. A few microseconds where there is none."""
        for part in self._parts:
            if part in text:
                break
        else:
            return text
        for form in self._forms:
            text = _without(text, form)
        return text


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


def _without(text: str, form: _Form) -> str:
    if len(form.text) < _LEAST_PART:
        return re.sub(rf"(?<![0-9A-Za-z]){re.escape(form.text)}(?![0-9A-Za-z])", MASK, text)
    text = text.replace(form.text, MASK)
    text = _cut_off(text, form.text, form.head)
    return _cut_off(text[::-1], form.text[::-1], form.tail[::-1])[::-1]


def _cut_off(text: str, secret: str, head: str) -> str:
    """The text without the beginnings of a secret, each as long as it goes; head: the shortest one that counts."""
    pieces, at = list[str](), 0
    while (found := text.find(head, at)) >= 0:
        pieces += [text[at:found], MASK]
        at = found + len(head)
        while text[at : at + 1] == secret[at - found : at - found + 1] != "":
            at += 1
    return "".join([*pieces, text[at:]])


def _form(text: str) -> _Form:
    long = len(text) >= 2 * _LEAST_PART
    enough = max(_LEAST_PART, min(_MOST_PART, len(text) // 2)) if long else len(text)
    return _Form(text, text[:enough], text[-enough:])


def _written(secret: str) -> Iterator[str]:
    """A secret in each form in which it may stand in a text."""
    escaped = json.dumps(secret)[1:-1]
    yield from (secret, escaped, escaped.replace("/", r"\/"), json.dumps(escaped)[1:-1], repr(secret)[1:-1])
    yield html.escape(secret)
    for encoded in (*(quote(secret, safe=safe) for safe in ("", "/", "/:@")), quote_plus(secret)):
        yield from (encoded, _ESCAPE.sub(lambda found: found[0].lower(), encoded))
    if len(secret) >= _LEAST_PART:
        yield from _in_base64(secret.encode("utf-8", "replace"))


def _in_base64(secret: bytes) -> Iterator[str]:
    """What of a base64 text follows from a secret in it, at each of the three places where it may begin."""
    for before in range(3):
        first, end = -(-8 * before // 6), 8 * (before + len(secret)) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(before) + secret)[first:end].decode()


know_environment()
