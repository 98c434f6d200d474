"""The name of a run follows from what decides it, so that the same run is not trained twice."""

import hashlib
import json


def run_id(**parts: object) -> str:
    """First 16 hex digits of the sha256 over what decides a run (JSON values), so that the same run has the same
    folder."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]
