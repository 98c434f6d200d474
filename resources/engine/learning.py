"""What a refusal teaches: which knob of a server's profile to turn, from its status, words and the fields it names."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from resources.engine.profile import LADDER, Profile, Structure
from resources.engine.refusal import Refusal
from resources.engine.refusal_kinds import CERTAIN

TEACHES = frozenset({400, 403, 404, 405, 406, 411, 413, 415, 422, 500, 501})
LIMITS = ("max_tokens", "max_completion_tokens")
LEAST_ROOM = 64  # tokens: a server that gives less is not worth asking
ENOUGH_OF_ROOM = 6  # what is asked for is several times what an answer takes: so small a part of it may do


@dataclass(frozen=True)
class Sent:
    """What a request held. fields: its top-level names; room: tokens asked for; extra: the names that a setting of the
    user adds; bytes: of the body."""

    fields: frozenset[str]
    profile: Profile
    room: int
    temperature: float | None
    images: int
    bytes: int
    schema: bool  # structured output was asked for
    extra: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Lesson:
    """One change. knob: of Profile, or `room`, of this call alone. says: for people; sure: the words name the field."""

    knob: str
    value: object
    says: str
    sure: bool = True
    context: tuple[int, int] | None = None  # tokens of the context and of the prompt that it was said of


def learn(refusal: Refusal, sent: Sent) -> Lesson | None:
    """The change that makes the request one that the server takes; None where its words teach nothing."""
    if refusal.status not in TEACHES:
        return None
    words = f"{refusal.words} {refusal.code}".lower()
    for rule in (_body, _images, _stream, _extra, _by_name, _room, _structure, _system, _sampling, _blind):
        if lesson := rule(refusal, words, sent):
            return None if lesson is NOTHING else lesson
    return None


NOTHING = Lesson("", None, "")  # the refusal is about something that no change of a request mends


def _body(refusal: Refusal, words: str, sent: Sent) -> Lesson | None:
    large = refusal.status == 413 or _has(
        words,
        r"(request|payload|body|entity|content)[\w ]{0,20} (is )?too large",
        r"request_too_large",
        r"body size",
        r"(图片|图像|请求体?).{0,6}过大",
    )
    image = "image" in words and _has(words, r"pixels?\b", r"dimension", r"\bmb\b", r"\bbytes\b", r"size")
    if not (large or (sent.images and image and _has(words, *TOO_MUCH))) or _has(words, r"\btokens?\b"):
        return None
    return smaller(sent) or NOTHING


def smaller(sent: Sent) -> Lesson | None:
    """Half the bytes, where there are images that can be made smaller."""
    return Lesson("most_bytes", sent.bytes // 2, _mb(sent.bytes // 2)) if sent.images else None


def _mb(size: int) -> str:
    return f"requests of at most {size / 1e6:.1f} MB, by smaller images"


def _images(refusal: Refusal, words: str, sent: Sent) -> Lesson | None:
    if not sent.images or not _has(words, r"\bimages?\b", r"image_url", r"\bphotos?\b", r"图片|图像"):
        return None
    if not _has(
        words, r"at most", r"up to", r"too many", r"maximum", r"more than", r"exceed", r"limit", r"最多|超过|超出|上限"
    ):
        return None
    if _has(
        words, r"pixel", r"\bbytes?\b", r"\bmb\b", r"image (file )?size", r"dimension", r"token", r"大小|尺寸|像素"
    ):
        return None
    most = [number for number in numbers(refusal.words) if 0 < number < sent.images]
    return Lesson("most_images", max(most), f"at most {max(most)} images a request") if most else None


def _stream(refusal: Refusal, words: str, sent: Sent) -> Lesson | None:
    if not _has(words, r"(?<![a-z])stream", r"流式") and "stream" not in refusal.fields:
        return None
    if sent.profile.stream:
        if "stream_options" in sent.fields and _has(words, r"stream_options", r"include_usage"):
            return Lesson("usage", False, "streams without stream_options")
        if _has(
            words,
            r"(not|n't|un)[\w ]*support",
            r"not (allowed|permitted|available)",
            r"disabled",
            r"must be (false|verified)",
        ):
            return Lesson("stream", False, "answers in one piece")
        return None
    asks = _has(
        words,
        r"\bonly\b",
        r"\bmust\b",
        r"enable",
        r"requires?\b",
        r"\bset\b",
        r"non-?stream",
        r"stream ?= ?true",
        r"仅|只|必须",
    )
    return Lesson("stream", True, "answers as a stream") if asks and refusal.status < 500 else None


def _extra(refusal: Refusal, words: str, sent: Sent) -> Lesson | None:
    """A field that a setting of the user adds is the user's: it is never taken out."""
    return NOTHING if any(blames(name, refusal, words) for name in sent.extra) else None


def _by_name(refusal: Refusal, words: str, sent: Sent) -> Lesson | None:
    """The error names a field apart from its words: nothing else is looked at."""
    for name in refusal.fields:
        for field, rule in FIELDS.items():
            if name == field:
                return rule(refusal, words, sent)
    return None


def _room(refusal: Refusal, words: str, sent: Sent) -> Lesson | None:
    """The token limit: its name, its most, or what the context leaves."""
    if (found := context_and_prompt(words)) is not None:
        left = found[0] - found[1]
        enough = max(LEAST_ROOM, sent.room // ENOUGH_OF_ROOM) <= left < sent.room
        return (
            Lesson("room", left, f"what a context of {found[0]:,} tokens leaves", context=found) if enough else NOTHING
        )
    if "max_tokens" not in words and _has(words, r"input_tokens", r"even without any output"):
        return NOTHING  # the prompt alone is too long
    limit = sent.profile.limit
    if not any(name in words for name in LIMIT_NAMES) and not _has(words, *OF_LIMIT):
        return None
    other = LIMITS[LIMITS[0] == limit]
    if _has(words, r"(expected|must be) an? (valid )?(integer|number)"):
        return None
    if not limit:
        return Lesson("limit", LIMITS[0], "max_tokens") if _has(words, r"required", r"missing") else None
    if _has(words, rf"use '?\"?`?{other}", rf"{other}\W+instead"):
        return Lesson("limit", other, f"{other} in place of {limit}")
    over = [number for number in numbers(refusal.words) if LEAST_ROOM <= number < sent.room]
    if over:
        most = max(over)
        return Lesson("most_tokens", most, f"at most {most:,} tokens an answer")
    if _has(words, *UNKNOWN) and not _has(words, *TOO_MUCH):
        if limit == LIMITS[1]:  # the other name was refused before it
            return Lesson("limit", "", "no token limit")
        return Lesson("limit", other, f"{other} in place of {limit}")
    if _has(words, *TOO_MUCH, r"greater", r"maximum", r"at most", r"非法", r"无效"):
        half = sent.room // 2
        return Lesson("most_tokens", half, f"at most {half:,} tokens an answer") if half >= LEAST_ROOM else None
    return None


def _structure(refusal: Refusal, words: str, sent: Sent) -> Lesson | None:
    if not sent.schema or not _has(words, *STRUCTURE):
        return None
    return _less_structure(sent, words, sure=True)


def _less_structure(sent: Sent, words: str, sure: bool) -> Lesson:
    level = sent.profile.structure
    if level == "schema" and _has(words, *BOUNDS, *BAD_SCHEMA) and not _has(words, r"response_format\W+(is|are) not"):
        target: Structure = "plain"
    elif level in ("schema", "plain") and _has(words, r"json_object", r"json mode(?! is not)"):
        target = "json"
    else:
        target = "none"
    assert LADDER.index(target) > LADDER.index(level)
    says = {"plain": "schemas without bounds", "json": "JSON without a schema", "none": "no structured output"}[target]
    return Lesson("structure", target, says, sure)


def runs_off(sent: Sent) -> Lesson | None:
    """After an answer that was white space until max_tokens ended it: a weak model gets lost so in a schema's JSON."""
    return _less_structure(sent, "", sure=True) if sent.schema else None


def _system(refusal: Refusal, words: str, sent: Sent) -> Lesson | None:
    if not sent.profile.system or not _has(words, *SYSTEM) or "optional system" in words:
        return None
    return Lesson("system", False, "the system turn as the beginning of the first user turn")


def _sampling(refusal: Refusal, words: str, sent: Sent) -> Lesson | None:
    for name, rule in (("temperature", _temperature), ("seed", _seed)):
        if name in sent.fields and names(name, refusal, words):
            return rule(refusal, words, sent)
    return None


def _temperature(refusal: Refusal, words: str, sent: Sent) -> Lesson | None:
    if sent.temperature is None or sent.profile.temperature is None:
        return None
    least, most = sent.profile.temperature
    if sent.temperature == 0 and _has(words, r"positive", r"(greater|larger|more) than 0", r"> ?0", r"\(0"):
        return Lesson("temperature", (0.01, most), "a temperature of at least 0.01")
    ranged = _has(words, r"range", r"between", r"less than", r"at most", r"<=", r"maximum", r"\[0", r"exceed")
    lower = [number for number in decimals(words) if 0 < number < sent.temperature]
    if ranged and lower:
        return Lesson("temperature", (least, max(lower)), f"a temperature of at most {max(lower):g}")
    return Lesson("temperature", None, "no temperature")


def _seed(refusal: Refusal, words: str, sent: Sent) -> Lesson | None:
    return Lesson("seed", False, "no seed") if sent.profile.seed else None


def _limit(refusal: Refusal, words: str, sent: Sent) -> Lesson | None:
    return _room(refusal, f"{sent.profile.limit} {words}", sent)


def _format(refusal: Refusal, words: str, sent: Sent) -> Lesson | None:
    return _less_structure(sent, words, sure=True) if sent.schema else None


FIELDS = {
    "max_tokens": _limit,
    "max_completion_tokens": _limit,
    "max_new_tokens": _limit,
    "temperature": _temperature,
    "seed": _seed,
    "response_format": _format,
    "stream": _stream,
    "stream_options": _stream,
}


def _blind(refusal: Refusal, words: str, sent: Sent) -> Lesson | None:
    """Any failure of a request with a schema is tried once without: servers say it in every way there is."""
    if not sent.schema or (refusal.status >= 500 and _has(words, *OUTAGE)):
        return None
    if any(kind.search(words) for kind in CERTAIN):
        return None
    return _less_structure(sent, words, sure=False)


LIMIT_NAMES = (*LIMITS, "max_new_tokens", "max_output_tokens", "maxoutputtokens", "max tokens", "maxtokens")
OF_LIMIT = (
    r"(completion|output|response) tokens",
    r"range of max",
    r"maximum tokens",
    r"tokens (you )?requested",
    r"requested tokens",
)
TOO_MUCH = (
    r"too (large|high|big|many|great|long)",
    r"exceed",
    r"less than",
    r"\brange\b",
    r"(above|below|over|beyond) (the )?(max|limit)",
    r"范围",
    r"超过|超出|过大|上限",
)
UNKNOWN = (
    r"unsupported",
    r"not supported",
    r"unknown",
    r"unrecogni[sz]ed",
    r"unexpected",
    r"extra inputs?",
    r"not (permitted|allowed|available)",
    r"cannot find field",
    r"invalid (parameter|argument|field|name)",
    r"does not (support|accept)",
    r"deprecated",
    r"extraneous",
    r"不支持|未知",
)
STRUCTURE = (
    r"response_?format",
    r"response_?schema",
    r"json_?schema",
    r"json_validate",
    r"json_object",
    r"json mode",
    r"structured",
    r"guided",
    r"grammar",
    r"additionalproperties",
    r"(min|max)_?items",
    r"(min|max)_?length",
    r"uniqueitems",
    r"\bschema\b",
)
BOUNDS = (r"(min|max)_?items", r"(min|max)_?length", r"uniqueitems", r"additionalproperties", r"minimum", r"\bstrict\b")
BAD_SCHEMA = (
    r"invalid (json )?schema",
    r"schemas?\b.{0,40}(feature|keyword|unsupported)",
    r"unsupported (field|keyword)",
)
SYSTEM = (
    r"(system|developer) (role|message|prompt|instruction)s?\b.{0,40}(not|n't|un)[\w ]{0,12}(support|enabled|allowed)",
    r"(not|n't|un)[\w ]{0,12}support.{0,30}\b(system|developer) ?(role|message|prompt|instruction)",
    r"system role",
    r"\brole\b[\w':\". \[\]]{0,40}[ '\":]system\b",
    r"'?user'? (and|or) '?assistant\b",
    r"only (the )?user\W",
    r"roles must alternate",
    r"不支持.{0,6}(system|系统)|(system|系统)(角色|消息|提示词?)? ?不支持",
)
OUTAGE = (r"overload", r"unavailable", r"timed? ?out", r"capacity", r"try again", r"loading", r"gateway", r"web page")


def context_and_prompt(words: str) -> tuple[int, int] | None:
    """The tokens of a server's context and of the prompt, where a refusal says both; None where it does not."""
    for pattern in CONTEXTS:
        if match := re.search(pattern, words):
            found: Mapping[str, str] = match.groupdict()
            return int(found["context"].replace(",", "")), int(found["prompt"].replace(",", ""))
    return None


_N = r"[\d,]{1,12}"
_OF_PROMPT = r"(tokens )?(in the messages|in your prompt|from the input|of text input)"
CONTEXTS = (
    # OpenAI and vLLM until 0.11, and vLLM since
    rf"maximum context length is (?P<context>{_N}) tokens.{{0,120}}?\((?P<prompt>{_N}) {_OF_PROMPT}",
    rf"maximum context length is (?P<context>{_N}) tokens(?: and|\. however,) your request has (?P<prompt>{_N}) input",
    rf"maximum context length is (?P<context>{_N}) tokens.{{0,60}}prompt contains (at least )?(?P<prompt>{_N}) input",
    # SGLang
    rf"maximum context length of (?P<context>{_N}) tokens.{{0,60}}: (?P<prompt>{_N}) tokens from the input",
    # TGI; Anthropic and llama.cpp's sums
    rf"must be <= (?P<context>{_N})\. given: `?(?P<prompt>{_N})`? `?inputs",
    rf"context (limit|length|window|size).{{0,40}}?(?P<prompt>{_N}) ?\+ ?{_N} ?> ?(?P<context>{_N})",
)


def numbers(words: str) -> list[int]:
    """The whole numbers that stand alone: no part of a model's name or a date, no HTTP status."""
    words = _RANGE.sub(r"[\1, \2]", _STATUS.sub(" ", words))
    words = _EXCLUSIVE.sub(lambda match: str(int(match[1]) - 1), words)
    return [int(found) for match in _NUMBER.finditer(words) if len(found := match[0].replace(",", "")) <= 9]


def decimals(words: str) -> Iterator[float]:
    """The numbers that stand alone, with decimals."""
    return (float(match[0]) for match in _DECIMAL.finditer(_STATUS.sub(" ", words)))


# A letter of another script beside a number does not make it a part of a name.
_NUMBER = re.compile(r"(?<![\w.\-:/])\d{1,3}(?:,\d{3})+(?![\w\-])|(?<![\w.\-:/])\d{1,9}(?![\w\-:]|,\d|\.\d)", re.ASCII)
_DECIMAL = re.compile(r"(?<![\w.\-:/])\d{1,6}(?:\.\d{1,4})?(?![\w\-:])", re.ASCII)
_STATUS = re.compile(r"<[45]\d\d>|\b(?:code|status)\b\W{0,6}[45]\d\d\b", re.IGNORECASE)
_RANGE = re.compile(r"[\[(]\s*(\d{1,9})\s*,\s*(\d{1,9})\s*[\])]")  # [1,700] is no 1,700
_EXCLUSIVE = re.compile(r"\b(\d{1,9}) \(exclusive\)")


def names(field: str, refusal: Refusal, words: str) -> bool:
    """Whether a refusal is about a field: named apart, or in its words, also as maxTokens for max_tokens."""
    if refusal.fields:
        return field in refusal.fields
    parts = [re.escape(part) for part in field.lower().split("_") if part]
    return re.search(rf"(?<![a-z]){'[_ -]?'.join(parts)}(?![a-z_])", words) is not None


def blames(field: str, refusal: Refusal, words: str) -> bool:
    """Whether a refusal is about a field that a setting of the user adds. A name that is a word of the language
    (`provider`, `user`) counts only where the server speaks of a field, as "Provider returned error" does not."""
    if not names(field, refusal, words) or refusal.fields or not field.isalpha():
        return names(field, refusal, words)
    return _has(words, *(pattern.format(name=field.lower()) for pattern in OF_FIELD))


OF_FIELD = (
    r"['\"`‘“\[]{name}['\"`’”\]]",
    r"(parameter|field|argument|keyword|key|property|option)s?\W{{0,3}}{name}\b",
    r"(supplied|unsupported|on this model|参数|字段)\W{{0,3}}{name}\b",
    r"\b{name} (parameter|field|argument|keyword|key|property|option)",
    r"\b{name}\b ?(:|(is|are|was) (not|un|in|deprecated))",
    r"(supports?|accepts?|allows?|permits?|unknown|unrecognized) (the )?{name}\b",
)


def _has(words: str, *patterns: str) -> bool:
    return any(re.search(pattern, words) for pattern in patterns)
