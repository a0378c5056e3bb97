"""Value classifier: probabilities against a computation by hand, its file, and files that cannot be used."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from rpf.errors import CheckpointError
from rpf.models.value_classifier import ValueClassifier, classifier_path, read_classifier

RNG = np.random.default_rng(3)


def unit(*shape: int) -> np.ndarray:
    vectors = RNG.normal(size=shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def classifier(checkpoint: str = "abc") -> ValueClassifier:
    vectors = unit(3, 4, 8)
    vectors[1, 3] = np.nan  # the second attribute has three values
    scales = RNG.uniform(1, 9, (2, 3, 2)).astype(np.float32)
    biases = RNG.normal(size=(2, 3, 4)).astype(np.float32)
    return ValueClassifier(vectors, scales, biases, tall_aspect=1.5, checkpoint=checkpoint)


def test_probabilities_are_a_softmax_of_scaled_products_and_biases() -> None:
    one, embeddings = classifier(), unit(5, 3, 8)
    aspects = np.array([1.0, 1.5, 1.6, 0.4, 3])
    probabilities = one.probabilities(embeddings, aspects)
    np.testing.assert_allclose(probabilities.sum(axis=2), 1, atol=1e-5)
    assert (probabilities[:, 1, 3] == 0).all()
    for image, attribute in np.ndindex(5, 3):
        scales, biases = (part[int(aspects[image] > 1.5), attribute] for part in (one.scales, one.biases))
        logits = [
            scales[0] * (embeddings[image, attribute, :4] @ vector[:4])
            + scales[1] * (embeddings[image, attribute, 4:] @ vector[4:])
            + biases[value]
            for value, vector in enumerate(one.vectors[attribute])
            if not np.isnan(vector[0])
        ]
        expected = np.exp(logits) / np.exp(logits).sum()
        np.testing.assert_allclose(probabilities[image, attribute, : len(expected)], expected, atol=1e-5)


def test_attributes_that_were_not_embedded_have_no_probabilities() -> None:
    embeddings = unit(2, 3, 8)
    embeddings[0, 2] = np.nan
    probabilities = classifier().probabilities(embeddings, np.ones(2))
    assert np.isnan(probabilities[0, 2]).all()
    assert not np.isnan(np.delete(probabilities.reshape(6, 4), 2, axis=0)).any()


@pytest.mark.parametrize("name", ["model.safetensors", "model.pth.tar", "model.pth", "model.pt"])
def test_classifier_is_read_as_it_was_written(tmp_path: Path, name: str) -> None:
    one = classifier()
    one.scales = np.concatenate([one.scales, one.scales], axis=2)[..., :2]  # a view
    one.save(classifier_path(tmp_path / name))
    assert [path.name for path in tmp_path.iterdir()] == ["model.values.safetensors"]
    again = read_classifier(tmp_path / name, "abc", 3, 8)
    assert again is not None and again.count == one.count == 11
    for field in ("vectors", "scales", "biases", "tall_aspect"):
        np.testing.assert_array_equal(getattr(again, field), getattr(one, field))


def test_classifier_of_other_weights_or_none_is_not_used(tmp_path: Path) -> None:
    assert read_classifier(tmp_path / "model.safetensors", "abc", 3, 8) is None
    classifier("other").save(tmp_path / "model.values.safetensors")
    assert read_classifier(tmp_path / "model.safetensors", "abc", 3, 8) is None


def test_unusable_classifier_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "model.values.safetensors"
    classifier().save(file)
    for attributes, dim in ((2, 8), (3, 10)):
        with pytest.raises(CheckpointError, match="fit-values"):
            read_classifier(tmp_path / "model.safetensors", "abc", attributes, dim)
    save_file({"vectors": unit(3, 4, 8)}, file, {"format": "rpf-values-2", "checkpoint": "abc"})
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_classifier(tmp_path / "model.safetensors", "abc", 3, 8)
    file.write_bytes(b"not safetensors")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_classifier(tmp_path / "model.safetensors", "abc", 3, 8)
