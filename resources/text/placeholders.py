"""Placeholders: what a writer left to be filled in, or left out and said so."""

import re

from resources.text.patterns import one_of

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_PLACEHOLDER = re.compile(
    one_of(r"""
    \[(?:insert|add|your|name|date|title|company|author|placeholder|fill|describe|image|figure|chart|todo|tbd)\b[^\]\n]{0,60}\](?!\()
    <(?:insert|your|placeholder|fill)\b[^>\n]{0,60}>
    (?<![A-Za-z0-9])(?:TODO|TBD|FIXME|X{3,})(?![A-Za-z0-9])
    \blorem\s+ipsum\b
    (?<![A-Za-z0-9])XX(?=[\u4e00-\u9fff])
    \{\{[^{}\n]{1,40}\}\}
    \$\{\w{1,40}\}
    [\[(](?:to be )?continued[^\])\n]{0,40}[\])]
    [\[(](?:the )?(?:rest|remaining|remainder)\b[^\])\n]{0,60}[\])]
    [【［\[（(]\s*(?:此处|在此|待|插入|请(?:填|补充|插入|在此)|[你您]的|占位|姓名|日期|公司名)[^】］\]）)\n]{0,30}[】］\]）)]
    [【［\[（(]\s*(?:以下|后文|其余|剩余|下文)?(?:内容)?(?:省略|从略|略|未完待续|待续)\s*[】］\]）)]
    此处(?:插入|填写|省略|添加)
    待(?:补充|填写)
    """),
    re.IGNORECASE,
)


def placeholders(text: str) -> list[str]:
    """What is left to be filled in, each once: `[insert date]`, `TODO`, `（此处插入图片）`; none of code."""
    return list(dict.fromkeys(match[0] for match in _PLACEHOLDER.finditer(_CODE.sub(" ", text))))
