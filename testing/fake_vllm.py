"""An environment that looks as if vLLM were installed in it: a real server process with a worker of its own."""

import os
import sys
from pathlib import Path

SERVER = """
import argparse, http.server, json, os, subprocess, sys, time

parser = argparse.ArgumentParser()
for name in ("model", "served-model-name", "host", "port"):
    parser.add_argument("--" + name)
asked, rest = parser.parse_known_args()
mode = os.environ.get("FAKE_VLLM", "")
said = {"refuse": "ValueError: Model architectures ['Odd'] are not supported for now.",
        "full": "ValueError: Free memory on device (3/80 GiB) is less than desired GPU memory utilization (0.9).",
        "odd": "RuntimeError: something nobody knows"}
if mode.startswith("second"):
    mode = "full" if "-2-of-" in os.getcwd() else "" if mode == "second-full" else "loads"
if mode in said:
    print("(EngineCore pid=1) ERROR 11-27 10:00:00 [core.py:1] starting\\n" + said[mode], flush=True)
    sys.exit(1)
if mode == "port" and not os.path.exists("taken"):
    open("taken", "w").close()
    sys.exit("OSError: [Errno 98] Address already in use")
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
if mode == "loads":
    time.sleep(600)
count = {"prompt": 0, "generated": 0}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, text, kind="application/json"):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        if self.path == "/metrics":
            self.answer("".join(f'vllm:{name}{{model="m"}} {value}\\n' for name, value in (
                ("prompt_tokens_total", count["prompt"]), ("generation_tokens_total", count["generated"]),
                ("prefix_cache_queries_total", count["prompt"]), ("prefix_cache_hits_total", count["prompt"] / 2),
                ("num_preemptions_total", 0.0))), "text/plain")
        else:
            self.answer("{}")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open("requests.jsonl", "a") as log:
            log.write(json.dumps(body) + "\\n")
        if mode == "crash":
            os._exit(3)
        count["prompt"] += 100
        count["generated"] += 10
        text = f"A text for seed {body.get('seed')}."
        self.answer(json.dumps({"model": body["model"], "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": text}}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}}))


http.server.ThreadingHTTPServer((asked.host, int(asked.port)), Handler).serve_forever()
"""


def fake_environment(folder: Path, version: str = "0.32.0", torch: str = "2.13.0+cpu") -> Path:
    """The Python of it. version, torch: that it claims to have; an empty one is not installed."""
    site = folder / "site"
    package = site / "vllm" / "entrypoints" / "openai"
    package.mkdir(parents=True)
    for each in (site / "vllm", site / "vllm" / "entrypoints", package):
        (each / "__init__.py").touch()
    (package / "api_server.py").write_text(SERVER)
    for name, number in (("vllm", version), ("torch", torch)):
        if number:
            record = site / f"{name}-{number}.dist-info"
            record.mkdir()
            (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")
    python = folder / "bin" / "python"
    python.parent.mkdir()
    real = os.path.realpath(sys.executable)  # without this environment's packages
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{site}" exec "{real}" "$@"\n')
    python.chmod(0o755)
    return python


def fake_model(folder: Path, positions: int = 4096) -> Path:
    """A folder that looks like a model's."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(
        f'{{"dtype": "float32", "text_config": {{"max_position_embeddings": {positions}}}}}'
    )
    (folder / "model.safetensors").touch()
    return folder
