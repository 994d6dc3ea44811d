"""The configuration: read, checked, and made into stages."""

from pipeline.config.dump import dump
from pipeline.config.loader import Config, ConfigError, load, loads

__all__ = ["Config", "ConfigError", "dump", "load", "loads"]
