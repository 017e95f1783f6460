"""Types as schemas of the OpenAPI document: by msgspec, which reads and writes them, and as strict."""

from collections.abc import Iterable
from inspect import cleandoc
from typing import Any

import msgspec
from litestar.datastructures import UploadFile
from msgspec import inspect as shapes

from billing.money import MAX_AMOUNT, Money
from service.http.addressed import complete_field

Json = dict[str, Any]

REF = "#/components/schemas/"
FILE = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
CHECKED: dict[type, Json] = {
    Money: {
        "amount": {"minimum": -MAX_AMOUNT, "maximum": MAX_AMOUNT},
        "currency": {"pattern": "^[a-z]{3}$"},
    }
}
"""What a class checks by itself and its types do not say."""
ROOMS = {"subscriber_api": "Reader"}
"""What stands before the name of a class that is not the only one of its name; else its room does."""

Classes = dict[Any, shapes.Type]


class Described:
    """The schemas of ``read`` types, that requests hold, and of ``written`` ones, that answers hold.

    What is written has every field, but those that may be left out when they are nothing; what is read needs
    those that have no default. A type of both is described as it is read.
    """

    def __init__(self, read: Iterable[Any], written: Iterable[Any]) -> None:
        read, written = list(read), list(written)
        asked, classes = classes_of(read), classes_of([*read, *written])
        kinds = [*read, *written, *classes]
        named, components = msgspec.json.schema_components(
            kinds, schema_hook=_unknown, ref_template=REF + "{name}"
        )
        first = len(kinds) - len(classes)
        given = {cls: named[first + index]["$ref"].removeprefix(REF) for index, cls in enumerate(classes)}
        short = {name: _short(cls, name) for cls, name in given.items()}
        if len(set(short.values())) < len(classes):
            raise ValueError("two types of the document have one name")
        for cls, name in given.items():
            _complete(components[name], classes[cls], is_read=cls in asked)
        self.components: dict[str, Json] = {
            short[name]: _renamed(components[name], short) for name in components
        }
        self._schemas = [_renamed(schema, short) for schema in named[:first]]

    def schemas(self) -> list[Json]:
        """One for each of ``read``, then one for each of ``written``."""
        return self._schemas


def classes_of(kinds: Iterable[Any]) -> Classes:
    """The classes with fields that ``kinds`` hold, however deep."""
    found: Classes = {}
    waiting: list[Any] = list(shapes.multi_type_info(kinds))
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, shapes.StructType | shapes.DataclassType | shapes.TypedDictType):
            if kind.cls in found:
                continue
            found[kind.cls] = kind
            waiting += [field.type for field in kind.fields]
        for inside in ("type", "item_type", "key_type", "value_type"):
            if isinstance(under := getattr(kind, inside, None), shapes.Type):
                waiting.append(under)
        waiting += [*getattr(kind, "types", ()), *getattr(kind, "item_types", ())]
    return dict(sorted(found.items(), key=lambda item: str(item[0])))


def _unknown(kind: type) -> Json:
    if issubclass(kind, UploadFile):
        return dict(FILE)
    raise NotImplementedError(f"no schema of {kind}")


def _short(cls: Any, name: str) -> str:
    """``KeyPage`` for ``Page[Key]``; a name that several classes have, with the room of each."""
    if name.startswith("Page_"):
        return f"{name.removeprefix('Page_').removesuffix('_')}Page"
    if "." not in name:
        return name
    room: str = cls.__module__.split(".")[1]
    return f"{ROOMS.get(room, room.removesuffix('_api').capitalize())}{cls.__name__}"


def _renamed(schema: Any, short: dict[str, str]) -> Any:
    """The same with other names, and with the types of plain enumerations said."""
    if isinstance(schema, list):
        return [_renamed(each, short) for each in schema]
    if not isinstance(schema, dict):
        return schema
    written = {name: _renamed(value, short) for name, value in schema.items()}
    if isinstance(reference := schema.get("$ref"), str):
        written["$ref"] = REF + short[reference.removeprefix(REF)]
    if isinstance(values := schema.get("enum"), list) and all(isinstance(value, str) for value in values):
        written.setdefault("type", "string")
    if schema.get("type") == "integer":
        written["format"] = "int64"
    return written


def _complete(component: Json, kind: shapes.Type, *, is_read: bool) -> None:
    component.pop("title", None)
    if "description" in component:
        first = cleandoc(str(component["description"])).partition("\n\n")[0]
        component["description"] = first.replace("``", "`")
    if not isinstance(kind, shapes.StructType | shapes.DataclassType):
        return
    for name, more in CHECKED.get(kind.cls, {}).items():
        component["properties"][name] |= more
    for field in kind.fields:
        _say_time(component["properties"][field.encode_name], field.type)
    if any(_alternatives(field.type, shapes.CustomType) for field in kind.fields):
        _as_form(component)
    if is_read:
        return
    for name, schema in component["properties"].items():
        complete_field(name, schema)
    config = getattr(kind.cls, "__struct_config__", None)
    omits_defaults = config is not None and config.omit_defaults
    required = [field.encode_name for field in kind.fields if field.required or _stays(field, omits_defaults)]
    for name in required:
        component["properties"][name].pop("default", None)
    component["required"] = required


def _alternatives(kind: shapes.Type, wanted: type[shapes.Type]) -> bool:
    """Whether it is of that sort, or may be."""
    several = kind.types if isinstance(kind, shapes.UnionType) else (kind,)
    return any(isinstance(each, wanted) for each in several)


def _say_time(schema: Json, kind: shapes.Type) -> None:
    """What is written has an offset, though its type does not ask for one."""
    if _alternatives(kind, shapes.DateTimeType):
        for each in schema.get("anyOf", [schema]):
            if each.get("type") == "string":
                each["format"] = "date-time"


def _as_form(component: Json) -> None:
    """Forms take no other fields, and have no null: what is nothing is left out."""
    component["additionalProperties"] = False
    for name, schema in component["properties"].items():
        if "anyOf" in schema:
            (given,) = [each for each in schema["anyOf"] if each != {"type": "null"}]
            component["properties"][name] = given


def _stays(field: shapes.Field, omits_defaults: bool) -> bool:
    """A field with a default is left out if its class says so; one that may be unset has no default."""
    has_default = field.default is not msgspec.NODEFAULT or field.default_factory is not msgspec.NODEFAULT
    return has_default and not omits_defaults
