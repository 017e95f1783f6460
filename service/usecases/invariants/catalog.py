"""Everything that must always hold, in the order the doctor asks it. A room adds its own file."""

from service.usecases.invariants.books import BOOKS
from service.usecases.invariants.grants import GRANTS
from service.usecases.invariants.inbox import INBOX
from service.usecases.invariants.invoices import INVOICES
from service.usecases.invariants.ledger import LEDGER
from service.usecases.invariants.metering import METERING
from service.usecases.invariants.orphans import ORPHANS
from service.usecases.invariants.outgoing import OUTGOING
from service.usecases.invariants.payouts import PAYOUTS
from service.usecases.invariants.refunds import REFUNDS
from service.usecases.invariants.sales import SALES
from service.usecases.invariants.shares import SHARES
from service.usecases.invariants.subscriptions import SUBSCRIPTIONS
from service.usecases.invariants.texts import TEXTS
from service.usecases.invariants.work import WORK

INVARIANTS = (
    *LEDGER,
    *BOOKS,
    *SALES,
    *REFUNDS,
    *PAYOUTS,
    *METERING,
    *INVOICES,
    *SHARES,
    *GRANTS,
    *SUBSCRIPTIONS,
    *INBOX,
    *OUTGOING,
    *TEXTS,
    *WORK,
    *ORPHANS,
)
