"""Signs that a short text is a refusal, each worth some points: what a model fails at, what it speaks of, why."""

import re
from typing import NamedTuple

from resources.text.patterns import one_of

ENOUGH = 5  # points that make a short text a refusal


class Sign(NamedTuple):
    """Points for a text in which the pattern occurs; negative for what only people say."""

    points: int
    pattern: re.Pattern[str]


def points(signs: tuple[Sign, ...], text: str) -> int:
    """The points of all signs of a text."""
    return sum(sign.points for sign in signs if sign.pattern.search(text))


_FAILING = one_of(r"""
    \bI(?:'m)?\s+(?:\w+\s+){0,2}?(?:can't|won't|couldn't|unable|can\s+only(?!\s+(?:describe|show|tell)\s+what)|must\s+avoid|programmed\s+not|prefer\s+not)\b
    \bI'm\s+(?:\w+\s+)?not\s+(?:\w+\s+)?(?:able|equipped|allowed|permitted|authorized|capable|comfortable|designed|in\s+a\s+position)\b
    \bI'd\s+(?:prefer|rather)\s+not\b|\bI\s+don't\s+(?:think|believe)\s+I\s+can\b
    \bI\s+was\s+unable\b|\bI\s+shouldn't\b|\bnot\s+something\s+I\s+can\b|\bI\s+don't\s+have\s+permission\b
    \bnot\s+be\s+(?:appropriate|right|possible|suitable)\s+for\s+me\b|\bI\s+didn't\s+(?:receive|get|see)\b
    """)
_SERVING = one_of(r"""
    assist|provid|generat|creat|writ|reproduc|describ|discuss|identif|recogni|comment|evaluat|access|complet|continu
    fulfil|engag|process|answer|respond|comply|shar|produc|analy|interpret|view|support|offer|display|open|determin
    """)
_SERVES = rf"{_FAILING}[^.;]{{0,25}}?\b(?:{_SERVING}\w*|help\b(?!\s+(?:but|\w+ing\b))|see\s+(?:what|them|it)\b)"
_SPOKEN_OF = one_of(r"""
    images?|pictures?|photos?|slides?|links?|files?|requests?|contents?|topics?|conversation|sections?|text|material|advice
    information|individuals?|people|person|lyrics|x-rays?|scans?|diagnos\w+|scripts?|articles?|questions?
    """)
_DONE = r"(?:processed|generated|completed|fulfilled|displayed|visible|accessible|supported|loaded)"
_PEOPLE = r"(?:he|she|his|her|my\s+(?:mother|father|brother|sister|grand\w+|son|daughter|wife|husband|uncle|aunt))"
_SEEN = r"(?:images?|pictures?|slides?)"
ENGLISH_SIGNS = tuple(
    Sign(worth, re.compile(pattern, re.IGNORECASE))
    for worth, pattern in (
        (2, _FAILING),
        (2, _SERVES),
        (5, rf"^(?:\w+,?\s+)?{_FAILING}[^.;]{{0,12}}?\b(?:{_SERVING}\w*)\s+(?:that|this|it)\s+for\s+you\b"),
        (
            5,
            r"^I\s+don't\s+feel\s+comfortable\s+(?:continu|writ|creat|generat|discuss|describ)\w+\s+(?:with\s+)?(?:this|that|it)\b",
        ),
        (1, rf"{_SERVES}[^.;]{{0,60}}?\b(?:{_SPOKEN_OF}\b|(?:this|that|it)\s*(?:[.,;!]|$))"),
        (
            3,
            r"\bbeyond\s+(?:what\s+I\s+can|my\s+(?:capabilit|abilit|scope))|\bI'm\s+prevented\s+from\s+(?:answer|writ|discuss|help|provid)|\btoo\s+\w+\s+for\s+me\s+to\s+(?:read|see)",
        ),
        (5, r"\bmy\s+(?:programming|guidelines|training)\b[^.;]{0,30}\b(?:allow|permit|prevent|prohibit)"),
        (3, rf"\b{_SPOKEN_OF}\b[^.;]{{0,40}}\b(?:can't\s+be|not|aren't|isn't)\s+(?:\w+\s+)?{_DONE}\b"),
        (2, r"\b(?:this|your|any|requested)\s+(?:\w+\s+)?(?:request|prompt|content|attachments?|topic)\b"),
        (3, rf"\b(?:your|attached|uploaded)\s+(?:\w+\s+)?{_SEEN}\b"),
        (2, rf"\bany\s+(?:\w+\s+)?{_SEEN}\b|\bwho\s+is\s+in\s+the\s+{_SEEN}\b"),
        (2, r"\byou(?:'ve|\s+have)?\s+(?:shared|provided|uploaded|mention|asked|attached|requested|described)"),
        (
            2,
            r"\b(?:privacy|private\s+data|copyright(?:ed)?|ethical|guidelines|policy|policies|inappropriate|consent)\b",
        ),
        (2, r"\bfor\s+safety\s+reasons\b|\bsafety\s+(?:concerns|guidelines)\b"),
        (-3, rf"\b{_PEOPLE}\b"),
        (-2, r"\bwithout\b|\bwe\b|\bour\b|\blet's\b|\bin\s+\d{4}\b"),
    )
)

_ZH_FAILING = r"(?<!们)我[^。！？，们]{0,6}(?:无法|不能|没办法|没有办法|不便|看不到|没有权限|不可以|难以)"
_ZH_SERVING = one_of("""
    提供|协助|帮助|帮[您你]|回答|回应|生成|查看|识别|访问|处理|描述|完成|满足|撰写|写作|编写|创作|继续|分析|读取|讨论|评论
    评价|诊断|复述|执行|看图|直接|打开
    """)
_ZH_SPOKEN_OF = "(?:图片|图像|照片|幻灯片|附件|链接|请求|内容|信息|任务|歌词|问题|话题|人物|诊断|服务|文件)"
CHINESE_SIGNS = tuple(
    Sign(worth, re.compile(pattern))
    for worth, pattern in (
        (2, _ZH_FAILING),
        (2, rf"{_ZH_FAILING}[^。！？]{{0,12}}?{_ZH_SERVING}"),
        (3, rf"{_ZH_SPOKEN_OF}[^。！？，]{{0,6}}(?:无法|不能|未能)(?:被|为您)?(?:处理|生成|显示|完成|回答|识别)"),
        (1, _ZH_SPOKEN_OF),
        (1, "[您]"),
        (2, r"(?:出于|由于|涉及|因)[^。！？]{0,6}(?:安全|隐私|版权|敏感|政策|违规)"),
        (2, r"只能处理(?:文字|文本)|(?:请|麻烦)[您你]?(?:再|重新)?(?:上传|提供|发|描述|粘贴)|换个话题|能否(?:重新|再)"),
        (
            5,
            r"超出了?我(?:目前)?的?(?:能力|知识|服务|权限)范围|请(?:您|你)?(?:先)?(?:提供|上传)[^。！？]{0,6}图[^。！？]{0,4}，我才能",
        ),
        (3, r"只能处理(?:文字|文本)|没有(?:视觉|看图|图像)[^。！？]{0,4}能力"),
        (-3, r"我们|他|她|[外]?祖[父母]|母亲|父亲|爸爸|妈妈|哥哥|弟弟|姐姐|妹妹|奶奶|爷爷"),
    )
)
