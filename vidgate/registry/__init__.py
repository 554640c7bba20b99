"""The register: channels, platforms, credentials, changes."""
