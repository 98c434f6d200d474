"""The catalogue's recipe: recipe.toml beside this, with the lengths of the paper's pool, at the size of the run."""

from pathlib import Path

from testing.recipe.texts import pool_words

WHOLE = 22_158  # documents of LongWriter-V-22k
MIX = 10_000  # of them, that it is trained on
LENGTHS = 100  # quantiles of the pool that the requests are drawn from
TEMPLATE = Path(__file__).with_name("recipe.toml")


def write_recipe(home: Path, count: int) -> Path:
    """home/recipe.toml for a catalogue of `count` documents."""
    lengths = [pool_words((index + 0.5) / LENGTHS) for index in range(LENGTHS)]
    head = TEMPLATE.read_text().replace(f"size = {MIX:_}", f"size = {MIX * count // WHOLE}")
    path = home / "recipe.toml"
    path.write_text(f"{head}\n[instructions.words]\nsingle = {lengths}\nmulti = {lengths}\n")
    return path
