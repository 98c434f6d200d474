"""What is measured on a page image: its perceptual hash, the text on it, the language of that text."""

import functools
import io
import unicodedata
from typing import TYPE_CHECKING

from PIL import Image

from resources import ocr

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

LANGUAGES = ["en", "zh", "ja", "ko", "de", "fr", "es", "it", "pt", "nl", "ru"]
UNDETERMINED = "und"
MIN_LETTERS = 12  # below that any guess is noise
HAN_LETTERS = 3  # a Chinese character says about as much as three letters
BLANK_LEVELS = 8  # a word in small print on a page makes more


def load_models() -> None:
    """All that measuring a page needs, which takes seconds: before the first one."""
    import imagehash  # noqa: F401

    _identifier()
    ocr.load()


def perceptual_hash(jpeg: bytes) -> str:
    """64-bit perceptual hash (DCT) of an encoded image, 16 hex digits."""
    import imagehash  # brings scipy in: only where pages are measured

    with Image.open(io.BytesIO(jpeg)) as image:
        return str(imagehash.phash(image))


def page_text(jpeg: bytes) -> str:
    """The text lines on an encoded image, joined by newline; empty where there are none. About 0.5 s a page."""
    return "\n".join(ocr.read_lines(jpeg))


def language_of(text: str) -> str:
    """ISO 639-1 code of `text`, one of LANGUAGES; `und` where there is too little of it to tell.

    Text in which Chinese characters outweigh all other letters is `zh` whatever Latin terms stand in it.
    """
    letters = [letter for letter in text if letter.isalpha()]
    names = [unicodedata.name(letter, "") for letter in letters]
    han = sum(name.startswith("CJK") for name in names)
    kana_or_hangul = sum(name.startswith(("HIRAGANA", "KATAKANA", "HANGUL")) for name in names)
    if len(letters) + (HAN_LETTERS - 1) * (han + kana_or_hangul) < MIN_LETTERS:
        return UNDETERMINED
    if han and not kana_or_hangul and HAN_LETTERS * han >= len(letters) - han:
        return "zh"
    return str(_identifier().classify(text)[0])


@functools.cache
def _identifier() -> "LanguageIdentifier":
    """A language identifier of our own, so that limiting its languages does not change the library's shared one."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # loads a model: only where text is judged

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(LANGUAGES)
    return identifier


def is_blank(jpeg: bytes) -> bool:
    """Whether there is nothing on the page: one colour, but for the grain of paper.

    Measured on 64 x 64 grey pixels, which are at most BLANK_LEVELS of 255 apart.
    """
    low, high = _small(jpeg).getextrema()
    return bool(high - low <= BLANK_LEVELS)  # type: ignore[operator]  # one band: two numbers


def detail_share(jpeg: bytes) -> float:
    """Share of an image that differs from its background, 0-1: 0 for a blank page, near 1 for a photograph.

    Measured on 64 x 64 grey pixels against their median, 16 of 255 levels apart.
    """
    small = sorted(_small(jpeg).tobytes())
    background = small[len(small) // 2]
    return sum(abs(level - background) > 16 for level in small) / len(small)


def _small(jpeg: bytes) -> Image.Image:
    with Image.open(io.BytesIO(jpeg)) as image:
        return image.convert("L").resize((64, 64), Image.Resampling.BOX)
