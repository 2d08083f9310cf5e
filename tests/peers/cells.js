export const PEERS = ['sequelize', 'typeorm', 'knex', 'prisma', 'sqlalchemy'];
export const ENGINES = ['postgres', 'mariadb', 'sqlite'];

/** Steps that are not run yet, and why: `[part, step, peer, engine, reason]`, `*` for all. What follows them is not run. */
export const LEFT_OUT = [];
