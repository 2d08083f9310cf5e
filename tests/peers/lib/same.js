// What peers and shopctl say of the same rows, in one form.

import assert from 'node:assert/strict';

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function assertId(id) {
  assert.match(id, ID);
}

/** Milliseconds of a time in any form that a peer shows: text, with or without a zone (then UTC), or a number, which a
 * text column of SQLite gives as text. */
export function milliseconds(time) {
  if (/^\d+(\.0)?$/.test(time)) return Number(time);
  const hasZone = /(Z|[+-]\d\d:?\d\d)$/.test(time);
  const shown = new Date(hasZone ? time : `${time.replace(' ', 'T')}Z`).getTime();
  assert.ok(Number.isFinite(shown), `${time} is no time`);
  return shown;
}

export function assertSameTime(one, other) {
  const difference = Math.abs(milliseconds(one) - milliseconds(other));
  assert.ok(difference <= 1, `${one} and ${other} are different times`);
}

export const cents = (amount) => Math.round(Number(amount) * 100);

/** All rows that a peer reads, with amounts in cents and times in milliseconds, sorted; an order without its total. */
export function normal({ users, products, orders }) {
  const byId = (one, other) => (one.id < other.id ? -1 : 1);
  const times = ({ createdAt, updatedAt }) => ({ createdAt: milliseconds(createdAt), updatedAt: milliseconds(updatedAt) });
  const item = ({ id, orderId, productId, quantity, unitPrice }) => ({ id, orderId, productId, quantity, unitPrice: cents(unitPrice) });
  return {
    users: users.map(({ id, email, passwordHash, firstName, lastName, ...rest }) => ({ id, email, passwordHash, firstName, lastName, ...times(rest) })).sort(byId),
    products: products
      .map(({ id, name, description, price, stockQuantity, ...rest }) => ({ id, name, description, price: cents(price), stockQuantity, ...times(rest) }))
      .sort(byId),
    orders: orders
      .map(({ id, userId, status, items, createdAt }) => ({ id, userId, status, items: items.map(item).sort(byId), createdAt: milliseconds(createdAt) }))
      .sort(byId),
  };
}

export function assertTotals({ orders }) {
  for (const { id, totalAmount, items } of orders) {
    const lines = items.reduce((sum, { quantity, unitPrice }) => sum + quantity * cents(unitPrice), 0);
    assert.equal(cents(totalAmount), lines, `the total of order ${id}`);
  }
}
