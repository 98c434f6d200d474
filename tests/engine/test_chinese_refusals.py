"""What servers say in Chinese teaches, sets one document aside or stops the run, as the same in English does."""

import pytest

from resources.endpoints import Endpoint
from resources.engine.answers import Answer
from resources.engine.learning import Sent, learn
from resources.engine.profile import Profile
from resources.engine.refusal import Refusal
from resources.engine.verdicts import verdict
from resources.failures import EndpointError

SENT = Sent(
    frozenset({"model", "messages", "max_tokens", "temperature", "seed", "response_format"}),
    Profile(),
    room=9000,
    temperature=0.7,
    images=6,
    bytes=100_000,
    schema=True,
)


@pytest.mark.parametrize(
    ("words", "knob", "value"),
    [
        ("图片数量超过限制，最多支持 4 张", "most_images", 4),
        ("图片过大，请压缩后重试", "most_bytes", 50_000),
        ("该模型仅支持流式输出", "stream", True),
        ("角色 system 不支持", "system", False),
        ("不支持参数 seed", "seed", False),
        ("max_tokens 取值范围 [1, 4096]", "most_tokens", 4096),
    ],
)
def test_a_chinese_refusal_teaches(words: str, knob: str, value: object) -> None:
    lesson = learn(Refusal(400, words), SENT)
    assert lesson is not None and (lesson.knob, lesson.value, lesson.sure) == (knob, value, True)


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (400, "系统检测到输入或生成内容可能包含不安全或敏感内容，请您避免输入易产生敏感内容的提示语。", "filtered"),
        (400, "输入内容违规", "filtered"),
        (400, "Prompt 超长", "overflow"),
        (400, "输入长度超过模型最大上下文长度", "overflow"),
        (400, "上下文长度不能超过 32768 tokens", "overflow"),
        (400, "模型不存在，请检查模型代码。", "unknown_model"),
        (400, "该模型不支持图片输入", "no_images"),
        (400, "无效的API密钥", "wrong_key"),
        (400, "该令牌额度已用尽", "no_quota"),
        (500, "服务器繁忙，请稍后再试", "pushed_back"),
        (400, "模型名称大小写敏感", "rejected"),
        (400, "不支持的图片格式", "rejected"),
    ],
)
def test_a_chinese_refusal_has_its_kind(status: int, words: str, kind: str) -> None:
    refusal = Refusal(status, words)
    if kind != "rejected":
        assert learn(refusal, SENT) is None  # no call is spent on a request without the schema
    assert kind_and_words(refusal)[0] == kind
    assert words in kind_and_words(refusal)[1]


def kind_and_words(refusal: Refusal) -> tuple[str, str]:
    """What follows from a refusal, and what is said of it."""
    try:
        found = verdict(refusal, Endpoint("teacher", "http://one/v1", "m"))
    except EndpointError as error:
        return error.kind, str(error)
    return (found.status if isinstance(found, Answer) else found.kind), found.detail
