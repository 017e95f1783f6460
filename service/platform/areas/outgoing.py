"""Settings of webhooks out, and of all requests to addresses that strangers name."""

from pydantic import BaseModel, Field

from service.platform.areas.values import listed


class OutgoingSettings(BaseModel):
    outgoing_retry_seconds: str = "5,300,1800,7200,18000,36000,50400,72000,86400"
    """The waits between tries of one event; after the last it is given up."""
    outgoing_disable_days: float = Field(5.0, gt=0)
    """How long an endpoint may fail, with nothing delivered, before it is disabled."""
    outgoing_timeout_seconds: float = Field(15.0, gt=0)
    outgoing_response_bytes: int = Field(2048, ge=0)
    """Of an endpoint's answer, kept for its owner."""
    outgoing_concurrency: int = Field(32, ge=1)
    outgoing_per_endpoint: int = Field(4, ge=1)
    """Tries under way at once to one endpoint; of one object always one."""
    outgoing_sweep_seconds: int = Field(5, ge=1)
    outgoing_kept_days: int = Field(30, ge=1)
    outgoing_max_endpoints: int = Field(20, ge=1)
    """Of one creator or organization."""
    outgoing_replay_max: int = Field(10_000, ge=1)
    outgoing_overlap_max_seconds: int = Field(7 * 24 * 3600, ge=0)
    egress_ports: str = "80,443,8080,8443"
    """Of addresses that webhooks are sent to."""
    egress_allow_loopback: bool = False
    """For trying things out on one machine: such requests may go to this machine. Not in production."""

    @property
    def outgoing_waits(self) -> tuple[float, ...]:
        return tuple(float(wait) for wait in listed(self.outgoing_retry_seconds))

    @property
    def egress_port_numbers(self) -> frozenset[int]:
        return frozenset(int(port) for port in listed(self.egress_ports))
