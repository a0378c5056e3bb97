"""Search form: an image, and attributes by check box or in words."""

from flask_babel import gettext, lazy_gettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import FileStorage
from wtforms import HiddenField, SelectMultipleField, StringField
from wtforms.validators import Length, Optional, Regexp, ValidationError

from rpf.attributes import Vocabulary
from webapp.pictures import Picture
from webapp.words import Values, read_words


class SearchForm(FlaskForm):
    """Form of a search.

    The image is `sample`, the item whose button was pressed, else `image` or `camera`, else what was chosen at a first
    attempt: `upload` or `item`.
    """

    image = FileField(lazy_gettext("A photo of a garment"))
    camera = FileField(lazy_gettext("Take a photo"))
    sample = HiddenField()
    item = HiddenField()
    upload = HiddenField(validators=[Optional(), Regexp(r"[0-9a-f]{64}\Z")])
    a = SelectMultipleField(lazy_gettext("Details to compare"), validate_choice=False)
    attrs_instead = HiddenField(validators=[Length(max=500)])  # a correction of the text that was pressed
    attrs = StringField(
        lazy_gettext("Or in your own words, such as: long sleeves, V neck"), validators=[Length(max=500)]
    )

    def __init__(self, vocabulary: Vocabulary, values: Values, **kwargs: object) -> None:
        """values: those that can be wanted."""
        super().__init__(**kwargs)
        self.vocabulary, self.values = vocabulary, values
        self.attrs.data = self.attrs_instead.data or self.attrs.data
        self.chosen: dict[str, int | None] = {}  # attribute -> wanted value, once the form has been validated
        self.corrections: list[str] = []  # of the text
        self.is_unknown = False  # a part of the text is not understood

    @property
    def image_file(self) -> FileStorage | None:
        """Return the uploaded file, if there is one."""
        return None if self.sample.data else self.image.data or self.camera.data

    @property
    def picture(self) -> Picture | None:
        """Return the picture to search with; an uploaded file once its digest is in `upload`."""
        item = self.sample.data or ("" if self.upload.data else self.item.data)
        return Picture.parse({"item": item or "", "upload": self.upload.data or ""})

    @property
    def has_image(self) -> bool:
        """Tell whether there is an image of any kind."""
        return bool(self.image_file or self.picture)

    def validate_attrs(self, field: StringField) -> None:
        words = read_words(self.vocabulary, field.data or "", self.values, needs_values=not self.has_image)
        self.chosen, self.corrections = dict(words.chosen), list(words.instead)
        self.is_unknown = words.is_unknown
        if words.problem:
            raise ValidationError(words.problem)

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
