SELECT CAST(current_user AS text) AS role, CAST(c.relname AS text) AS in_table,
CAST(has_any_column_privilege(c.oid, 'SELECT') AS text) AS may_select,
CAST(has_any_column_privilege(c.oid, 'INSERT') AS text) AS may_insert,
CAST(has_any_column_privilege(c.oid, 'UPDATE') AS text) AS may_update,
CAST(has_table_privilege(c.oid, 'DELETE') AS text) AS may_delete,
CAST(pg_has_role(c.relowner, 'USAGE') AND has_schema_privilege(c.relnamespace, 'CREATE') AS text) AS may_change
FROM pg_class c WHERE c.relkind IN ('r', 'p')
AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
