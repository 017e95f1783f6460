"""The creator's profile."""

from litestar import get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from service.creator_api.schemas import ProfileBody
from service.http.login import Person
from service.knowledge.profiles import ProfileFact
from service.usecases import open_profile
from service.usecases.context import Context


@put("/profile")
async def put_profile(
    data: JSONBody[ProfileBody], person: NamedDependency[Person], context: NamedDependency[Context]
) -> ProfileFact:
    """Opens a profile, or changes it."""
    return await open_profile.open_profile(
        context, account_id=person.account_id, handle=data.handle, name=data.name, bio=data.bio
    )


@get("/profile")
async def get_profile(person: NamedDependency[Person], context: NamedDependency[Context]) -> ProfileFact:
    """The profile, or 404 before there is one."""
    return await open_profile.read_profile(context, account_id=person.account_id)


handlers = [put_profile, get_profile]
