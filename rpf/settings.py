"""Where things are and what is used, from the environment: read by the command line and the site alike."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from rpf.errors import ConfigError
from rpf.utils.files import load_or_create_secret
from rpf.utils.paths import SHIPPED_FOLDER, WORK_FOLDER

DEFAULT_COLLECTION = "wardrobe"
DEFAULT_CHECKPOINT = SHIPPED_FOLDER / "runs" / "rpf-small" / "model.safetensors"


@dataclass(frozen=True)
class Settings:
    """Paths and names that every way into the program shares (the README has the table)."""

    collections: Path = WORK_FOLDER / "collections"
    collection: str = DEFAULT_COLLECTION
    checkpoint: Path = DEFAULT_CHECKPOINT
    instance: Path = WORK_FOLDER / "instance"
    image_roots: tuple[Path, ...] = field(default=())
    device: str = "auto"
    threads: int = 0
    precision: str = "auto"
    index_method: str = "auto"
    max_queue: int = 48  # pictures that wait for the model or are in it, at most

    @classmethod
    def from_environ(cls) -> "Settings":
        """Settings from RPF_* variables; whatever is unset or empty keeps its default. Raises ConfigError."""
        env = {key: value for key, value in os.environ.items() if value}
        threads, queue = env.get("RPF_THREADS", "0"), env.get("RPF_MAX_QUEUE", str(cls.max_queue))
        if not threads.isdecimal():
            raise ConfigError('RPF_THREADS must be a whole number, not "%(text)s".', text=threads)
        if not queue.isdecimal() or not int(queue):
            raise ConfigError('RPF_MAX_QUEUE must be a whole number from 1 up, not "%(text)s".', text=queue)
        roots = env.get("RPF_IMAGE_ROOTS", "").split(os.pathsep)
        return cls(
            collections=Path(env.get("RPF_COLLECTIONS", cls.collections)),
            collection=env.get("RPF_COLLECTION", cls.collection),
            checkpoint=Path(env.get("RPF_CHECKPOINT", cls.checkpoint)),
            instance=Path(env.get("RPF_INSTANCE", cls.instance)),
            image_roots=tuple(Path(root) for root in roots if root),
            device=env.get("RPF_DEVICE", cls.device),
            threads=int(threads),
            precision=env.get("RPF_PRECISION", cls.precision),
            index_method=env.get("RPF_INDEX_METHOD", cls.index_method),
            max_queue=int(queue),
        )

    @property
    def indexes(self) -> Path:
        """The folder of this installation's search indexes."""
        return self.instance / "indexes"

    def index_key(self) -> str:
        """The key by which this installation knows the indexes that it made. Raises ConfigError."""
        return self._secret("index_key")

    def session_key(self) -> str:
        """The key that signs sessions and forms. Raises ConfigError."""
        return os.environ.get("SECRET_KEY") or self._secret("secret_key", ", or set SECRET_KEY")

    def _secret(self, name: str, otherwise: str = "") -> str:
        try:
            return load_or_create_secret(self.instance / name)
        except OSError as error:
            raise ConfigError(
                'The %(name)s cannot be kept in "%(folder)s": %(why)s. Set RPF_INSTANCE to a folder that can be '
                "written%(otherwise)s.",
                name=name, folder=self.instance, why=error.strerror, otherwise=otherwise,
            ) from error  # fmt: skip

    def with_checkpoint(self, checkpoint: Path) -> "Settings":
        """The same settings with another weights file."""
        return replace(self, checkpoint=checkpoint)
