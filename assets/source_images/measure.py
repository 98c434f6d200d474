"""What is measured on a page: its text, the language of that text, its perceptual hash."""

import io
import re
from functools import lru_cache
from typing import Any

from resources.ocr import read_lines
from resources.words import count_words

MIN_WORDS = 4       # less text than this tells no language
LANGUAGES = ("en", "zh", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "uk", "ja", "ko", "ar", "he", "tr", "vi", "hi")
_CJK_SHARE = 0.3
_KANA = re.compile(r"[\u3040-\u30ff]")


def read_text(jpeg: bytes) -> str:
    """The page's text lines, top to bottom, joined by newlines; empty where there is none."""
    return "\n".join(read_lines(jpeg))


def language_of(text: str) -> str:
    """ISO 639-1 code, `und` where there is too little text to tell.

    Mixed pages go by their share of Chinese characters: the classifier alone calls a Chinese page with English terms
    Japanese now and then.
    """
    words = count_words(text)
    letters = sum(letter.isalpha() for letter in text)
    if words < MIN_WORDS and letters < 12:
        return "und"
    han = words - len(re.findall(r"[a-zA-Z]+", text))
    if han / max(1, words) > _CJK_SHARE and not _KANA.search(text):
        return "zh"
    return str(_identifier().classify(text)[0])


def perceptual_hash(jpeg: bytes) -> str:
    """64-bit perceptual hash, 16 hex digits; near-equal images differ in few bits."""
    import imagehash
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as image:
        return str(imagehash.phash(image))


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_pickled_model(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    return identifier
