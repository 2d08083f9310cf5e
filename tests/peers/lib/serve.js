// A peer runs as a program of its own, connected to its database all the while, as an application is. It reads
// commands as lines of JSON, `["name", argument, …]`, and answers each with a line: `{"value": …}` or `{"error": "…"}`.

import { createInterface } from 'node:readline';

export async function serve(commands) {
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, ...values] = JSON.parse(line);
    let answer;
    try {
      answer = { value: (await commands[name](...values)) ?? null };
    } catch (error) {
      // Not every stack names its message.
      answer = { error: `${error.message}\n${error.stack}` };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  process.exit();
}

/** Where the database is, from the arguments: the engine and a URL. */
export function place() {
  const [engine, url] = process.argv.slice(2);
  if (engine === 'sqlite') return { engine, url, file: url.replace('sqlite:', '') };
  const { hostname, port, username, pathname } = new URL(url);
  return { engine, url, host: hostname, port: Number(port), user: username, database: pathname.slice(1) };
}
