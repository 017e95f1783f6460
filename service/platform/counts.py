"""What this process counts for Prometheus, wherever it runs.

Under ``zhihao serve`` every process writes its counts into the folder that a scrape of any API process reads
(``service.http.metrics``). A worker of its own has no scrape: the gauges, read from the database, tell of it.
"""

from prometheus_client import Counter

WEBHOOK_TRIES = Counter(
    "zhihao_webhook_tries", "Tries to tell an endpoint, by what came of them.", ("outcome",), registry=None
)
LETTERS = Counter(
    "zhihao_letters", "Tries to send a letter, by what came of them.", ("letter", "outcome"), registry=None
)
