"""Everything that must always hold, in the order the doctor asks it. A room adds its own file."""

from service.usecases.invariants.grants import GRANTS
from service.usecases.invariants.inbox import INBOX
from service.usecases.invariants.ledger import LEDGER
from service.usecases.invariants.metering import METERING
from service.usecases.invariants.orphans import ORPHANS
from service.usecases.invariants.sales import SALES
from service.usecases.invariants.shares import SHARES
from service.usecases.invariants.texts import TEXTS
from service.usecases.invariants.work import WORK

INVARIANTS = (*LEDGER, *SALES, *METERING, *SHARES, *GRANTS, *INBOX, *TEXTS, *WORK, *ORPHANS)
