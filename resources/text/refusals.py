"""Refusals and server notices that stand where a text is wanted, told by who says what of what."""

import re
from functools import lru_cache

from resources.text.headings import without_heading
from resources.text.patterns import one_of
from resources.text.refusal_signs import CHINESE_SIGNS, ENGLISH_SIGNS, ENOUGH, points
from resources.text.words import count_words

SHORT = 90  # words (CJK characters); a longer text is a refusal only where its first sentence says so without a doubt
HEAD = 1200  # characters at a text's beginning that are looked at
SENTENCES = 4  # … and so many of its sentences
STRUCTURED = ("{", "[{", "```")  # how an answer in JSON begins, whose texts are judged once it is read
LONGEST_SENTENCE = 300  # characters of it that are looked at
MOST_OF_A_NOTICE = 250  # characters of what a server says of its policy

_THING = one_of(r"""
    images?|pictures?|photos?|photographs?|attachments?|slides?|pages?|files?|links?|pdfs?|urls?|visuals?|screenshots?
    """)
_PERSON = r"(?:people|persons?|individuals?|faces?|whom?\b|(?:any|some)(?:one|body)|celebrit\w+)"
_REQUEST = r"(?:requests?|prompts?|questions?|quer(?:y|ies)|tasks?|instructions?|inquir\w+)"
_THIS_REQUEST = rf"(?:to\s+|with\s+)?(?:this|that|your|the|such|any)\s+(?:\w+\s+){{0,2}}{_REQUEST}"
_GAP = (
    one_of(r"""
    any|the|your|this|these|that|those|of|an?|or|and|in|from|on|to|with|directly|real|specific|actual|contents?
    information|identity|identities|describing|identifying|\w+ed
    """)
    + r"\s+"
)
_NEAR = rf"(?:{_GAP}){{0,5}}"
_ADVERBS = (
    r"(?:(?:really|truly|currently|simply|unfortunately|also|still|directly|actually|personally|just|yet)\s+){0,2}"
)
_MUST = rf"(?:I\s+{_ADVERBS}(?:must|(?:need|have) to)|I'm\s+going\s+to(?:\s+have\s+to)?)"
_CANNOT = (
    one_of(rf"""
    I\s+{_ADVERBS}(?:can't(?:\s+and\s+won't)?|won't(?:\s+be\s+able\s+to)?|prefer not to|don't feel comfortable)
    {_MUST}\s+(?:\w+ly\s+)?(?:decline|refuse|pass)(?:\s+(?:to|on))?
    I\s+don't\s+(?:think|believe)\s+I\s+can
    I\s+{_ADVERBS}don't\s+{_ADVERBS}(?=see\b)
    I\s+{_ADVERBS}don't\s+have\s+(?:enough|sufficient)\s+(?:information|context|details?)(?:\s+to)?
    I\s+{_ADVERBS}don't\s+have\s+(?:the\s+|an?\s+|any\s+|direct\s+)?(?:ability|capabilit\w+|capacity|access|means)(?:\s+(?:to|of))?
    I'm\s+{_ADVERBS}(?:unable\s+to|not\s+{_ADVERBS}(?:able\s+to|capable\s+of|(?:allowed|permitted|authorized)\s+to|comfortable))
    I'm\s+{_ADVERBS}not\s+{_ADVERBS}(?:designed|supposed|going|programmed)\s+to
    I'd\s+(?:rather\s+not|prefer\s+not\s+to)
    I\s+have\s+no\s+(?:way|means|ability)\s+(?:of|to)
    I\s+{_ADVERBS}(?:couldn't|was(?:n't|\s+not)\s+able\s+to|was\s+unable\s+to)(?=\s+(?:see|view|access|open|load|read|process)\b)
    (?:^|sorry,?\s+(?:but\s+)?)(?:can't|unable to)
    """)
    + rf"\s*{_ADVERBS}"
)
_LEAD = (
    r"(?:^|[,;:—–-]\s*|\b(?:but|so|because|since|that|as|and|however|therefore|why|unfortunately|regrettably|sorry|afraid|regret"
    r"|apologi[sz]e)\s+)(?:that\s+)?"
)
_HELP = one_of(rf"""
    (?:assist|help)(?:ing)?(?:\s+you)?(?:\s+out)?(?:\s+with\b|\s+further|\s+here|\s*[.,;!]|\s*$)
    (?:fulfil|comply|process|complet|answer|respond|accommodat|satisf|honou?r)\w*\s+{_THIS_REQUEST}
    (?:this|your|the)\s+{_REQUEST}
    provid(?:e|ing)\s+(?:the\s+(?:help|assistance)|assistance|information or guidance|that kind|that type|such)
    """)
_LOOKS = (
    one_of(r"""
    see|view|access|open|analy[sz]e|examine|read|identify|recogni[sz]e|describe|display|interpret|process|look at
    perceive|inspect|determine|name|tell|comment on
    """)
    + r"(?:ing)?"
)
_LOOK = rf"(?:{_LOOKS}(?:(?:,|\s+or|\s+and|,\s+or)\s+{_LOOKS})*\s+|(?:to\s+)?){_NEAR}(?:{_THING}|{_PERSON})\b"
_MAKE = (
    one_of(r"""
    writ|creat|generat|produc|provid|reproduc|compos|continu|depict|draft|discuss|mak|complet|diagnos|translat|rewrit|do
    giv|shar|offer|engag|support|present|help
    """)
    + r"(?:e|ing)?\s+(?:with\s+|in\s+|out\s+)?"
    + one_of(rf"""
    (?:\w+['-]?\w*\s+){{0,4}}?(?:{_REQUEST}|content|sections?|scripts?|material|responses?|guidance|advice|notes|lyrics)\b
    [^.;]{{0,40}}\b(?:based on|about|for|from)\s+(?:this|these|the|your)\s+(?:\w+\s+)?(?:{_THING}|topics?|people)\b
    (?:\w+['-]?\w*\s+){{0,4}}?(?:diagnos\w+|medical|explicit|harmful|illegal|copyrighted)\b
    (?:this|that|it)(?:\s+one)?\s*(?:[.,;!]|$|\bas\b|\bbecause\b)
    about\s+{_NEAR}(?:{_THING}|{_PERSON}|what)
    """)
)
_OF_CONTENT = (
    rf"\b(?:{_REQUEST}|contents?|material|images?|topics?|something)\b[^.]{{0,40}}\b(?:that|which)\s+{_CANNOT}\w+"
)
_DECLINES = rf"{_MUST}\s+(?:\w+ly\s+)?(?:decline|refuse|pass)(?=[.,;!]|\s+(?:to|on|this|your|the)\b|$)"
_PASSIVE = re.compile(
    rf"^(?:this|your|the)\s+(?:\w+\s+)?{_REQUEST}\s+(?:can't|couldn't|could not)\s+be\s+"
    r"(?:process|complet|fulfil|handl|honou?r|answer)"
    rf"|\bwe(?:'re| are) (?:unable|not able) to (?:process|complete|fulfil) (?:this|your|the) {_REQUEST}",
    re.IGNORECASE,
)
_REFUSES = re.compile(rf"{_LEAD}{_CANNOT}{_HELP}|^I'm\s+(?:\w+\s+)?sorry,?\s+(?:but\s+)?{_CANNOT}", re.IGNORECASE)
_DOUBTFUL = re.compile(rf"{_LEAD}{_CANNOT}(?:{_LOOK}|{_MAKE})|{_OF_CONTENT}|{_DECLINES}", re.IGNORECASE)
_FIRST_PERSON_CANNOT = re.compile(_CANNOT, re.IGNORECASE)
_SORRY = re.compile(
    one_of(r"""
    (?:I'm|we're)\s+(?:\w+\s+)?(?:sorry|afraid)|sorry|(?:my\s+)?apolog|I\s+apologi|unfortunately|regrettably|I\s+regret
    I\s+(?:appreciate|understand|notice|want to be)|thanks? (?:you )?for
    """),
    re.IGNORECASE,
)
_AI = re.compile(
    one_of(r"""
    \bas\s+an?\s+(?:\w+\s+)?(?:AI|(?:large\s+)?language\s+model|artificial intelligence|text-based)\b
    \bI'm\s+(?:\w+\s+){0,3}?(?:AI|language\s+model)\b
    \bAI\s+(?:developed|created|made|trained)\s+by
    \bI\s+can\s+only\s+(?:process|read|handle|work with|understand)\s+text
    \bI\s+don't\s+have\s+(?:visual|vision|image)\b
    """),
    re.IGNORECASE,
)
_AS_AI = re.compile(
    r"^as\s+an?\s+(?:\w+\s+)?(?:AI|(?:large\s+)?language\s+model)(?:\s+(?:language\s+)?(?:model|assistant|chatbot|system))?"
    r"(?:\s+\w+ed\s+by\s+\w+)?,\s+I\b",
    re.IGNORECASE,
)
_UNABLE = re.compile(r"\b(?:can't|unable|not able|don't have)\b", re.IGNORECASE)
_NO_INPUT = re.compile(
    one_of(rf"""
    \b(?:no|any)\s+{_THING}\s+(?:\w+\s+){{0,2}}(?:provided|attached|included|uploaded|shared|visible|received)
    \b{_THING}\b[^.]{{0,40}}(?:didn't|did not|failed to|hasn't|haven't)\s+(?:load|upload|come through|attach|arrive)
    \b{_THING}\b[^.]{{0,20}}(?:wasn't|weren't|(?:was|were) not)\s+(?:\w+\s+)?(?:uploaded|attached|included|provided)
    \b{_THING}\b[^.]{{0,40}}(?:appears?|seems?)\s+to\s+be\s+(?:blank|missing|corrupt\w*|broken|empty|unavailable)
    \byou\s+haven't\s+(?:\w+\s+)?(?:attached|uploaded|provided|shared|included)\b
    \b(?:no|any)\s+(?:\w+\s+)?{_THING}\b[^.]{{0,30}}(?:attached|in (?:our|this|your) (?:conversation|message|request))
    """),
    re.IGNORECASE,
)
_OFFERS = re.compile(
    one_of(r"""
    \bplease\s+(?:\w+\s+)?(?:upload|share|provide|describe|paste|attach|try|send|modify|re-?upload)
    \b(?:could|can)\s+you\s+(?:please\s+)?(?:upload|share|provide|describe|paste|attach|send|tell)
    \bif\s+you(?:'d like|\s+could|\s+can|\s+would)?\s+(?:describe|provide|upload|share|paste|tell|like)
    \bI(?:'d| would|'ll| can|'m)\s+(?:still\s+)?(?:be\s+)?(?:happy|glad|help|describe|more than happy)
    \banything else I can|so I can\b|\binstead\b|\bI can (?:help|describe|offer)
    """),
    re.IGNORECASE,
)
_POLICY = re.compile(
    rf"\b(?:{_REQUEST}|contents?|responses?|images?|inputs?|outputs?)\b[^.]{{0,60}}"
    r"\b(?:rejected|blocked|filtered|flagged|violat\w+|against)\b[^.]{0,80}"
    r"\b(?:polic(?:y|ies)|guidelines?|safety (?:system|filters?|settings?)|terms of (?:use|service))\b"
    r"|\bagainst my (?:guidelines|policies|programming|principles)\b|\bmax tries\. failed",
    re.IGNORECASE,
)
_SPEECH = re.compile(
    r"(?:,[”\"]?\s+|[”\"]\s*|\b(?:he|she|they|who|minister|captain|historian)\s+)(?:he\s+|she\s+|they\s+|the\s+\w+\s+)?"
    r"(?:said|says|asked|wrote|writes|replied|answered|whispered|told|admits?|argued|cried|used to say|thought)\b"
    r"|(?:说道?|问道|答道|写道|喊道)[：:，。]|一边说",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"“[^”]{0,400}”|\"[^\"]{0,400}\"|「[^」]{0,400}」|『[^』]{0,400}』|《[^》]{0,100}》")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*|\n+")

_ZH_CANNOT = (
    r"(?:目前|暂时|现在|还|实在|恐怕|确实|并|也|暂|因此|所以|，|\s){0,3}"
    r"(?:无法|不能|不便|不可以|没有?办法|不具备|不支持|无权|没有学会|难以|拒绝)"
)
_ZH_TASK = r"(?:为[您你]|给[您你]|帮助?[您你]|对此|直接|继续|进行|在此|就此){0,2}" + one_of("""
    提供|协助|帮助|帮[您你]|回答|回应|生成|查看|识别|访问|处理|描述|完成|满足|撰写|写作|编写|创作|给到|继续|分析|看到|查阅
    打开|读取|讨论|评论|诊断|透露|响应|执行
    """)
_ZH_INPUT = r"(?:图片|图像|照片|附件|幻灯片|链接|文件|图)"
_ZH_SORRY = re.compile(r"^[^。！？]{0,6}(?:抱歉|对不起|不好意思|遗憾|您好|你好|请原谅|谢谢您)")
_ZH_REFUSES = re.compile(
    one_of(rf"""
    (?:(?<!们)我|^|[，,：:]){_ZH_CANNOT}[^。！？，]{{0,10}}?{_ZH_TASK}
    (?<!们)我(?:目前|暂时|现在|还|并)?(?:没有?|未)?(?:看不到|看到|收到|看见)(?:您|你|任何)[^。！？]{{0,8}}{_ZH_INPUT}
    """)
)
_ZH_AI = re.compile(
    one_of("""
    作为(?:一个|一名|一款)?(?:AI|人工智能|大?语言模型|文本模型)(?:语言模型|助手|模型|助理)?
    我(?:只)?是(?:一个|一款)?(?:AI|文本|语言|人工智能)
    """)
)
_ZH_OFFERS = re.compile(
    one_of("""
    请[您你]?(?:重新)?(?:上传|提供|用文字|发送|描述|粘贴)|能否(?:重新|请|再)|换个话题|再为[您你]|可以(?:为您|帮您)
    如果[您你](?:能|可以|愿意)|此类|该内容|相关内容|请求|这个问题
    """)
)
_ZH_NO_INPUT = re.compile(
    rf"[您你][^。！？]{{0,6}}(?:没有?|未|尚未)[^。！？]{{0,4}}(?:上传|附上|提供|发送)[^。！？]{{0,6}}{_ZH_INPUT}"
)
_ZH_BLOCKED = re.compile(
    r"(?:违规|敏感|不合规|审核)[^。！？]{0,8}[，,][^。！？]{0,6}(?:无法|不能|拒绝)[^。！？]{0,4}(?:生成|显示|提供|回答)"
)
_ZH_TOPIC = re.compile(r"协助|医疗|诊断|隐私|违法|违规|敏感|色情|暴力|有害")
_ZH_POLICY = re.compile(r"(?:违反|违背|根据|不符合|触犯)[^。！？]{0,24}(?:政策|法律法规|准则|规定|条款|规范)")


_MAY_REFUSE = re.compile(  # what every rule for a long text needs
    r"\bcan(?:not)?\b|n't|\bnot?\b|unable|declin|refus|\bpass\b|rather|\bAI\b|model|intelligence|[无不没拒违作我]",
    re.IGNORECASE,
)


@lru_cache(maxsize=64)  # a section is asked about when it arrives, and in its quality control
def begins_as_refusal(text: str) -> bool:
    """Whether a model's answer is a refusal, says that it has no image, or is a server's notice in place of a text."""
    head = text.strip()[:HEAD].replace("’", "'").replace("‘", "'")
    plain = _without_quotations(head).strip()
    if not plain or head.startswith(STRUCTURED):
        return False
    short = len(text) < HEAD and text.count(" ") <= 2 * SHORT and count_words(text) <= SHORT
    if not short and not _MAY_REFUSE.search(_SENTENCE.split(plain, 1)[0][:LONGEST_SENTENCE]):  # most are done here
        return False
    sentences = [found[:LONGEST_SENTENCE] for found in _SENTENCE.split(plain, 2 * SENTENCES) if found][:SENTENCES]
    return _refuses_english(sentences, short) or _refuses_chinese(sentences, short)


def is_refusal(text: str) -> bool:
    """Whether a section or paragraph is a refusal or an error text, after its heading."""
    return begins_as_refusal(without_heading(text))


def _without_quotations(text: str) -> str:
    """The text without what it quotes; all of it where all of it stands in quotation marks."""
    if not any(mark in text for mark in '“"「『《'):
        return text
    found = _QUOTED.match(text)
    return text.strip('“”"「」『』') if found and found.end() == len(text) else _QUOTED.sub("", text)


def _refuses_english(sentences: list[str], short: bool) -> bool:
    said = [_contracted(sentence) for sentence in (sentences if short else sentences[:1])]
    whole = " ".join(said)
    if _SPEECH.search(whole):
        return False
    sorry, offers = any(map(_SORRY.match, said)), _OFFERS.search(_contracted(" ".join(sentences))) is not None
    if any(map(_REFUSES.search, said[: 2 if sorry or offers else 1])) or _AS_AI.search(said[0]):
        return True
    if any(map(_DOUBTFUL.search, said)) and (short or sorry or offers):
        return True
    if _AI.search(said[0]) and (_UNABLE.search(whole) or offers):
        return True
    return short and _refuses_shortly(said, sorry, offers)


def _refuses_shortly(said: list[str], sorry: bool, offers: bool) -> bool:
    """What a short text is a refusal by, and a long one is not."""
    whole = " ".join(said)
    cannot = _FIRST_PERSON_CANNOT.search(whole) is not None
    if _NO_INPUT.search(whole) and (cannot or offers or sorry or re.search(r"\bI\b", whole)):
        return True
    policy = _POLICY.search(whole) is not None
    if policy and (cannot or len(whole) < MOST_OF_A_NOTICE):
        return True
    if _PASSIVE.search(said[0]):
        return True
    return points(ENGLISH_SIGNS, whole) + 2 * sorry + 2 * offers + 3 * bool(_AI.search(whole)) >= ENOUGH


def _refuses_chinese(sentences: list[str], short: bool) -> bool:
    said = sentences if short else sentences[:1]
    whole = "".join(said)
    if _SPEECH.search(whole):
        return False
    sorry = _ZH_SORRY.search(said[0]) is not None
    if short and (_ZH_BLOCKED.search(whole) or (_ZH_NO_INPUT.search(whole) and (sorry or _ZH_OFFERS.search(whole)))):
        return True
    refuses = any(map(_ZH_REFUSES.search, said))
    if short and points(CHINESE_SIGNS, whole) + 2 * sorry + 3 * bool(_ZH_AI.search(whole)) >= ENOUGH:
        return True
    if not refuses:
        return False
    if _ZH_AI.search(whole) or _ZH_POLICY.search(whole) or (sorry and short):
        return True
    return short and bool(_ZH_OFFERS.search(whole) or re.search(_ZH_INPUT, whole) or _ZH_TOPIC.search(whole))


def _contracted(sentence: str) -> str:
    """With the short forms that the rules are written in."""
    for long, contracted in _FORMS:
        sentence = long.sub(contracted, sentence)
    return sentence


_FORMS = [
    (re.compile(rf"\b{long}\b", re.IGNORECASE), contracted)
    for long, contracted in (
        ("can ?not", "can't"),
        ("will not", "won't"),
        ("do not", "don't"),
        ("I am", "I'm"),
        ("I would", "I'd"),
    )
]
