"""Settings of mail, and of what its letters tell."""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from service.platform.areas.values import listed


class LetterSettings(BaseModel):
    mail_smtp_host: str = ""
    """Unset: letters are files in the folder ``mail`` of the data folder."""
    mail_smtp_port: int = Field(587, ge=1, le=65_535)
    mail_smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    mail_smtp_username: str = ""
    mail_smtp_password: SecretStr = SecretStr("")
    mail_from: str = "Zhihao <no-reply@localhost>"
    mail_timeout_seconds: float = Field(20.0, gt=0)
    mail_concurrency: int = Field(4, ge=1)
    mail_max_attempts: int = Field(12, ge=1)
    mail_sweep_seconds: int = Field(30, ge=1)
    mail_kept_days: int = Field(90, ge=1)
    renewal_notice_days: int = Field(7, ge=0)
    """How long before a yearly renewal its holder is told."""
    renewal_notice_intervals: str = "year"
    """Comma-separated: plans of these intervals, of ``month`` and ``year``, are told of."""
    trial_notice_days: int = Field(3, ge=0)
    """How long before a trial turns into a paid period its holder is told."""
    renewal_notice_seconds: int = Field(3600, ge=60)

    @property
    def noticed_intervals(self) -> tuple[str, ...]:
        return listed(self.renewal_notice_intervals)
