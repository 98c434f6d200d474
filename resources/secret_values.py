"""Which values of an environment are secrets: keys and tokens by the name of their variable, passwords in addresses."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

# How a variable, a header, a field or a part of a query is called that holds one: `HF_TOKEN`, `x-api-key`, `apiKey`.
_NAMED = re.compile(
    r"(?:^|[^a-z])(?:api)?(?:key|token|secret|password|passwd|passphrase|credentials?|authorization|cookie|signature|sig)$"
    r"|[^a-z](?:auth|pass|pat|pwd)$"
)
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ENDPOINT = re.compile(r"LWV_[A-Z]+_(HEADERS|EXTRA)")
_USER = re.compile(r"\w+://([^/?#\s]*)@")  # greedy: a password may hold an @
_PART = re.compile(r"(?:^|[?&\s])([\w.-]+)=([^&\s#]+)")
# Headers that say who asks or which form is meant; their values are secrets only where they look like a key.
_PUBLIC_HEADER = re.compile(
    r"(?:http-)?referer|origin|user-agent|x-title|accept.*|content-.*|.*-(?:version|beta)", re.IGNORECASE
)
# What people write where a server asks for a key and takes any.
_WORDS = """
anything changeme change-me dummy empty fake false ignored key llama-cpp lm-studio lmstudio local localhost no-key
no-key-needed no-key-required none not-needed not-required notneeded null ollama password placeholder required secret
something sk-no-key-required test testing token true undefined unused vllm whatever
"""
_PLACEHOLDERS = frozenset(_WORDS.split())
_LEAST = 8  # characters of a secret that is looked for inside of words
_LEAST_WORD = 5  # … as a word of its own, of letters and others


def secrets_of(environ: Mapping[str, str]) -> set[str]:
    """The secrets that an environment holds."""
    return {secret for name, value in environ.items() for secret in _secrets(name, value)}


def withheld(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that hold a secret, each with nothing in its place: for a process that needs none of them."""
    return {name: "" for name, value in environ.items() if any(True for _ in _secrets(name, value))}


def secrets_in_address(text: str) -> Iterator[str]:
    """Passwords, and parts of the query that are named as a secret is, of the addresses in a text."""
    for user in _USER.findall(text):
        name, _, password = user.partition(":")
        if password or _looks_like_a_key(name):  # a name alone is one, but for a token in its place
            yield from _worth(password or name)
            yield from _worth(unquote(password or name))
    for name, value in _PART.findall(text):
        if is_secret_name(name):
            yield from _worth(unquote(value))


def secrets_in_headers(headers: Mapping[str, object]) -> Iterator[str]:
    """The values of LWV_<ROLE>_HEADERS, with and without their scheme (`Bearer …`), but for those that are public."""
    for name, value in headers.items():
        if isinstance(value, str) and (not _PUBLIC_HEADER.fullmatch(name) or _looks_like_a_key(value)):
            yield from _worth(value)
            yield from _worth(value.rpartition(" ")[2])


def secrets_in_fields(value: object, name: str = "") -> Iterator[str]:
    """The texts in a JSON value, at any depth, that stand under a name as secrets have it."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from secrets_in_fields(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from secrets_in_fields(inner, name)
    elif isinstance(value, str) and "<" not in value and is_secret_name(name):  # `<|im_end|>` is a token, and no secret
        yield from _worth(value)
        yield from _worth(value.rpartition(" ")[2])


def is_secret_name(name: str) -> bool:
    """Whether what stands under a name is meant to be secret, by the name."""
    return _NAMED.search(_CAPITAL.sub("_", name).lower()) is not None


def is_secret(value: str) -> bool:
    """Whether a text could be known again as a secret: no placeholder, no ordinary short word."""
    if value.lower() in _PLACEHOLDERS:
        return False
    if len(value) >= _LEAST:
        return True
    letter, other = re.search("[A-Za-z]", value), re.search("[^A-Za-z]", value)
    return len(value) >= _LEAST_WORD and bool(letter and other)


def _secrets(name: str, value: str) -> Iterator[str]:
    yield from secrets_in_address(value)
    if found := _ENDPOINT.fullmatch(name):
        yield from _of_json(value, headers=found[1] == "HEADERS")
    elif is_secret_name(name) and not _is_path(value):
        yield from _worth(value)


def _of_json(text: str, headers: bool) -> Iterator[str]:
    """What is secret in LWV_<ROLE>_HEADERS or _EXTRA; all of it where it is no JSON object, so that nobody can tell."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        yield from _worth(text)
        return
    yield from secrets_in_headers(found) if headers else secrets_in_fields(found)


def _worth(value: str) -> Iterator[str]:
    """The value as it is sent, without white space and quotes around it, where it is a secret."""
    plain = value.strip().strip("\"'“”‘’").strip()
    if is_secret(plain):
        yield plain


def _looks_like_a_key(value: str) -> bool:
    long = re.fullmatch(r"[!-~]{16,}", value) and "://" not in value and not re.search(r"/\d|\.\d", value)
    return bool(long and re.search("[0-9]", value) and re.search("[A-Za-z]", value))


def _is_path(value: str) -> bool:
    """Whether a value names a file (`SSH_KEY=/home/me/key.pem`): what is secret is in the file."""
    try:
        return value.startswith(("/", "~", ".")) and Path(value).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        return False
