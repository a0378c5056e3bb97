"""For gunicorn: `gunicorn wsgi:app` in this folder, `gunicorn -c FOLDER/gunicorn.conf.py wsgi:app` elsewhere."""

import os
import sys
from pathlib import Path

from rpf.errors import RPFError
from webapp import create_app

LOAD_ERROR = 4  # tells gunicorn that another worker would fail as well

if os.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn/") and "__config__" not in sys.modules:
    conf = Path(__file__).resolve().with_name("gunicorn.conf.py")
    print(f"Warning: gunicorn has not read its settings; start it with -c {conf}", file=sys.stderr)
try:
    app = create_app()
except RPFError as error:
    print(f"Error: {error}", file=sys.stderr)
    sys.exit(LOAD_ERROR)
