"""Languages of the site: the choice for a request, and the switch. Catalogues: `pybabel compile -d translations`."""

from pathlib import Path

from flask import Blueprint, Flask, g, redirect, request
from flask_babel import Babel, get_locale, gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from rpf.errors import RPFError
from webapp.middleware.security_headers import YEAR_SECONDS
from webapp.middleware.subpath import cookie_path

LANGUAGES = {"en": "English", "vi": "Tiếng Việt"}
COOKIE = "language"

bp = Blueprint("i18n", __name__)


def init_app(app: Flask, translations: Path) -> None:
    """Use the catalogues `<language>/LC_MESSAGES/messages.mo` of a folder."""
    Babel(app, locale_selector=_select_language, default_translation_directories=str(translations))
    app.jinja_env.globals.update(language=language, languages=LANGUAGES)


def N_(text: str) -> str:
    """Mark a text for translation; gettext is called where it is shown."""
    return text


def language() -> str:
    """Return the language of this request: a key of LANGUAGES."""
    return str(get_locale().language)


def message(error: RPFError) -> str:
    """Return an error's message in the language of this request."""
    return gettext(error.template) % error.params


@bp.get("/language/<code>")
def switch(code: str) -> Response:
    """Remember the language and go back to the page that `next` names."""
    if code not in LANGUAGES:
        raise NotFound
    response = redirect(_local(request.args.get("next", "")), 303)
    response.set_cookie(COOKIE, code, max_age=YEAR_SECONDS, path=cookie_path(), samesite="Lax", httponly=True)
    return response


def _select_language() -> str:
    chosen = g.widget.arguments.get("language") if "widget" in g else request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return chosen
    return request.accept_languages.best_match(list(LANGUAGES)) or "en"


def _local(address: str) -> str:
    """Return the address if it stays on this site however a browser reads it ("//host", "/\\host" would leave).

    Else return that of the site's front page.
    """
    stays = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if stays else cookie_path()
