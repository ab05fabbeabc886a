-- Kinds of findings that nobody looked for, or not to the end: no finding of these means nothing.
SELECT finding, "table", collected, rows_seen, beyond FROM finding_kinds WHERE collected NOT IN ('ok', 'absent') OR beyond > 0 ORDER BY finding;
