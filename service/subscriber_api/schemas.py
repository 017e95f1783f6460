"""What readers are answered, where it is not simply a fact of a use case."""

from msgspec import Struct

from service.usecases.search_square import CardFact


class SquareResult(Struct, kw_only=True):
    """A page of the square; ``facets`` and ``total`` count all matches."""

    data: list[CardFact]
    facets: dict[str, dict[str, int]]
    total: int
    next_cursor: str | None = None
