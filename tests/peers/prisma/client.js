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
  // Its limits of 2 and 5 s are short for a busy machine.
  const transactionOptions = { maxWait: 20_000, timeout: 20_000 };
  return new client.PrismaClient({ adapter: adapterFor(at), transactionOptions });
}
