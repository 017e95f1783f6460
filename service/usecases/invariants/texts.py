"""Citations are verbatim, and knowledge bases count their documents right."""

from service.usecases.invariants.invariant import Invariant

TEXTS = (
    Invariant(
        "citations.verbatim",
        "A citation is its revision's text, word for word (the newest thousand answers).",
        """
        WITH newest AS (
          SELECT id, citations FROM answer WHERE jsonb_array_length(citations) > 0 ORDER BY id DESC LIMIT 1000
        ), cited AS (
          SELECT newest.id, (c ->> 'revision_id')::uuid AS revision_id, (c ->> 'start')::int AS first,
                 (c ->> 'end')::int AS last, c ->> 'quote' AS quote,
                 c ->> 'sha256' AS sha256
          FROM newest, jsonb_array_elements(citations) AS c
        )
        SELECT format('answer %s cites %s [%s, %s)', cited.id, revision_id, first, last) AS what
        FROM cited LEFT JOIN revision ON revision.id = revision_id
        WHERE substr(revision.text, first + 1, last - first) IS DISTINCT FROM quote
           OR encode(sha256(convert_to(quote, 'UTF8')), 'hex') IS DISTINCT FROM cited.sha256
        """,
    ),
    Invariant(
        "knowledge.counts",
        "A knowledge base's document counts are those of its documents.",
        """
        SELECT format('%s says %s paid, %s free; has %s, %s', id, paid_documents, free_documents, paid, free)
          AS what
        FROM knowledge_base LEFT JOIN LATERAL (
          SELECT count(*) FILTER (WHERE tier = 'paid') AS paid, count(*) FILTER (WHERE tier = 'free') AS free
          FROM document
          WHERE knowledge_base_id = knowledge_base.id AND status = 'ready' AND document.deleted_at IS NULL
        ) AS counted ON true
        WHERE knowledge_base.deleted_at IS NULL AND (paid_documents, free_documents) <> (paid, free)
        """,
    ),
)
