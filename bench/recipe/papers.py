"""The papers' own code run beside ours on random cases: word counts, both length scores, bucket borders.

    git clone https://github.com/THU-KEG/LongWriter-V; git clone https://github.com/THUDM/LongWriter
    python -m bench.recipe.papers LongWriter-V LongWriter

Only the functions named here are taken out of their files, so that nothing else of them has to be installed.
"""

import argparse
import ast
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from resources.text.length_score import BENCHMARK_BORDERS, benchmark_bucket, length_score, length_score_released
from resources.text.words import count_words

CASES = 200_000
ALPHABETS = ("abcdefgXYZ", "桥梁如何承重龥鿿一", "  \n", ",.!?；。“”-_'", "0123456789", "éïßñФんアＡ가\u3400\uf900")


def function(path: Path, name: str) -> Callable[..., Any]:
    """One function of a file, by itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    space: dict[str, Any] = {"re": re}
    exec(compile(ast.Module(body, []), str(path), "exec"), space)
    return space[name]


def borders(path: Path) -> list[tuple[int, int]]:
    """(first, end) of every `L in range(first, end)` in a file, in order."""
    tests = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Compare))
    return sorted(
        tuple(map(ast.literal_eval, test.comparators[0].args))
        for test in tests  # type: ignore[attr-defined]
        if isinstance(test.left, ast.Name) and test.left.id == "L"
    )


def random_text(draw: random.Random) -> str:
    return "".join(draw.choice(draw.choice(ALPHABETS)) for _ in range(draw.randrange(30)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("longwriter_v", type=Path)
    parser.add_argument("longwriter", type=Path)
    options = parser.parse_args()
    vision, text_only = options.longwriter_v, options.longwriter
    counts = [function(vision / "utils.py", "count_words"), function(text_only / "evaluation/pred.py", "count_words")]
    paper = function(text_only / "evaluation/eval_length.py", "score")  # (required, written)
    released = function(vision / "eval/utils.py", "length_score")  # (written, required)
    draw, differ = random.Random(0), 0
    for _ in range(CASES):
        text, words, required = random_text(draw), draw.randint(1, 12_000), draw.randint(1, 4_000)
        differ += any(count(text) != count_words(text) for count in counts)
        differ += abs(paper(required, words) - length_score(words, required)) > 1e-9
        differ += abs(released(words, required) - length_score_released(words, required)) > 1e-9
    ranges = borders(vision / "eval/utils.py")
    same = [
        benchmark_bucket(length) == index for index, (first, end) in enumerate(ranges) for length in (first, end - 1)
    ]
    print(
        f"{CASES} random cases, {differ} differences; borders there {ranges}, here {BENCHMARK_BORDERS}: "
        f"{'the same' if all(same) else 'NOT the same'}"
    )
    sys.exit(bool(differ or not all(same)))


if __name__ == "__main__":
    main()
