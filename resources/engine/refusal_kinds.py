"""What a refusal is about, by the words of many servers: one table for all that judges or learns from refusals."""

import re


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


OVERFLOW = _any(
    r"context.?(length|window|size|limit)",
    r"maximum context",
    r"prompt (is|was) too long",
    r"too many (input )?tokens",
    r"input (is )?too long",
    r"input length",
    r"input tokens? (count|exceed)",
    r"exceeds? the (available )?context",
    r"n_ctx",
    r"maximum (number of )?(input )?tokens",
    r"maximum (allowed )?(input|prompt) length",
    r"max_model_len",
    r"max_seq_len",
    r"prompt_tokens.{0,20}must be less than",
    r"`inputs` (tokens|must)",
    r"must be at least 1, got -",  # vLLM: what the prompt leaves
    r"tokens.?limit.?reached",
    r"longer than the model",
    r"string too long",
    r"please reduce (the )?(length|your prompt)",
    r"exceeds? (the )?(model'?s? )?max(imum)?[ _](seq|sequence|input|total|model)",
    r"(entity|payload|body|request|content)[\w ]{0,20}too large",
    r"request_too_large",
    r"inputs`? must have less than",
    r"(上下文|输入|提示词?|prompt).{0,16}(超长|过长|超过|超出)",
)
FILTERED = _any(
    r"content.?(policy|management|filter|safety|moderation)",
    r"moderation",
    r"data_?inspection",
    r"inappropriate",
    r"safety (system|filter|setting)",
    r"responsible.?ai",
    r"flagged",
    r"sensitive (content|words)",
    r"prohibited",
    r"risk.?control",
    r"usage policies",
    r"敏感(内容|信息|词|话题)|违规|不安全|内容安全|未通过.{0,4}审核|风控",
)
NO_QUOTA = _any(
    r"insufficient.?(quota|balance|credit|funds)",
    r"credit balance",
    r"out of credits",
    r"billing",
    r"payment required",
    r"arrearage",
    r"requires more credits",
    r"exceeded your current quota",
    r"no credit",
    r"余额不足|欠费|额度.{0,4}(用尽|不足|耗尽)",
    r"add (more )?credits",
    r"account.{0,20}(suspended|overdue)",
)
_KEY = r"(api.?key|access.?token|bearer|authorization|credential)"
WRONG_KEY = _any(
    rf"{_KEY}.{{0,40}}(invalid|incorrect|not valid|missing|required|expired|wrong|unauthorized)",
    rf"(invalid|incorrect|missing|no|wrong|expired) {_KEY}",
    r"no_db_connection",  # a LiteLLM proxy that knows one key alone
    r"(密钥|令牌|api.?key).{0,10}(无效|错误|不正确|过期|不存在)|(无效|错误|缺少|未提供)的? ?(api)? ?(密钥|令牌|key)",
)
REGION = _any(r"location is not supported", r"country, region,? or territory")
UNKNOWN_MODEL = _any(
    r"model.{0,80}(does ?n.t exist|not exist|not found|not supported|unknown|is not available|not a valid|no access)",
    r"not a valid model",
    r"server is pinned to",  # transformers serve
    r"model.{0,80}not loaded",
    r"(unknown|invalid|no such|unrecognized) model",
    r"no models? (is |are )?loaded",
    r"model_not_found",
    r"no endpoints found(?! that can handle)",
    r"no allowed providers",
    r"deployment.{0,40}not (exist|found)",
    r"模型.{0,20}(不存在|未找到|未开通)",
)
OVERLOADED = _any(
    r"overload",
    r"capacity",
    r"loading",
    r"starting",
    r"warming",
    r"busy",
    r"temporarily",
    r"high (load|demand|traffic)",
    r"rate.?limit",
    r"throttl",
    r"too many requests",
    r"繁忙|过载|稍后(再试|重试)|限流|频繁|请求过多|正在加载",
)
_VISION = r"(images?\b|image.?(url|input)s?|multi-?modal|vision)"
NO_IMAGES = _any(
    rf"(not|n't|no|unable to)[\w ]{{0,30}}(support|accept|process|allow|enabled?)[\w ]{{0,30}}{_VISION}",
    r"not a (multi-?modal|vision)",
    rf"{_VISION}[\w\" ]{{0,40}}(not|n't|un)[\w ]{{0,12}}(support|allowed|enabled|available)",
    r"support image input",
    r"text.?only model",
    r"mmproj",
    r"missing data required for image",  # Ollama
    r"unknown variant .?image_url",
    r"invalid type: sequence, expected a string",  # DeepSeek: content as parts
    r"content\b.{0,40}must be a string",
    r"can only concatenate str \(not",  # llama-cpp-python, likewise
    r"不支持.{0,6}(图片|图像|视觉|多模态)|(图片|图像|视觉|多模态).{0,6}不支持",
)
UNREADABLE = _any(
    r"format", r"mime", r"media.?type", r"decode", r"corrupt", r"dimension", r"pixel", r"too (large|small)", r"size",
    r"download", r"fetch", r"格式|过大|过小|尺寸|像素|下载|损坏|解码|数量|张",
)  # fmt: skip
# What no other form of a request mends: it is about the account, the model, the content, or a server that has no time.
CERTAIN = (OVERFLOW, FILTERED, NO_QUOTA, WRONG_KEY, REGION, UNKNOWN_MODEL, NO_IMAGES, OVERLOADED)
