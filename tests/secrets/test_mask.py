"""What is masked: every form of every secret that is configured, and no ordinary word."""

import base64
import hashlib
import html
import json
import logging
import os
import re
import string
import time
import traceback
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.logs import clean_logs
from resources.secret_values import is_secret, secrets_of, withheld
from resources.secrets import MASK, Secrets, keep_secret, mask, raise_without_secrets, without_secrets

KEY = "sk-proj-Zq7Lw2Rk9Tx4Vb6Nm1Hc8Jd3Fg5Ps0Ay"
printable = st.text(string.digits + string.ascii_letters + string.punctuation, min_size=16, max_size=80)
VARIED = 8  # different characters in what a secret is known by: one of zeros alone is nobody's
like_keys = printable.filter(
    lambda text: (
        is_secret(text)
        and not re.search(r"(.)\1\1", text)
        and min(len(set(text[:12])), len(set(text[-12:])), len(set(text)) - 4) >= VARIED
    )
)
around = st.text(max_size=30)


def knowing(*secrets: str) -> Callable[[str], str]:
    """A function that masks these, and nothing that other tests know."""
    known = Secrets()
    known.keep(*secrets)
    return known.mask


@given(secret=like_keys, before=around, after=around)
def test_a_secret_is_masked_in_whatever_form_it_is_written(secret: str, before: str, after: str) -> None:
    mask = knowing(secret)
    basic = base64.b64encode(f"user:{secret}".encode()).decode()
    for form in (
        secret,
        quote(secret, safe=""),
        quote(secret),
        json.dumps(secret)[1:-1],
        json.dumps(json.dumps(secret))[3:-3],
        html.escape(secret),
        repr(secret)[1:-1],
    ):
        assert form not in mask(f"{before}{form}{after}"), form
    assert basic[8:-4] not in mask(f"{before}Basic {basic}{after}")


@given(secret=like_keys, kept=st.integers(14, 80), before=around, after=st.sampled_from(["", "…", " and so on"]))
def test_what_is_left_of_a_secret_that_was_cut_is_masked(secret: str, kept: int, before: str, after: str) -> None:
    masked = knowing(secret)(f"{before}{secret[:kept]}{after}{secret[-kept:]}")
    assert not any(secret[at : at + 9] in masked for at in range(len(secret) - 8))


@pytest.mark.parametrize("start", range(3))
def test_a_secret_inside_base64_is_masked_wherever_it_begins(start: int) -> None:
    mask = knowing(KEY)
    encoded = base64.b64encode(b"x" * start + KEY.encode() + b"y" * 5).decode()
    assert KEY not in str(base64.b64decode(mask(encoded).replace(MASK, "") + "===", validate=False))
    assert encoded[4:-8] not in mask(encoded)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"Incorrect API key: {KEY}.", "Incorrect API key: ***."),
        (f"{KEY}{KEY}", "******"),
        (f"cut here: {KEY[:20]}", "cut here: ***"),
        (f"cut here: {KEY[:20]}…", "cut here: ***…"),
        (f"{KEY[-20:]} is its end", "*** is its end"),
        (f"{KEY[:14]}...{KEY[-14:]}", "***...***"),
        (f"a text about sk-proj- keys, {KEY[:11]}", f"a text about sk-proj- keys, {KEY[:11]}"),
    ],
)
def test_what_was_cut_off_is_masked_too(text: str, masked: str) -> None:
    assert knowing(KEY)(text) == masked


@pytest.mark.parametrize(
    "word", ["none", "EMPTY", "test", "key", "hunter", "not-needed", "lm-studio", "ollama", "1234567"]
)
def test_an_ordinary_word_is_no_secret(word: str) -> None:
    assert knowing(word)(f"{word} is a {word}, and {word}s are {word}") == f"{word} is a {word}, and {word}s are {word}"


def test_a_short_key_is_masked_where_it_stands_as_a_word() -> None:
    assert knowing("q7x-9")("q7x-9, (q7x-9) and aq7x-9b") == "***, (***) and aq7x-9b"


def test_the_secrets_of_an_environment_are_found_by_the_names_of_their_variables() -> None:
    environ = {
        "LWV_TEACHER_API_KEY": ' "teacher-key-1"\n',
        "LWV_CRITIC_HEADERS": '{"Authorization": "Bearer critic-token-2", "HTTP-Referer": "https://example.org/app"}',
        "LWV_JUDGE_HEADERS": "Authorization: Bearer no-json-3",
        "LWV_JUDGE_EXTRA": '{"effort": "low", "guardrails": {"apiKey": "extra-key-4"}, "eos_token": "<|im_end|>"}',
        "LWV_TEACHER_BASE_URL": "https://host/v1?api-version=2024-10-21&key=query-key-5",
        "LWV_DATABASE_URL": "postgresql://lwv:p%40ssword-6@db/lwv",
        "HTTPS_PROXY": "http://user:proxy-word-7@proxy:3128",
        "HF_TOKEN": "hf_token_8_abcdef",
        "GIT_URL": "https://ghp_10abcdefghijkl@git.example.org/x.git postgresql://postgres@db",
        "AWS_SECRET_ACCESS_KEY": "aws-9/secret",
        "LWV_TEACHER_REASONING_TOKENS": "4096",
        "LWV_CRITIC_API_KEY": "EMPTY",
        "LWV_HOME": "/data/secret-home-1",
        "SSH_KEY": "/etc/hostname",
        "PWD": "/data/decks-2026",
    }
    assert secrets_of(environ) == {
        "teacher-key-1",
        "Bearer critic-token-2",
        "critic-token-2",
        "Authorization: Bearer no-json-3",
        "extra-key-4",
        "query-key-5",
        "p%40ssword-6",
        "p@ssword-6",
        "proxy-word-7",
        "hf_token_8_abcdef",
        "aws-9/secret",
        "ghp_10abcdefghijkl",
    }
    assert withheld(environ).keys() == environ.keys() - {
        "LWV_TEACHER_REASONING_TOKENS", "LWV_CRITIC_API_KEY", "LWV_HOME", "SSH_KEY", "PWD"
    }  # fmt: skip


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=80), max_size=5), st.sampled_from(["HEADERS", "EXTRA"]))
def test_no_environment_is_too_odd_to_be_looked_at(environ: dict[str, str], setting: str) -> None:
    for value in environ.values():
        secrets_of({**environ, f"LWV_TEACHER_{setting}": value, "LWV_TEACHER_BASE_URL": f"http://{value}"})


def test_an_error_whose_cause_holds_a_secret_is_another_one_with_the_same_stack_trace() -> None:
    keep_secret(KEY)
    harmless = ValueError("nothing of interest")
    assert without_secrets(harmless) is harmless

    def look_up() -> None:
        raise ConnectionError(f"GET /?key={KEY}")

    def ask() -> None:
        try:
            look_up()
        except ConnectionError as error:
            raise RuntimeError("the server is away") from error

    def shown() -> None:
        try:
            ask()
        except RuntimeError as error:
            raise_without_secrets(error)

    with pytest.raises(RuntimeError) as raised:
        shown()
    said = "".join(traceback.format_exception(raised.value))
    assert "the server is away" in said and "GET /?key=***" in said and "in ask" in said
    assert KEY not in said


def test_no_log_holds_a_secret_or_a_control_character(caplog: pytest.LogCaptureFixture) -> None:
    keep_secret(KEY)
    clean_logs()
    other = logging.getLogger("talkative")
    other.warning("sent %s\nand %d more", {"authorization": f"Bearer {KEY}"}, 3)
    logging.getLogger("lwv.progress").warning("%s of 3", "a\x1b[31mred\nname.png")

    def fail() -> None:
        raise ValueError(f"\x1b]0;{KEY}\x07")

    try:
        fail()
    except ValueError:
        other.exception("It failed")
    assert KEY not in caplog.text and "\x1b" not in caplog.text and "\x07" not in caplog.text
    assert "Bearer ***'}\nand 3 more" in caplog.text
    assert "a\ufffd[31mred name.png of 3" in caplog.text
    assert "ValueError: \ufffd]0;***" in caplog.text


def test_masking_two_thousand_characters_takes_microseconds() -> None:
    mask = knowing(*(hashlib.sha256(bytes([number])).hexdigest() for number in range(4)))
    text = "The river runs past the old mill, and slows down in the plain. " * 32
    best = min(timed(mask, text) for _ in range(20))
    assert best < 50e-6, f"{best * 1e6:.1f} µs"  # 10 on a quiet machine, with a handful of secrets


def timed(mask: Callable[[str], str], text: str) -> float:
    started = time.perf_counter()
    for _ in range(100):
        mask(text)
    return (time.perf_counter() - started) / 100


def test_the_environment_of_this_process_is_known_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    from resources.endpoints import Endpoint

    monkeypatch.setenv("SOME_SERVICE_TOKEN", "later-token-of-this-test")
    Endpoint.from_env("teacher")
    assert mask(os.environ["SOME_SERVICE_TOKEN"]) == MASK
