"""The site's languages: which one a request gets, the switch, and the compiled catalogues."""

import os
import tempfile
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Blueprint, Flask, redirect, request
from flask_babel import Babel, get_locale, gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from rpf.errors import RPFError
from webapp.subpath import cookie_path

LANGUAGES = {"en": "English", "vi": "Tiếng Việt"}
COOKIE = "language"
YEAR = 365 * 24 * 3600

bp = Blueprint("i18n", __name__)


def init_app(app: Flask, sources: Path, compiled: Path) -> None:
    """Compile the catalogues of `sources` into `compiled` where they are missing or of another age, and use them."""
    for source in sources.glob("*/LC_MESSAGES/*.po"):
        _compile(source, compiled / source.relative_to(sources).with_suffix(".mo"))
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(compiled)
    Babel(app, locale_selector=_choose)
    app.jinja_env.globals.update(language=language, languages=LANGUAGES)


def N_(text: str) -> str:
    """Mark a text for translation; gettext is called where it is shown."""
    return text


def language() -> str:
    """The language of this request: a key of LANGUAGES."""
    locale = get_locale()
    return locale.language if locale else "en"


def message(error: RPFError) -> str:
    """An error's message in the language of this request."""
    return gettext(error.template) % error.params


@bp.get("/language/<code>")
def switch(code: str) -> Response:
    """Remember the language and go back to the page that `next` names."""
    if code not in LANGUAGES:
        raise NotFound
    response = redirect(_local(request.args.get("next", "")), 303)
    response.set_cookie(COOKIE, code, max_age=YEAR, path=cookie_path(), samesite="Lax", httponly=True)
    return response


def _choose() -> str:
    chosen = request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return chosen
    return request.accept_languages.best_match(list(LANGUAGES)) or "en"


def _local(address: str) -> str:
    """Return the address if it stays on this site however a browser reads it ("//host", "/\\host" would leave).

    Else return that of the site's front page.
    """
    stays = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if stays else cookie_path()


def _compile(source: Path, target: Path) -> None:
    age = source.stat().st_mtime_ns
    if target.exists() and target.stat().st_mtime_ns == age:
        return
    with source.open("rb") as file:
        catalogue = read_po(file, locale=source.parts[-3])
    target.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and moved, because another process may be reading or compiling the same catalogue.
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as out:
        write_mo(out, catalogue)
    os.utime(out.name, ns=(age, age))
    os.replace(out.name, target)
