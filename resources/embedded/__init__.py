"""What the embedded model offers: its ASGI application, its model names, and nothing that thinks."""

from resources.embedded.protocol import MODELS, app, model_name

__all__ = ["MODELS", "app", "model_name"]
