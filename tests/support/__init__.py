"""Helpers of the tests: builders of collections and data, servers, browsers, and tables of hostile requests."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
