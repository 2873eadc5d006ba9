"""The settings file as frozen values. Cellar, pure."""
