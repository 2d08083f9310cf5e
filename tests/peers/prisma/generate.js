// Makes the client of each engine from the one schema, with Prisma's own generator.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const template = readFileSync(join(here, 'schema.prisma.template'), 'utf8');

const ENGINES = {
  postgres: { PROVIDER: 'postgresql', ID: '@db.Uuid', TIME: '@db.Timestamptz(6)', TEXT: '', VARCHAR: '@db.VarChar', DECIMAL: '@db.Decimal' },
  mariadb: { PROVIDER: 'mysql', ID: '@db.Char(36)', TIME: '@db.DateTime(6)', TEXT: '@db.Text', VARCHAR: '@db.VarChar', DECIMAL: '@db.Decimal' },
  sqlite: { PROVIDER: 'sqlite', ID: '', TIME: '', TEXT: '', VARCHAR: '', DECIMAL: '' },
};

for (const [engine, words] of Object.entries(ENGINES)) {
  const folder = join(here, 'generated', engine);
  mkdirSync(folder, { recursive: true });
  let schema = template.replace(/^\/\/.*\n/, '').replace('OUTPUT', join(folder, 'client'));
  for (const [word, text] of Object.entries(words)) {
    const parameters = text === '' ? '(\\([^)]*\\))?' : '';
    schema = schema.replace(new RegExp(`\\b${word}\\b${parameters}`, 'g'), text);
  }
  const file = join(folder, 'schema.prisma');
  const isMade = existsSync(join(folder, 'client/index.js')) && readFileSync(file, 'utf8') === schema;
  if (isMade) continue;
  writeFileSync(file, schema);
  // The generator needs no engine, but the command-line tool would fetch one from a server of its own.
  const environment = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1' };
  const parameters = ['../node_modules/prisma/build/index.js', 'generate', '--schema', file];
  execFileSync(process.execPath, parameters, { cwd: here, env: environment, stdio: ['ignore', 'ignore', 'pipe'] });
}
