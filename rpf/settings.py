"""Settings of the engine from RPF_* environment variables, for the command line and the site."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from typing_extensions import Self

from rpf.errors import ConfigError
from rpf.utils.paths import SHIPPED_FOLDER, WORK_FOLDER

PREFIX = "RPF_"
DEFAULT_COLLECTION = "wardrobe"
DEFAULT_CHECKPOINT = SHIPPED_FOLDER / "runs" / "rpf-small" / "model.safetensors"
# Variables of webapp.config.SiteConfig: known here, so that commands run in the site's environment.
SITE_VARIABLES = frozenset(
    f"{PREFIX}{name}"
    for name in (
        "ACCENT", "ALLOW_URLS", "BIND", "HTTPS", "METRICS", "RATE_LIMIT", "REQUEST_TIMEOUT", "SITE_LOGO", "SITE_NAME",
        "TRUSTED_PROXIES",
    )
)  # fmt: skip
# Pydantic's names of errors, in place of its words "a valid boolean", "a valid integer".
WANTED = {
    "bool_parsing": "0 or 1",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "float_parsing": "a number",
}


class EnvironmentSettings(BaseSettings):
    """Settings from RPF_* variables; an unset or empty variable keeps the default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
    )

    @classmethod
    def from_environ(cls) -> Self:
        """Read the environment. Raises ConfigError for an unusable value or an unknown RPF_ variable."""
        _check_names(os.environ)
        try:
            return cls()
        except ValidationError as error:
            first = error.errors()[0]
            raise ConfigError(
                '%(name)s must be %(wanted)s, not "%(text)s".',
                name=_variable(str(first["loc"][0])),
                wanted=WANTED.get(first["type"]) or first["msg"].removeprefix("Input should be "),
                text=first["input"],
            ) from None

    @classmethod
    def variables(cls) -> dict[str, FieldInfo]:
        """Return each environment variable with its field, for the documentation."""
        return {_variable(str(field.validation_alias or name)): field for name, field in cls.model_fields.items()}


class Settings(EnvironmentSettings):
    """Settings of the engine: paths, names, and how it computes and searches."""

    collection: str = Field(
        DEFAULT_COLLECTION, description="Collection the site opens with. The default one is drawn where it is missing."
    )
    collections: Path = Field(WORK_FOLDER / "collections", description="Folder of all collections.")
    checkpoint: Path = Field(DEFAULT_CHECKPOINT, description="Weights of the model.")
    image_roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        (),
        description="More folders that `img_path` may name and links may lead into (`--follow-links`), separated as in "
        "PATH.",
    )
    image_hosts: Annotated[frozenset[str], NoDecode] = Field(
        frozenset(),
        description="Hosts that `img_path` and feeds may name though they lie in a private network, as `host` or "
        "`host:port`, separated by commas.",
    )
    instance: Path = Field(
        WORK_FOLDER / "instance",
        description="Folder of this installation's data: uploads (deleted after 24 hours), thumbnails, compiled "
        "networks, search indexes, the session key, keys of the API, searches and events.",
    )
    index_method: str = Field(
        "auto", description="How collections are searched: `auto`, `exact` or the name of an index method."
    )
    milvus_uri: str = Field(
        "",
        description="Milvus server, such as `http://127.0.0.1:19530`; `https://` for TLS, a path for a database other "
        "than the default.",
    )
    milvus_token: str = Field(
        "", repr=False, description="`user:password` or an API key, where the Milvus server wants one."
    )
    milvus_index: str = Field(
        "FLAT",
        description="Index that the Milvus server builds: `FLAT` (exact), `HNSW` or `IVF_SQ8` (a quarter of the "
        "memory).",
    )
    milvus_replicas: int = Field(
        1, ge=1, le=99, description="Copies in memory of the Milvus index, on as many query nodes."
    )
    device: str = Field("auto", description="Device of the model: `auto`, `cpu`, `cuda`, `cuda:1`, ...")
    threads: int = Field(
        0, ge=0, description="Threads of the model; 0 for all cores that affinity and a CPU quota leave."
    )
    precision: str = Field(
        "auto",
        description="What the model computes in on a CPU: `float32`, `bfloat16`, `int8` (the file of `rpf quantize`; "
        "without one, 8 bits in the transformer only), or `auto`: the fastest here, of int8 only a file that agrees "
        "with float32.",
    )
    max_queue: int = Field(
        48, ge=1, description="Images that may wait for the model or be in it; more are answered with 503."
    )
    event_days: int = Field(
        90,
        ge=0,
        le=3650,
        description="Days for which searches of the API and events about them are stored (`rpf report events`); `0`: "
        "none are.",
    )

    @field_validator("image_roots", mode="before")
    @classmethod
    def _split_paths(cls, value: object) -> object:
        return tuple(filter(None, value.split(os.pathsep))) if isinstance(value, str) else value

    @field_validator("image_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        return frozenset(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @property
    def indexes(self) -> Path:
        """Return the folder of this installation's search indexes."""
        return self.instance / "indexes"


def _variable(field: str) -> str:
    """Return the environment variable of a field, or of the alias that a field has in place of a prefixed name."""
    return field if field.isupper() else f"{PREFIX}{field.upper()}"


def _check_names(environ: Mapping[str, str]) -> None:
    known = sorted({*Settings.variables(), *SITE_VARIABLES})
    for name in sorted(environ):
        if name.startswith(PREFIX) and environ[name] and name not in known:
            nearest = get_close_matches(name, known, 1)
            raise ConfigError(
                "%(name)s is not a setting" + ("; did you mean %(nearest)s?" if nearest else "."),
                name=name,
                nearest="".join(nearest),
            )
