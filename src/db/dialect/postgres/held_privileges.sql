WITH me AS (SELECT oid FROM pg_roles WHERE rolname = $1),
granted AS (
SELECT 'table' AS kind, c.relname AS in_table, CAST(NULL AS name) AS in_column, c.relowner AS owner, a.*
FROM pg_class c, aclexplode(COALESCE(c.relacl, acldefault('r', c.relowner))) a
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
UNION ALL SELECT 'column', c.relname, t.attname, c.relowner, a.*
FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
UNION ALL SELECT 'schema', NULL, NULL, n.nspowner, a.*
FROM pg_namespace n, aclexplode(COALESCE(n.nspacl, acldefault('n', n.nspowner))) a WHERE n.nspname = current_schema()
UNION ALL SELECT 'database', NULL, NULL, d.datdba, a.*
FROM pg_database d, aclexplode(COALESCE(d.datacl, acldefault('d', d.datdba))) a WHERE d.datname = current_database()
) SELECT g.kind, CAST(g.in_table AS text) AS in_table, CAST(g.in_column AS text) AS in_column,
CAST(g.privilege_type AS text) AS privilege, CAST(g.is_grantable AS text) AS is_option,
CASE WHEN g.grantee = 0 THEN 'everybody' WHEN g.grantee = me.oid AND g.grantor = g.owner THEN 'own'
WHEN g.grantee = me.oid THEN 'grantor' ELSE 'member' END AS way,
CASE WHEN g.grantee = me.oid THEN CAST(pg_get_userbyid(g.grantor) AS text) ELSE (
SELECT min(CAST(r.rolname AS text)) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
WHERE m.member = me.oid AND pg_has_role(m.roleid, g.grantee, 'MEMBER')) END AS other
FROM granted g, me WHERE g.grantee = 0 OR g.grantee = me.oid OR pg_has_role(me.oid, g.grantee, 'MEMBER')
AND pg_get_userbyid(g.grantee) <> 'pg_database_owner'
UNION ALL SELECT 'table', CAST(c.relname AS text), NULL, w.privilege, 'false', 'member', (
SELECT min(CAST(g.rolname AS text)) FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
WHERE m.member = me.oid AND pg_has_role(m.roleid, r.oid, 'MEMBER'))
FROM me, pg_roles r JOIN (VALUES ('pg_read_all_data', 'SELECT'), ('pg_write_all_data', 'INSERT'),
('pg_write_all_data', 'UPDATE'), ('pg_write_all_data', 'DELETE')) w(role, privilege) ON w.role = r.rolname, pg_class c
WHERE pg_has_role(me.oid, r.oid, 'MEMBER') AND c.relkind IN ('r', 'p')
AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
