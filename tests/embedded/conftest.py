"""What the embedded model's tests share: drawn pages, filled templates, and one question over the real client."""

import asyncio
import base64
import io
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from PIL import Image, ImageDraw, ImageFont

from resources.embedded.protocol import app, model_name
from resources.prompts import Prompt

ROOT = Path(__file__).parents[2]
ASSET_OF = {
    "single": "instructions",
    "rewrite": "instructions",
    "need_long": "instructions",
    "state_length": "long_outputs",
    "task": "long_outputs",
    "plan": "long_outputs",
    "write": "long_outputs",
    "correct": "corrected_segments",
    "judge": "judging",
}

CYCLE = (
    "Evaporation",
    "The sun heats the surface of the sea",
    "Liquid water turns into vapour",
    "About 90% of vapour comes from oceans",
    "Warm air can hold more vapour",
)
RAIN = (
    "Clouds and Rain",
    "Rising air cools and vapour condenses",
    "Droplets gather around dust",
    "Average rainfall: 990 mm per year",
)
ORE = (
    "Types of Ore",
    "Hematite is mined in open pits",
    "Bauxite gives aluminium after refining",
    "Galena carries lead and silver",
)
CJK_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "NotoSerifCJK-Regular.ttc",
    "wqy-zenhei.ttc",
    "wqy-microhei.ttc",
    "SourceHanSansSC-Regular.otf",
    "simhei.ttf",
    "DroidSansFallbackFull.ttf",
)


@cache
def cjk_font() -> str | None:
    """A font of this system that has Chinese characters; None where there is none."""
    for name in CJK_FONTS:
        try:
            ImageFont.truetype(name, 20)
        except OSError:
            continue
        return name
    return None


@cache
def page(lines: tuple[str, ...], font: str | None = None, size: tuple[int, int] = (900, 560), step: int = 80) -> bytes:
    """A white page with these lines, the first one larger, as JPEG bytes."""
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    for at, line in enumerate(lines):
        points = 48 if at == 0 else 32
        face = ImageFont.truetype(font, points) if font else ImageFont.load_default(points)
        pen.text((50, 40 + at * step), line, fill="black", font=face)
    return jpeg(image)


@cache
def photo(upper: str = "skyblue", lower: str = "saddlebrown", size: tuple[int, int] = (480, 320)) -> bytes:
    """Two fields of colour and a dark block on the lower right: a picture without text."""
    image = Image.new("RGB", size, upper)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, size[1] * 55 // 100, size[0], size[1]), fill=lower)
    pen.rectangle((size[0] * 70 // 100, size[1] * 60 // 100, size[0] * 95 // 100, size[1] * 95 // 100), fill="black")
    return jpeg(image)


def jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=92)
    return out.getvalue()


def image_part(data: bytes) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64," + base64.b64encode(data).decode()}}


def text_part(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def template(name: str, **slots: object) -> str:
    """A prompt of the factory, filled as the factory fills it."""
    path = ROOT / "assets" / ASSET_OF[name] / "prompts" / f"{name}.txt"
    return Prompt(name, path.read_text(encoding="utf-8")).fill(slots)


async def _create(role: str, messages: Sequence[dict[str, Any]], **more: Any) -> Any:
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app))
    async with openai.AsyncOpenAI(
        base_url="http://embedded/v1", api_key="embedded", http_client=http, max_retries=0
    ) as client:
        request: dict[str, Any] = {"model": model_name(role), "messages": list(messages), **more}
        return await client.chat.completions.create(**request)


def create(role: str, messages: Sequence[dict[str, Any]], **more: Any) -> Any:
    """The ChatCompletion for these messages, through the real openai client and the ASGI transport."""
    return asyncio.run(_create(role, messages, **more))


def ask(role: str, messages: Sequence[dict[str, Any]], **more: Any) -> str:
    return str(create(role, messages, **more).choices[0].message.content)


def opening(images: Sequence[bytes], instruction: str, language: str, total: int, rule: str) -> list[dict[str, Any]]:
    """The messages of a plan turn."""
    parts = [
        *map(image_part, images),
        text_part(template("task", instruction=instruction)),
        text_part(template("plan", pages=len(images), language=language, total_words=total, section_rule=rule)),
    ]
    return [{"role": "system", "content": "You are an expert writer."}, {"role": "user", "content": parts}]


def write_turn(
    index: int,
    count: int,
    language: str,
    point: str,
    words: int,
    pages: str,
    heading: str = "",
) -> dict[str, Any]:
    return {
        "role": "user",
        "content": template(
            "write",
            index=index,
            count=count,
            language=language,
            point=point,
            words=words,
            pages=pages,
            heading=heading or point,
        ),
    }


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


@pytest.fixture
def document() -> Callable[..., tuple[str, list[str]]]:
    """Writes a whole document: (plan, sections)."""
    from resources.embedded.planning import parse_plan

    def write(
        images: Sequence[bytes],
        language: str,
        total: int,
        rule: str,
        instruction: str = "Write an article.",
        heading: str = "",
    ) -> tuple[str, list[str]]:
        messages = opening(images, instruction, language, total, rule)
        plan = ask("teacher", messages)
        messages.append(assistant(plan))
        planned, sections = parse_plan(plan), []
        for entry in planned:
            messages.append(
                write_turn(
                    entry.index,
                    len(planned),
                    language,
                    entry.point,
                    entry.words,
                    ", ".join(map(str, entry.pages)),
                    heading and heading.format(entry.index),
                )
            )
            sections.append(ask("teacher", messages))
            messages.append(assistant(sections[-1]))
        return plan, sections

    return write
