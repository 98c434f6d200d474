"""The embedded model: heuristics behind OpenAI's protocol. What others use of it is in `protocol`."""
