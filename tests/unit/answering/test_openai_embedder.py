import math

import pytest

from service.answering.openai_embedder import _vectors


def test_vectors_are_in_the_order_of_the_texts_and_of_length_one() -> None:
    assert _vectors([(1, [0.0, 2.0]), (0, [3.0, 4.0])], 2) == [[0.6, 0.8], [0.0, 1.0]]


@pytest.mark.parametrize(
    "said",
    [
        [(0, [1.0])],
        [(0, [1.0]), (0, [1.0])],
        [(0, [1.0]), (2, [1.0])],
        [(0, [1.0]), (1, [0.0])],
        [(0, [1.0]), (1, [math.nan])],
        [(0, [1.0]), (1, [1.0, 2.0])],
    ],
)
def test_anything_else_is_no_answer(said: list[tuple[int, list[float]]]) -> None:
    with pytest.raises(ValueError, match="not "):
        _vectors(said, 2)
