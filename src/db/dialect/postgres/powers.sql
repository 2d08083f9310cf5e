WITH me AS (SELECT oid FROM pg_roles WHERE rolname = $1),
reached AS (SELECT r.*, CASE WHEN r.oid <> me.oid THEN (SELECT min(CAST(g.rolname AS text))
FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
WHERE m.member = me.oid AND pg_has_role(m.roleid, r.oid, 'MEMBER')) END AS via
FROM pg_roles r, me WHERE pg_has_role(me.oid, r.oid, 'MEMBER') AND r.rolname <> 'pg_database_owner')
SELECT 'attribute' AS kind, a.name, via FROM reached, LATERAL (VALUES ('SUPERUSER', rolsuper),
('CREATEROLE', rolcreaterole), ('BYPASSRLS', rolbypassrls), ('REPLICATION', rolreplication)) a(name, is_set)
WHERE a.is_set
UNION SELECT 'predefined', CAST(rolname AS text), via FROM reached WHERE rolname IN ('pg_execute_server_program',
'pg_read_server_files', 'pg_write_server_files', 'pg_write_all_data') AND via IS NOT NULL
UNION SELECT 'database', CAST(d.datname AS text), via FROM reached r JOIN pg_database d ON d.datdba = r.oid
WHERE d.datname = current_database()
UNION SELECT 'schema', CAST(n.nspname AS text), via FROM reached r JOIN pg_namespace n ON n.nspowner = r.oid
WHERE n.nspname = current_schema()
UNION SELECT 'table', CAST(c.relname AS text), via FROM reached r JOIN pg_class c ON c.relowner = r.oid
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname = current_schema()
ORDER BY 1, 2, 3
