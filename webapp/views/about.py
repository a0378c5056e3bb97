"""About page: the collection, the model, its accuracy and the speed of searches."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from flask import Blueprint, render_template
from flask_babel import gettext

from rpf.attributes import Vocabulary
from rpf.engine import Accuracy, AccuracyReport, ValueAccuracy, WordMeaning
from webapp import extensions, view_models
from webapp.i18n import N_

MIN_PHOTOS = 20  # below which a figure would say nothing
OVERALL = "overall"
TITLES = {"clothing": N_("Garments lying flat or on a hanger"), "street": N_("People in the street")}  # by data set

bp = Blueprint("about", __name__, url_prefix="/c/<name>")


@dataclass(frozen=True)
class ReportView:
    """An accuracy report as the page shows it: without the rows of too few photos."""

    title: str
    accuracy: Sequence[Accuracy]
    values: Sequence[ValueAccuracy]
    words: Sequence[WordMeaning]
    few_queries: Sequence[str]  # attributes that were searched by in too few photos
    few_labels: Sequence[str]  # attributes that too few photos show

    @classmethod
    def of(cls, report: AccuracyReport, vocabulary: Vocabulary) -> "ReportView":
        """Choose what a report tells about the attributes of a collection."""
        rows = [row for row in report.accuracy if row.key in (*vocabulary.keys, OVERALL)]
        values = [row for row in report.recognition.values if row.key in vocabulary]
        return cls(
            gettext(TITLES[report.dataset]) if report.dataset in TITLES else report.dataset,
            [row for row in rows if row.queries >= MIN_PHOTOS],
            [row for row in values if row.labels >= MIN_PHOTOS],
            report.recognition.words,
            [row.key for row in rows if row.queries < MIN_PHOTOS and row.key != OVERALL],
            [row.key for row in values if row.labels < MIN_PHOTOS],
        )


@bp.get("/about")
def about(name: str) -> str:
    """Show the About page."""
    engine = extensions.engine_loader.engine
    collection = engine.collection(name)
    search_seconds = list(extensions.engine_loader.search_seconds)
    return render_template(
        "about.html",
        collection=collection,
        summary=engine.product_summary(name),
        result_count=engine.count_results(name, "product"),
        model=engine.model,
        model_name=engine.model_name,
        method=engine.method(name),
        index_is_built=name in extensions.index_builder.building,
        colours=view_models.attribute_colours(collection.vocabulary),
        reports=[ReportView.of(report, collection.vocabulary) for report in engine.accuracy_reports],
        min_photos=MIN_PHOTOS,
        search_seconds=search_seconds,
        median_seconds=median(search_seconds) if search_seconds else None,
    )
