//! Tables whose rows are in several tables, or belong to another one's rows too.

/// Partitioned tables, partitions, and both sides of an inheritance. Keys of others to a partitioned table would follow it
/// to its new name.
pub(super) const UNUSUAL_TABLES: &str = "WITH own AS (SELECT c.oid, c.relname, c.relkind, \
    quote_ident(c.relname) AS name, quote_ident(c.relname || '_in_parts') AS renamed, \
    (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a \
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns \
    FROM pg_class c WHERE c.relkind IN ('r', 'p') \
    AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())) \
    SELECT CAST(o.relname AS text) AS in_table, 'partitioned table ' || o.relname AS what, COALESCE((SELECT string_agg(\
    'ALTER TABLE ' || k.conrelid::regclass || ' DROP CONSTRAINT ' || quote_ident(k.conname) || '; ', '' ORDER BY k.oid) \
    FROM pg_constraint k WHERE k.confrelid = o.oid AND k.contype = 'f' AND k.conparentid = 0), '') \
    || 'ALTER TABLE ' || o.name || ' RENAME TO ' || o.renamed || '; CREATE TABLE ' || o.name || ' (LIKE ' || o.renamed \
    || ' INCLUDING ALL); INSERT INTO ' || o.name || ' (' || o.columns || ') OVERRIDING SYSTEM VALUE SELECT ' || o.columns \
    || ' FROM ' || o.renamed AS remedy FROM own o WHERE o.relkind = 'p' \
    UNION ALL SELECT CAST(o.relname AS text), 'table ' || o.relname || ' inherits from ' || p.relname, \
    'ALTER TABLE ' || CASE WHEN p.relkind = 'p' THEN p.oid::regclass || ' DETACH PARTITION ' || o.name \
    ELSE o.name || ' NO INHERIT ' || p.oid::regclass END \
    FROM own o JOIN pg_inherits i ON i.inhrelid = o.oid JOIN pg_class p ON p.oid = i.inhparent \
    UNION ALL SELECT CAST(o.relname AS text), 'table ' || c.relname || ' inherits from ' || o.relname, \
    'INSERT INTO ' || o.name || ' (' || o.columns || ') OVERRIDING SYSTEM VALUE SELECT ' || o.columns || ' FROM ' \
    || c.oid::regclass || '; ALTER TABLE ' || c.oid::regclass || ' NO INHERIT ' || o.name \
    FROM own o JOIN pg_inherits i ON i.inhparent = o.oid JOIN pg_class c ON c.oid = i.inhrelid WHERE o.relkind = 'r'";
