"""Values of the items of a collection, from the embeddings that are stored."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from rpf.collection.items import read_items
from rpf.collection.segment_view import ClassifyVectors
from rpf.models.value_classifier import ValueClassifier


def classify_items(folder: Path, classifier: ValueClassifier) -> ClassifyVectors:
    """Return what gives the values of a collection's items from their embeddings, and their sizes in its table."""

    def classify(embeddings: npt.NDArray[np.floating], ids: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        items = read_items(folder, ids.tolist())
        sizes = np.array([(items[item_id].width, items[item_id].height) for item_id in ids.tolist()])
        return classifier.probabilities(embeddings, sizes[:, 1] / sizes[:, 0])

    return classify
