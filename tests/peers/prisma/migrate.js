// `prisma migrate deploy` by the schema engine that Prisma publishes as WebAssembly for PostgreSQL and SQLite; the
// command-line tool fetches a native one from a server of its own. For MySQL there is only the native one, so its
// script is kept beside this file as that engine writes it. A program of its own, as the tool is: on SQLite the engine
// keeps the file to itself. Prints how many migrations it applied.

import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import { place } from '../lib/serve.js';
import * as engine from '../node_modules/@prisma/schema-engine-wasm/schema_engine_bg.js';
import { adapterFor, clientFor } from './client.js';

const NAME = '20250131000001_init';
const read = (path) => readFileSync(new URL(path, import.meta.url));

async function migrateByEngine(at) {
  const bytes = read('../node_modules/@prisma/schema-engine-wasm/schema_engine_bg.wasm');
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': engine });
  engine.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();

  const path = 'schema.prisma';
  const content = read(`generated/${at.engine}/schema.prisma`).toString();
  const factory = bindMigrationAwareSqlAdapterFactory(adapterFor(at));
  const schema = await engine.SchemaEngine.new({ datamodels: [[path, content]] }, () => {}, factory);
  const filters = { externalTables: [], externalEnums: [] };
  const to = { tag: 'schemaDatamodel', files: [{ path, content }] };
  const { stdout: script } = await schema.diff({ from: { tag: 'empty' }, to, script: true, exitCode: null, filters });
  const migrationsList = {
    baseDir: 'migrations',
    lockfile: { path: 'migration_lock.toml', content: null },
    shadowDbInitScript: '',
    migrationDirectories: [{ path: NAME, migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: script } } }],
  };
  return (await schema.applyMigrations({ migrationsList, filters })).appliedMigrationNames.length;
}

async function migrateMySql(at) {
  const prisma = await clientFor(at);
  const script = read('migrations/mysql.sql').toString();
  const [history, ...statements] = script.split(/;\s*\n/).filter((statement) => statement.trim());
  await prisma.$executeRawUnsafe(history);
  if ((await prisma.$queryRaw`SELECT id FROM _prisma_migrations WHERE migration_name = ${NAME}`).length > 0) return 0;
  for (const statement of statements) await prisma.$executeRawUnsafe(statement);
  const checksum = createHash('sha256').update(script).digest('hex');
  await prisma.$executeRaw`INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count) VALUES (${randomUUID()}, ${checksum}, NOW(3), ${NAME}, 1)`;
  return 1;
}

const at = place();
console.log(await (at.engine === 'mariadb' ? migrateMySql(at) : migrateByEngine(at)));
process.exit();
