"""Texts of a form that is asked in many places, as the OpenAPI document tells it.

The rooms refuse what is not of the form, with an error of their own; here nothing is refused but length.
"""

from typing import Annotated

from msgspec import Meta

MONTH = {"pattern": "^([2-8][0-9]|9[0-8])[0-9]{2}-(0[1-9]|1[0-2])$"}

Email = Annotated[str, Meta(max_length=254, extra_json_schema={"format": "email"})]
ChosenPassword = Annotated[str, Meta(extra_json_schema={"minLength": 8, "maxLength": 1024})]
"""As long as the settings ask for unless they are changed."""
Handle = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=40,
        extra_json_schema={"pattern": "^[A-Za-z0-9]([A-Za-z0-9_.-]{0,38}[A-Za-z0-9])?$"},
    ),
]
Country = Annotated[str, Meta(min_length=2, max_length=2, extra_json_schema={"pattern": "^[A-Za-z]{2}$"})]
"""Two letters of ISO 3166-1."""
