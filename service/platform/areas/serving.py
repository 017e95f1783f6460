"""Settings of what is served over HTTP."""

from pydantic import BaseModel, Field

from service.platform.areas.values import MEBIBYTE


class ServingSettings(BaseModel):
    max_body_bytes: int = Field(4 * MEBIBYTE, ge=1)
    """Of a JSON body. Uploads have their own limit."""
    max_upload_bytes: int = Field(256 * MEBIBYTE, ge=1)
    page_limit_default: int = Field(20, ge=1)
    page_limit_max: int = Field(100, ge=1)
    idempotency_hours: int = Field(24, ge=1)
    idempotency_lease_seconds: int = Field(60, ge=1)
    drain_seconds: float = Field(8.0, ge=0)
