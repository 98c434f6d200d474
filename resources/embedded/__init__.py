"""The embedded model (heuristics behind OpenAI's protocol): its ASGI application and its model names."""

from resources.embedded.protocol import MODELS, app, model_name

__all__ = ["MODELS", "app", "model_name"]
