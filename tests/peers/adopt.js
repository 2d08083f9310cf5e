// `shopctl adopt` and the checks that are green after it.

import assert from 'node:assert/strict';

export async function takeOver(shop) {
  await shop.ok('adopt', '--yes', '--fix-totals');
}

/** Run again it changes nothing. */
export async function takeOverAgain(shop) {
  await shop.ok('adopt', '--dry-run', '--exit-code', '--fix-totals');
}

export async function assertGreen(shop) {
  await shop.ok('migrate', 'status', '--check');
  await shop.ok('migrate', 'verify');
  for (const check of [['audit', 'verify'], ['stock', 'verify'], ['doctor', '--deep']]) {
    const { stdout, stderr } = await shop.ok(...check);
    assert.doesNotMatch(stdout + stderr, /another program/i, `${check.join(' ')} still names rows of another program`);
  }
}
