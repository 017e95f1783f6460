"""Every setting of the service, read from ``ZHIHAO_*``. Every limit of the product is a number in an area.

Unset means embedded. ``deploy/.env.example`` lists them all; a test keeps it complete.
"""

from pydantic_settings import BaseSettings, SettingsConfigDict

from service.platform.areas.accounts import AccountSettings
from service.platform.areas.answering import AnsweringSettings
from service.platform.areas.finding import FindingSettings
from service.platform.areas.hosting import HostingSettings
from service.platform.areas.knowledge import KnowledgeSettings
from service.platform.areas.letters import LetterSettings
from service.platform.areas.metering import MeteringSettings
from service.platform.areas.outgoing import OutgoingSettings
from service.platform.areas.paying import PayingSettings
from service.platform.areas.selling import SellingSettings
from service.platform.areas.serving import ServingSettings
from service.platform.areas.sharing import SharingSettings


class Settings(
    HostingSettings,
    ServingSettings,
    AccountSettings,
    KnowledgeSettings,
    FindingSettings,
    AnsweringSettings,
    SellingSettings,
    MeteringSettings,
    SharingSettings,
    PayingSettings,
    OutgoingSettings,
    LetterSettings,
    BaseSettings,
):
    """Values are in the units their names or comments give; money is in minor units of ``currency``.

    An area is a class of its own and only holds fields: the environment is read here.
    """

    model_config = SettingsConfigDict(env_prefix="ZHIHAO_", extra="ignore")
