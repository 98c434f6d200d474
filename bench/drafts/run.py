"""How fast a checkpoint writes drafts: transformers text by text, side by side, and vLLM through the engine.

`python -m bench.drafts.run [texts] [tokens]` on the student `smol`; each text has an image and ends at its limit.
"""

import asyncio
import hashlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from assets.student_server import write_with_server
from resources.endpoints import Endpoint
from resources.engine import ModelEngine
from resources.ledger import Ledger
from resources.recipe.model import Sampling
from resources.sampling import sampled_by
from resources.settings import Settings
from resources.training.answer_writer import load_writer
from resources.training.generate import write_batch
from resources.training.generation_lines import PromptLine
from resources.training.rows.processor import load_processor
from resources.training.students.resolve import resolve_student
from resources.vllm.own_servers import OWN_SERVERS
from resources.vllm.served_endpoints import Serving

SAMPLING = sampled_by(0.8, Sampling())


def prompts(folder: Path, texts: int, tokens: int) -> list[PromptLine]:
    """One image each, named by its hash as the store has it."""
    from PIL import Image

    found: list[PromptLine] = []
    for number in range(texts):
        path = folder / f"{number}.jpg"
        Image.new("RGB", (280, 280), (number * 9 % 256, 90, 200)).save(path)
        named = path.rename(folder / f"{hashlib.sha256(path.read_bytes()).hexdigest()}.jpg")
        found.append(
            {
                "item_id": str(number),
                "prompt": f"Write a long article of {tokens * 3} words about the number {number}.",
                "images": [str(named)],
                "seed": number,
                "max_new_tokens": tokens,
            }
        )
    return found


def timed(what: str, work: Callable[[], int]) -> None:
    started = time.monotonic()
    tokens = work()
    seconds = time.monotonic() - started
    print(f"{what:<38} {tokens:>6} tokens  {seconds:>6.1f} s  {tokens / seconds:>6.1f} tokens/s", flush=True)


def main(texts: int = 16, tokens: int = 128) -> None:
    folder = Path(tempfile.mkdtemp(prefix="lwv-drafts-"))
    try:
        model = resolve_student("smol", [], folder / "smol")
        items = prompts(folder, texts, tokens)
        writer, processor = load_writer(model), load_processor(model)

        def tokens_of(rows: int, some: Sequence[PromptLine] = items) -> int:
            parts = [some[at : at + rows] for at in range(0, len(some), rows)]
            return sum(answer["tokens"] for part in parts for answer in write_batch(writer, processor, part, SAMPLING))

        timed("transformers, one by one (a quarter)", lambda: tokens_of(1, items[: max(1, texts // 4)]))
        timed(f"transformers, {texts} side by side", lambda: tokens_of(texts))
        OWN_SERVERS.let_go()
        serving, endpoint = Serving(folder, Settings()), Endpoint("student", f"vllm:{model}")
        timed("vLLM loads", lambda: len(serving.address(endpoint)) and 0)
        engine = ModelEngine(
            {"student": endpoint},
            Ledger.at(folder),
            lambda sha256: (folder / f"{sha256}.jpg").read_bytes(),
            own=serving,
        )

        def by_engine() -> int:
            written = asyncio.run(write_with_server(engine, "smol", items, SAMPLING, "drafts"))
            return sum(answer["tokens"] for answer in written.values())

        timed("vLLM through the engine", by_engine)
        print(json.dumps(engine.tally.served))
    finally:
        OWN_SERVERS.let_go()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
