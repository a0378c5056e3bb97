"""Search form: an image, and attributes by check box or in words."""

from contextlib import suppress

from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import FileStorage
from wtforms import HiddenField, SelectMultipleField, StringField
from wtforms.validators import Length, Optional, Regexp, ValidationError

from rpf.attributes import Vocabulary
from rpf.errors import UnknownAttribute
from webapp.i18n import language, message
from webapp.pictures import Picture


class SearchForm(FlaskForm):
    """Form of a search. The image is `image` or `camera`, else `upload` (saved at a first attempt)."""

    image = FileField(lazy_gettext("A photo of a garment"))
    camera = FileField(lazy_gettext("Take a photo"))
    upload = HiddenField(validators=[Optional(), Regexp(r"[0-9a-f]{64}\Z")])
    a = SelectMultipleField(lazy_gettext("Details to compare"), validate_choice=False)
    attrs_instead = HiddenField(validators=[Length(max=500)])  # a correction of the text that was pressed
    attrs = StringField(
        lazy_gettext("Or in your own words, such as: long sleeves, V neck"), validators=[Length(max=500)]
    )

    def __init__(self, vocabulary: Vocabulary, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.vocabulary = vocabulary
        self.attrs.data = self.attrs_instead.data or self.attrs.data
        self.chosen: dict[str, int | None] = {}  # attribute -> wanted value, once the form has been validated
        self.corrections: list[str] = []  # of the text, where a part of it is not understood

    @property
    def image_file(self) -> FileStorage | None:
        """Return the uploaded file, if there is one."""
        return self.image.data or self.camera.data

    @property
    def picture(self) -> Picture | None:
        """Return the picture to search with; an uploaded file once its digest is in `upload`."""
        return Picture.parse({"upload": self.upload.data or ""})

    @property
    def has_image(self) -> bool:
        """Tell whether there is an image of any kind."""
        return bool(self.image_file or self.picture)

    def validate_attrs(self, field: StringField) -> None:
        if field.data and field.data.strip():
            try:
                self.chosen = self.vocabulary.parse(field.data, language())
            except UnknownAttribute as error:
                self.corrections = corrections(self.vocabulary, field.data, error)
                raise ValidationError(message(error)) from None

    def validate(self, extra_validators: object = None) -> bool:
        """Return whether the form is valid; `chosen` then has all ticked and typed attributes in order.

        An image may come without attributes, and attributes with wanted values may come without an image.
        """
        valid = super().validate(extra_validators)
        ticked = dict[str, int | None].fromkeys(key for key in self.a.data or () if key in self.vocabulary)
        chosen = ticked | self.chosen
        self.chosen = {key: chosen[key] for key in self.vocabulary.keys if key in chosen}
        if not valid or self.has_image or (chosen and None not in chosen.values()):
            return valid
        self.image.errors = [gettext("Choose a photo, or pick one of the garments shown.")]
        return False


def corrections(vocabulary: Vocabulary, text: str, error: UnknownAttribute) -> list[str]:
    """Return the text with the part that is not understood replaced by each suggestion, and without it."""
    part, suggestions = str(error.params["part"]), error.params["suggestions"]
    if not part or part not in text or not isinstance(suggestions, list):
        return []
    instead = [text.replace(part, vocabulary.label(key, value, language()), 1) for key, value in suggestions]
    with suppress(UnknownAttribute):  # what is left may be a search
        rest = vocabulary.parse(text.replace(part, "", 1), language())
        instead.append("; ".join(vocabulary.label(key, value, language()) for key, value in rest.items()))
    return list(dict.fromkeys(instead))
