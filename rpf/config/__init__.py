"""Config files: YAML with the published keys -> typed, frozen settings.

Later files override earlier ones, and single settings override files. An unknown key or a value of the wrong type
raises a ConfigError that names it. PyYAML reads `5e-5` as a string; pydantic converts it to the number.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from rpf.config.sections import AttributesConfig, Config, DataConfig, SolverConfig, TransformerConfig
from rpf.errors import ConfigError

__all__ = [
    "AttributesConfig", "Config", "DataConfig", "SolverConfig", "TransformerConfig",
    "from_checkpoint", "from_mapping", "load",
]  # fmt: skip

# Settings of our own (not published ones) that had another name in earlier checkpoints.
RENAMED_KEYS = {
    ("MODEL", "VALUES"): "PROTOTYPES",
    ("MODEL", "APPLICABILITY"): "PRESENCE",
    ("INPUT", "SQUARE"): "RESIZE_MODE",
    ("SOLVER", "AVERAGE"): "EMA_DECAY",
    ("SOLVER", "CLIP"): "GRAD_CLIP_NORM",
    ("SOLVER", "SMOOTHING"): "LABEL_SMOOTHING",
    ("SOLVER", "STRETCH"): "ASPECT_JITTER",
    ("SOLVER", "TRUNK_SHARE"): "BACKBONE_LR_SCALE",
}
# Settings of a training in earlier checkpoints, without effect on the model.
REMOVED_KEYS = ("EXTRA", "EXTRA_DATASET", "EXTRA_SHARE", "TRAIN_SIZE")


def load(files: Iterable[str | Path] = (), settings: Iterable[str] = (), base: Config | None = None) -> Config:
    """Read config files and `KEY.KEY=VALUE` settings, later ones over earlier ones, over `base`. Raises ConfigError."""
    merged = base.model_dump() if base else {}
    for values in (*map(_read, map(Path, files)), *map(_parse_setting, settings)):
        merged = _merge(merged, values)
    return from_mapping(merged)


def from_mapping(values: Mapping[str, Any]) -> Config:
    """Validate a nested mapping of keys. Raises ConfigError that names the first wrong key."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = " ".join(".".join(str(part) for part in first["loc"]).split()) or "config"
        if first["type"] == "extra_forbidden":
            section, name, *_ = *map(str, first["loc"]), ""
            renamed = RENAMED_KEYS.get((section, name))
            reason = f"this setting is called {section}.{renamed}" if renamed else "there is no such setting"
        else:
            reason = first["msg"].removeprefix("Value error, ").removeprefix("Input ").strip()
        raise ConfigError("%(key)s: %(why)s", key=key, why=reason) from None


def from_checkpoint(text: str) -> Config:
    """Read the JSON config in a checkpoint, which may have earlier names. Raises ConfigError, ValueError."""
    values = json.loads(text)
    for section, keys in values.items() if isinstance(values, dict) else ():
        if isinstance(keys, dict):
            values[section] = keys = {RENAMED_KEYS.get((section, key), key): value for key, value in keys.items()}
            if keys.get("LOSS") == "values":
                keys["LOSS"] = "classification"
            for key in REMOVED_KEYS:
                keys.pop(key, None)
            with suppress(LookupError, TypeError):
                del keys["PROTOTYPES"]["CALIBRATION"]  # values have a file of their own now
    return from_mapping(values)


def _read(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError("%(file)s: %(why)s", file=file, why=error.strerror or "cannot be read") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError("%(file)s is not YAML: %(why)s", file=file, why=" ".join(str(error).split())) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError("%(file)s: a mapping of settings is expected", file=file)
    return values


def _parse_setting(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError('"%(text)s" is not a setting; write KEY=VALUE, such as DATA.BASE_PATH=data.', text=text)
    try:
        nested: Any = yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError("%(key)s: the value is not YAML", key=key) from None
    for part in reversed(key.strip().split(".")):
        nested = {part: nested}
    return dict(nested)


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge `above` over `below`, section by section."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
