"""Nouns and events: frozen dataclasses and enums. No I/O, no asyncio."""
