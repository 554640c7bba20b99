"""The settings tree and its loading from YAML and environment."""

from vidgate.settings.load import load_settings
from vidgate.settings.tree import Settings

__all__ = ["Settings", "load_settings"]
