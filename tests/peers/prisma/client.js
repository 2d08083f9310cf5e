import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import { PrismaMariaDb } from '@prisma/adapter-mariadb';
import { PrismaPg } from '@prisma/adapter-pg';

const ADAPTERS = {
  postgres: ({ url }) => new PrismaPg({ connectionString: url }),
  mariadb: ({ host, port, user, database }) => new PrismaMariaDb({ host, port, user, database, connectionLimit: 4 }),
  sqlite: ({ file }) => new PrismaBetterSqlite3({ url: `file:${file}` }),
};

export const adapterFor = (at) => ADAPTERS[at.engine](at);

export async function clientFor(at) {
  const { default: client } = await import(`./generated/${at.engine}/client/index.js`);
  return new client.PrismaClient({ adapter: adapterFor(at) });
}
