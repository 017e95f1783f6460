"""What was begun has somebody who ends it."""

from service.usecases.invariants.invariant import Invariant

WORK = (
    Invariant(
        "work.jobs",
        "No job was given up.",
        """
        SELECT format('%s %s after %s attempts', task_name, id, attempts) AS what FROM procrastinate_jobs
        WHERE status = 'failed' AND task_name NOT LIKE 'periodic.%'
        """,
        quick=True,
    ),
    Invariant(
        "work.imports",
        "An import that has not ended has a job that will end it.",
        """
        SELECT format('import %s is %s', id, status) AS what FROM import_job
        WHERE status IN ('queued', 'running') AND NOT EXISTS (
          SELECT FROM procrastinate_jobs AS job
          WHERE job.args ->> 'import_id' = import_job.id::text AND job.status IN ('todo', 'doing')
        )
        """,
    ),
    Invariant(
        "work.documents",
        "A document that is not ready has a job that will make it so.",
        """
        SELECT format('document %s is %s', id, status) AS what FROM document
        WHERE status IN ('queued', 'parsing', 'indexing') AND deleted_at IS NULL
          AND EXISTS (SELECT FROM knowledge_base AS base
                      WHERE base.id = knowledge_base_id AND base.deleted_at IS NULL)
          AND NOT EXISTS (
            SELECT FROM procrastinate_jobs AS job
            WHERE job.args ->> 'document_id' = document.id::text AND job.status IN ('todo', 'doing')
          ) AND NOT EXISTS (
            SELECT FROM import_entry JOIN import_job ON import_job.id = import_id
            WHERE import_entry.document_id = document.id AND import_job.status IN ('queued', 'running')
          )
        """,
    ),
)
