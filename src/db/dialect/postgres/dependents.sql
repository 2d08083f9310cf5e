WITH RECURSIVE reads AS (SELECT DISTINCT d.refobjid AS of, d.refobjsubid AS of_column, r.ev_class AS view
FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid WHERE d.classid = 'pg_rewrite'::regclass
AND d.refclassid = 'pg_class'::regclass AND r.ev_class <> d.refobjid),
dependent AS (SELECT c.oid AS table_id, a.attname AS name, reads.view, 1 AS depth FROM reads
JOIN pg_class c ON c.oid = reads.of AND c.relkind IN ('r', 'p')
AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = reads.of_column
UNION SELECT p.table_id, p.name, reads.view, p.depth + 1 FROM dependent p JOIN reads ON reads.of = p.view),
placed AS (SELECT table_id, name, view, max(depth) AS depth FROM dependent GROUP BY table_id, name, view),
named AS (SELECT v.oid, v.relowner, v.relacl, CASE v.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END AS kind,
v.relkind = 'm' AND NOT v.relispopulated AS is_empty, v.reloptions,
CASE WHEN n.nspname = current_schema() THEN '' ELSE quote_ident(n.nspname) || '.' END || quote_ident(v.relname) AS name
FROM pg_class v JOIN pg_namespace n ON n.oid = v.relnamespace WHERE v.relkind IN ('v', 'm')),
made AS (SELECT v.oid, 'DROP ' || v.kind || ' ' || v.name AS removal, 'CREATE ' || v.kind || ' ' || v.name || ' ('
|| (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = v.oid
AND a.attnum > 0 AND NOT a.attisdropped) || ')'
|| COALESCE(' WITH (' || array_to_string(v.reloptions, ', ') || ')', '') || ' AS '
|| rtrim(pg_get_viewdef(v.oid), ';') || CASE WHEN v.is_empty THEN ' WITH NO DATA' ELSE '' END
|| CASE WHEN pg_get_userbyid(v.relowner) = current_user THEN ''
ELSE '; ALTER ' || v.kind || ' ' || v.name || ' OWNER TO ' || quote_ident(pg_get_userbyid(v.relowner)) END
|| COALESCE((SELECT string_agg('; GRANT ' || g.privilege_type || ' ON ' || v.name || ' TO ' || CASE g.grantee WHEN 0
THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END || CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION'
ELSE '' END, '') FROM aclexplode(v.relacl) g WHERE g.grantee <> v.relowner), '')
|| COALESCE((SELECT string_agg('; GRANT ' || g.privilege_type || ' (' || quote_ident(a.attname) || ') ON ' || v.name
|| ' TO ' || CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END
|| CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END, '') FROM pg_attribute a, aclexplode(a.attacl) g
WHERE a.attrelid = v.oid AND a.attnum > 0), '')
|| COALESCE('; COMMENT ON ' || v.kind || ' ' || v.name || ' IS ' || quote_literal(obj_description(v.oid, 'pg_class')), '')
|| COALESCE((SELECT string_agg('; ' || pg_get_indexdef(i.indexrelid), '') FROM pg_index i WHERE i.indrelid = v.oid), '')
|| COALESCE((SELECT string_agg('; ' || pg_get_triggerdef(g.oid), '') FROM pg_trigger g WHERE g.tgrelid = v.oid
AND NOT g.tgisinternal), '') AS creation FROM named v)
SELECT CAST(c.relname AS text) AS in_table, CAST(p.name AS text) AS name, made.removal, made.creation, p.depth AS depth, made.oid
FROM placed p JOIN made ON made.oid = p.view JOIN pg_class c ON c.oid = p.table_id
UNION ALL SELECT CAST(c.relname AS text), CAST(a.attname AS text), 'DROP TRIGGER ' || quote_ident(g.tgname) || ' ON '
|| quote_ident(c.relname), pg_get_triggerdef(g.oid), 0, g.oid FROM pg_trigger g
JOIN pg_class c ON c.oid = g.tgrelid AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
JOIN pg_depend d ON d.classid = 'pg_trigger'::regclass AND d.objid = g.oid AND d.refobjid = c.oid AND d.refobjsubid > 0
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid WHERE NOT g.tgisinternal
UNION ALL SELECT CAST(c.relname AS text), CAST(a.attname AS text), 'DROP RULE ' || quote_ident(r.rulename) || ' ON '
|| r.ev_class::regclass, pg_get_ruledef(r.oid), 0, r.oid FROM pg_rewrite r
JOIN pg_class e ON e.oid = r.ev_class AND e.relkind IN ('r', 'p')
JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
AND d.refobjsubid > 0 JOIN pg_class c ON c.oid = d.refobjid
AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
UNION ALL SELECT CAST(c.relname AS text), CAST(a.attname AS text), 'DROP POLICY ' || quote_ident(p.polname) || ' ON '
|| p.polrelid::regclass, 'CREATE POLICY ' || quote_ident(p.polname) || ' ON ' || p.polrelid::regclass || ' AS '
|| CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END || ' FOR ' || CASE p.polcmd WHEN 'r' THEN 'SELECT'
WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END || ' TO '
|| (SELECT string_agg(CASE o.role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(o.role)) END, ', ')
FROM unnest(p.polroles) AS o(role)) || COALESCE(' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
|| COALESCE(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', ''), 0, p.oid FROM pg_policy p
JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass
AND d.refobjsubid > 0 JOIN pg_class c ON c.oid = d.refobjid
AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
ORDER BY depth, 6
