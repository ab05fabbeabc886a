-- Every finding with the row that it rests on first: object and number of the row.
SELECT finding, about, pid, name, path, records ->> '$[0].object' AS object, (records ->> '$[0].row')::BIGINT AS "row", records
FROM findings ORDER BY finding, seq;
