import { readFileSync } from 'node:fs';

/** The row of the seeders, which say its id themselves. */
export const DEMO_USER = JSON.parse(readFileSync(new URL('demo-user.json', import.meta.url)));
