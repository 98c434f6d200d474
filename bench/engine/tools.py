"""The tools side by side: what each is called, the environment it runs in, and its command."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from testing.engine.client import ROOT

ENVIRONMENTS = ROOT / ".bench"  # one virtual environment for each peer; git ignores it


@dataclass(frozen=True)
class Tool:
    """One column of the comparison. packages: what its environment is made of; empty: ours."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    window: float = 0.0  # ours: samples open for a slot of the server

    @property
    def environment(self) -> Path:
        return ENVIRONMENTS / self.packages[0].split("==")[0].split("[")[0]

    @property
    def python(self) -> str:
        return str(self.environment / "bin" / "python") if self.packages else sys.executable

    def install(self) -> None:
        """Its own virtual environment, made once."""
        if not self.packages or (self.environment / ".installed").exists():
            return
        print(f"Installing {self.packages[0]} into {self.environment.relative_to(ROOT)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(self.environment)], check=True)
        subprocess.run([self.python, "-m", "pip", "install", "--quiet", *self.packages], check=True)
        (self.environment / ".installed").touch()

    def command(self, url: str, samples: int, calls: int, home: Path) -> list[str]:
        """calls: at once."""
        if not self.packages and self.module == "testing.engine.writing":
            return [self.python, "-m", self.module, "--samples", str(samples), "--home", str(home), *self.arguments]
        return [self.python, "-m", self.module, url, str(samples), str(calls), str(home), *self.arguments]


DESIGNER, CURATOR = ("data-designer==0.9.6",), ("bespokelabs-curator==0.1.31",)
DISTILABEL = ("distilabel[openai]==1.5.3", "requests")
TOOLS = {
    tool.name: tool
    for tool in (
        Tool("ours, open", "testing.engine.writing", window=4),
        Tool("ours, open, first run", "testing.engine.writing", ("--first-run",), window=4),
        Tool("ours, cache", "testing.engine.writing", window=1.5),
        Tool("ours, asset, open", "testing.engine.writing", ("--asset",), window=4),
        Tool("Data Designer", "bench.engine.peers.data_designer", ("default",), DESIGNER),
        Tool("Data Designer, tuned", "bench.engine.peers.data_designer", ("tuned",), DESIGNER),
        Tool("curator", "bench.engine.peers.curator_job", (), CURATOR),
        Tool("distilabel", "bench.engine.peers.distilabel_job", ("default",), DISTILABEL),
        Tool("distilabel, tuned", "bench.engine.peers.distilabel_job", ("tuned",), DISTILABEL),
        Tool("reference, 8 shards", "bench.engine.peers.reference"),
    )
}
