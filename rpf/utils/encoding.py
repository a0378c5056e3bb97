"""Encoding of file names and of arguments."""

import locale
import os
import sys


def use_utf8() -> None:
    """Start this program again in Python's UTF-8 mode where the locale has another encoding, such as ASCII.

    In such a locale, Python cannot open an image whose name has other letters, and misreads arguments. Output stays in
    the encoding of the locale.
    """
    if sys.getfilesystemencoding() == "utf-8" or os.environ.get("PYTHONUTF8") == "1":
        return
    os.environ["PYTHONUTF8"] = "1"
    os.environ.setdefault("PYTHONIOENCODING", f"{locale.getpreferredencoding(False)}:backslashreplace")
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
