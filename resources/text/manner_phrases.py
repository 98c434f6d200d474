"""What models say before and after a text that was asked for, as patterns: openings, labels, closings."""

import re

from resources.text.patterns import one_of

_WORK = (
    one_of(r"""
    script|section|text|version|draft|request|instruction|prompt|task|question|rewrite|essay|article|narration
    (?:speaker |lecture )?notes|guide|response|answer|output|paragraph|content|continuation|translation|story|report
    review|piece|post|correction|(?:section|slide|part|page|chapter) \d+
    """)
    + r"s?\b"
)
_YES = (
    one_of(r"""
    sure(?: thing)?|certainly|of course|absolutely|definitely|okay|ok|alright|all right|great|got it|understood
    no problem|gladly|you're right
    (?:thank you|thanks) for (?:sharing|providing|uploading|your request|the (?:images?|slides?|context))[^.!\n]{0,60}
    I(?:'d| would|'ll| will|'m| am)(?: be)? (?:happy|glad|delighted) to (?:help|assist|do|write)[^.!:\n]{0,40}
    (?:I apologi[sz]e|(?:my )?apologies|sorry)(?: for [^.!\n]{2,60})?
    """)
    + r"(?:[.!,]+| [—–-])\s*"
)
_HERE = r"(?:here(?:'s| is| are)|below (?:is|are)|the following is|I(?:'ve| have) (?:written|revised|rewritten))\s"
# What tells that the work itself is announced, and not something that the text speaks of.
_TOLD = one_of(r"""
    \s(?:for|on|about) (?:(?:this|the|your|these) )?(?:\w+ )?(?:section|slide|page|part|deck)s?(?: \d+)?\b
    \s(?:for|on|about) (?:(?:this|the|your|these) )?(?:\w+ )?(?:image|picture|photo)s?\b
    \sof the (?:article|text|essay|script|document|lecture|report|guide)\b
    ,?\s(?:that )?you(?:'ve| have)? (?:asked|requested|wanted|need)\b[^:\n]{0,60}
    ,?\s(?:as (?:you )?requested|based on|rewritten|revised|now|below)\b[^:\n]{0,60}
    ,?\swith (?:the|all|your) (?:\w+ )?(?:corrections?|changes?)\b[^:\n]{0,60}
    \sin (?:about )?\d[^:\n]{0,20}
    """)
_REVISED = r"(?:rewritten|revised|corrected|updated|requested|improved|edited|polished|expanded|shortened|final)"
_ANNOUNCED = rf"{_HERE}(?:\S+ ){{0,6}}?" + one_of(rf"""
    {_WORK}{_TOLD}+
    (?:section|slide|part|page) \d+{_TOLD}*
    {_REVISED} (?:\w+ )?{_WORK}
    (?:section|script|request|version|continuation|rewrite|draft|(?:speaker |lecture )notes)(?=:)
    """)
_WILL = (
    r"(?:let me|let's|I(?:'ll| will| am going to|'m going to)) (?:now )?(?:write|draft|rewrite|compose|continue)\b"
    r"[^\n]{0,60}\b(?:section|slide|script|text|part|page|chapter|essay|article)\b[^\n]{0,40}[.:!]"
)
_ZH_YES = (
    one_of(r"""
    好的?|当然(?:可以)?|没问题|明白了?|收到|可以的?
    (?:非常|很)?抱歉[^，。！\n]{0,12}|感谢[^，。！\n]{0,16}
    """)
    + r"[，。！,!、]\s*"
)
_ZH_HERE = r"(?:以下|下面|这)(?:就?是|为)"
_ZH_WORK = one_of("""
    讲稿|部分|章节|内容|文本|版本|请求|指令|提示词?|文章|回答|备注|稿件?|指南|报告|段落|续写|影评|故事|介绍|解说词?
    """)
_ZH_TOLD = one_of(r"""
    [为给][您你]|(?:根据|按照?)(?:您|你|要求)|[您你](?:要求|需要)
    (?:改写|修改|重写|润色|校正|更正|修订|扩写|缩写|调整)(?:后|过)?
    第[^：:。\n]{1,4}[页节章部]分?的?
    """)

# The first line, where a text follows on further lines.
OPENING_LINE = re.compile(
    one_of(rf"""
    (?:{_YES}){{1,3}}(?:[^.!:\n]{{0,60}},\s*)?{_HERE}[^\n]{{0,120}}[:.!]
    (?:sure(?: thing)?|certainly|of course|absolutely|got it|understood|no problem|happy to help)[.!]+
    {_ANNOUNCED}[^\n:]{{0,40}}[:.!]
    (?:{_YES})?{_WILL}
    (?:{_ZH_YES})?(?:我|让我|现在)[^：:。\n]{{0,8}}(?:撰写|续写|改写|编写|写)[^：:。\n]{{0,16}}{_ZH_WORK}[：:。]
    (?:{_ZH_YES}){{1,2}}(?:[^：:。\n]{{0,30}}，)?(?:{_ZH_HERE}[^：:。\n]{{1,50}}[：:。])?
    (?:[^：:。\n]{{0,24}}，)?{_ZH_HERE}[^：:。\n]{{0,24}}{_ZH_TOLD}[^：:。\n]{{0,20}}?{_ZH_WORK}[^：:。\n]{{0,10}}[：:]
    """),
    re.IGNORECASE,
)
# The first line up to its colon.
OPENING_PART = re.compile(
    one_of(rf"""
    (?:{_YES}){{1,3}}(?:[^.!:\n]{{0,60}},\s*)?{_HERE}[^:\n]{{0,80}}:\s*
    (?:{_ZH_YES}){{1,2}}(?:[^：:。\n]{{0,24}}，)?{_ZH_HERE}[^：:。\n]{{1,40}}[：:]\s*
    """),
    re.IGNORECASE,
)
YES = re.compile(
    rf"(?:sure(?: thing)?|certainly|of course|absolutely)!+\s+(?=[A-Z“\"*])|(?:{_ZH_YES})(?=请)", re.IGNORECASE
)

# Of a request, which is what its own label and announcement speak of.
_ASKED = r"(?:request|instruction|prompt|task|question|query)"
_ZH_ASKED = r"(?:请求|指令|提示词?|任务|问题|要求)"
REQUEST_OPENING = re.compile(
    one_of(rf"""
    (?:{_YES}){{0,3}}(?:[^.!:\n]{{0,60}},\s*)?{_HERE}[^:\n]{{0,40}}\b{_ASKED}\b[^:\n]{{0,40}}:\s*
    (?:[^：:。\n]{{0,24}}，)?{_ZH_HERE}[^：:。\n]{{0,24}}{_ZH_ASKED}[：:]\s*
    """),
    re.IGNORECASE,
)
_ABOUT = r"(?:\s+(?:for|about)\s+(?:the|this|these)\s+\w+)"
_REQUEST_NAME = one_of(rf"""
    (?:(?:the|your|my|a|new|final|user|harder|{_REVISED})\s+){{0,3}}{_ASKED}{_ABOUT}?(?:\s+is|\s+reads)?
    answer|output|response|user
    (?:改写后的?|修改后的?|重写后的?|最终的?|新的?|用户的?)?(?:{_ZH_ASKED}|回答|输出)(?:如下|是)?|(?:改写|重写|优化|修改)后?
    """)
REQUEST_LABEL = re.compile(
    rf"(?:#{{1,6}}\s*)?[*_]{{0,2}}{_REQUEST_NAME}[*_]{{0,2}}(?:\s*[:：][*_]{{0,2}}\s*|\s*\n+)|【{_REQUEST_NAME}】\s*",
    re.IGNORECASE,
)
REQUEST_NOTE = re.compile(
    r"[*_(（]{0,3}"
    + one_of(rf"""
    (?:note|explanation|rationale|reasoning|why this works)[*_]{{0,2}}\s*[:：]
    (?:this|the (?:above|rewritten|new)) (?:\w+ )?{_ASKED} (?:needs|requires|asks|is|can|will|ensures|makes)\b
    this (?:version )?(?:requires|needs|asks for|uses|covers)\b
    (?:说明|注|解释|备注)[*_]{{0,2}}[:：]
    (?:这个|该|此|上述){_ZH_ASKED}(?:需要|要求|必须|旨在|可以|能够)
    """),
    re.IGNORECASE,
)
CORRECTION_LABEL = re.compile(
    r"[*_]{0,2}"
    + one_of(r"""
    (?:the\s+)?(?:corrected|revised|edited|fixed|updated)\s+(?:text|version|segment|section|passage|script)
    (?:修改|修订|更正|校正|改正|纠正)后的?(?:文本|内容|版本|段落|片段|讲稿)?
    """)
    + r"[*_]{0,2}\s*[:：][*_]{0,2}\s*",
    re.IGNORECASE,
)
_CHANGES = one_of(r"""
    adjust|revis|modif|chang|edit|expand|shorten|refin|tweak|rewrit|improv|further|additional|another|different
    anything|continu|proceed|next|question|assist|help|clarif|more|sections?\b
    """)
# A whole sentence of the last line, without the mark that ends it.
CLOSING = re.compile(
    one_of(rf"""
    (?:please )?(?:just )?let me know (?:if|whether|how|when|what) (?:you|there|this|that|any|it|I)\b[^.!?\n]{{0,120}}
    (?:I )?(?:really )?hope (?:this|that|it|these)(?: \w+){{0,2}} (?:helps?(?: you)?|works?(?: for you)?)
    (?:I )?(?:really )?hope (?:this|that|it|these)(?: \w+){{0,2}} (?:is (?:helpful|useful)|suits?|meets?)\b[^.!?\n]*
    (?:I )?(?:really )?hope you (?:find|like|enjoy) (?:this|it|the)\b[^.!?\n]{{0,60}}
    (?:please )?(?:don't|do not) hesitate to (?:ask|reach|let|contact|request|tell)[^.!?\n]{{0,60}}
    this (?:section|script|text|version|part) (?:is|contains|has|comes to)[^.!?\n]{{0,20}} \d+ words[^.!?\n]*
    (?:next|now),? I(?:'ll| will| can) (?:write|draft|generate)[^.!?\n]{{0,20}}(?:section|slide|page|part)[^.!?\n]*
    (?:please )?feel free to (?:ask|reach out|let me know|request|contact|tell me|modify|adjust|make)\b[^.!?\n]{{0,100}}
    (?:would you like|do you want) me to [^.!?\n]{{0,120}}
    (?:should|shall|may|can) I (?:continue|proceed|go on|write|move on|start)\b[^.!?\n]{{0,80}}
    if you(?:'d| would)? (?:like|need|want|prefer|have)\b[^.!?\n]{{0,60}}{_CHANGES}[^.!?\n]{{0,80}}
    I(?:'m| am|'d be| would be) (?:always )?(?:happy|here|glad) to (?:help|assist|revise|adjust|continue)[^.!?\n]*
    is there anything (?:else|you)[^.!?\n]{{0,60}}
    (?:如果?|若)[您你]?对[^。！？!\n]{{0,10}}(?:满意|没有异议)|我(?:将|会|可以)?(?:继续|接着)(?:为您)?(?:撰写|写)[^。！？!\n]{{0,16}}
    (?:total )?(?:word|character) count\s*[:：≈~]?[^.!?\n]{{0,20}}\d[^.!?\n]{{0,20}}
    (?:approximately|approx\.?|about|around|total(?: of)?|~)?\s*\d[\d,]*\s+words(?: in total)?
    (?:the )?end of (?:the )?(?:section|slide|part|script|page|chapter|text|document)\b[^.!?\n]{{0,10}}
    ready for (?:the )?(?:next|section|slide)\b[^.!?\n]{{0,40}}
    希望[^。！？!\n]{{0,20}}?对?[您你][^。！？!\n]{{0,16}}(?:帮助|有用|满意|要求|需求)[^。！？!\n]{{0,4}}
    希望[^。！？!\n]{{0,16}}(?:符合|满足)[^。！？!\n]{{0,4}}(?:要求|需求|期望)
    (?:如果?|若)[您你]?(?:还|需|想|有|对)[^。！？!\n]{{0,24}}(?:修改|调整|补充|进一步|其他|继续)[^。！？!\n]{{0,24}}
    (?:如果?|若)[您你]?还?有(?:任何|其他|什么)?[^。！？!\n]{{0,6}}(?:问题|疑问|需要|需求|建议)
    (?:如有|如需)[^。！？!\n]{{0,24}}(?:修改|调整|补充|其他需求|告诉我|告知|随时)[^。！？!\n]{{0,20}}
    (?:请|欢迎)随时(?:告诉我|告知|联系|提出)[^。！？!\n]{{0,16}}
    (?:请问|[您你]|是否|要不要)?[^。！？!\n]{{0,8}}(?:需要|希望|要)我[^。！？!\n]{{0,6}}(?:继续|撰写|修改|调整)[^？?\n]{{0,20}}
    (?:请问)?是否(?:需要|要|可以)?继续(?:撰写|写|生成|下一)[^？?\n]{{0,16}}
    (?:全文|本[页段节部分文]{{1,2}}|总|共|字数)[^。！？!\d\n]{{0,6}}\d[\d,]*\s*[字词][^。！？!\n]{{0,4}}
    约?\d[\d,]*字|字数[:：]\s*\d+
    (?:本[节页]|第[^（）\n]{{1,6}}|全文)?(?:完|结束)
    """),
    re.IGNORECASE,
)
# Said to end a text, but by speakers in it as well: a closing only beside another one.
WEAK_CLOSING = re.compile(r"(?:以上|这)(?:就?是|为)[^。！？\n]{0,20}")
RULE_LINE = re.compile(r"[ \t]*(?:-{3,}|\*{3,}|_{3,}|={3,})[ \t]*")
SECTION_LABEL = re.compile(
    r"[#*_\s]*"
    + one_of(r"""
    (?:section|slide|part|page|chapter)\s*\d+
    第\s*[\d一二三四五六七八九十]+\s*(?:节|页|部分|章)
    """)
    + r"\s*"
    + one_of(r"""
    [:：.]?[*_\s]*
    (?:[:：]|\s[-–—])\s*[^.!?。！？\n]{1,80}
    """),
    re.IGNORECASE,
)
