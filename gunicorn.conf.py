"""Settings of `gunicorn wsgi:app` (see also `make serve`). One process with threads: the model is in memory once."""

import os

bind = os.environ.get("RPF_BIND") or f"0.0.0.0:{os.environ.get('PORT') or 8000}"
worker_class = "gthread"
workers = 1
threads = 8
timeout = 120  # a worker that is silent for so long is replaced; a slow request alone does not silence it
graceful_timeout = 30
keepalive = 5
preload_app = False  # a model and its threads made before the fork would not survive it
control_socket_disable = True


def post_worker_init(worker):  # type: ignore[no-untyped-def]
    """Begin to prepare the engine at once, not at the first request."""
    from webapp import begin

    begin(worker.wsgi)
