"""A whole demo with a teacher that echoes its key, and training processes that print their environment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

from testing.leaks import leaks
from testing.quirky_server import Body, Quirk, Seen, error, quirky_server, with_message
from tests.conftest import draw_unlike_decks, write_recipe

ROOT = Path(__file__).resolve().parents[3]
KEY, HEADER, PROXY = "sk-demo-Xw3Yv5Zu7At9Bs1Cr", "hdr-demo-Dq2Ep4Fo6Gn8Hm", "Proxy-Word-Jl1Kk3Lj5"
SECRETS = (KEY, HEADER, PROXY)
TELLS = """import os, sys
if any("resources.training" in part or "accelerate" in part for part in sys.orig_argv):
    print("ENVIRONMENT", dict(os.environ), file=sys.stderr, flush=True)
"""
pytestmark = pytest.mark.timeout(1800)


def refuse(body: Body, seen: Seen) -> Response | None:
    """An outage now and then, in words that repeat all that was sent."""
    status = 500 if len(seen.requests) > 12 and len(seen.requests) % 5 == 0 else None
    return error(status, f"You sent {json.dumps(seen.headers[-1])}") if status else None


def shape(answer: Body, body: Body, seen: Seen) -> Response:
    text = answer["choices"][0]["message"]["content"]
    told = {**answer, "model": f"m-{KEY}"}
    return JSONResponse(told if text.lstrip().startswith("{") else with_message(told, content=f"{text} It is {KEY}."))


def test_a_demo_leaves_no_secret_behind(tmp_path: Path) -> None:
    draw_unlike_decks(tmp_path / "sources" / "talks")
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "sitecustomize.py").write_text(TELLS)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LWV_", "DAGSTER_"))}
    with quirky_server(Quirk("echoes", refuse=refuse, shape=shape)) as server:
        env = {
            **kept,
            "PYTHONPATH": str(tmp_path / "hooks"),
            "LWV_HOME": str(tmp_path / "home"),
            "LWV_SOURCES": str(tmp_path / "sources"),
            "LWV_RECIPE": write_recipe(tmp_path),
            "LWV_TEACHER_BASE_URL": server.url,
            "LWV_TEACHER_MODEL": "m",
            "LWV_TEACHER_API_KEY": KEY,
            "LWV_TEACHER_HEADERS": json.dumps({"X-Token": HEADER}),
            "HTTPS_PROXY": f"http://user:{PROXY}@127.0.0.1:9",
        }
        command = [sys.executable, "-m", "lwv_dagster.cli", "demo"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=env)
    assert KEY in str(server.seen.headers[-1]), done.stdout + done.stderr
    assert "ENVIRONMENT" in done.stderr, done.stdout + done.stderr  # it came as far as training
    assert [secret for secret in SECRETS if secret in done.stdout + done.stderr] == []
    assert leaks([tmp_path / "home"], SECRETS) == []
