"""A peer in Python, with SQLAlchemy; see lib/serve.js for how it is spoken to."""

import json
import re
import sys
import traceback
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import create_engine, event, inspect, select, text, update
from sqlalchemy.orm import Session

from models import Base, Order, OrderItem, Product, User

ENGINE, URL = sys.argv[1:3]
DRIVERS = {
    "postgres": lambda url: url.replace("postgres:", "postgresql+psycopg:"),
    "mariadb": lambda url: url.replace("mysql:", "mariadb+pymysql:"),
    "sqlite": lambda url: url.replace("sqlite:", "sqlite:///"),
}
engine = create_engine(DRIVERS[ENGINE](URL))

if ENGINE == "sqlite":

    @event.listens_for(engine, "connect")
    def _on_connect(connection, _record):
        connection.execute("PRAGMA foreign_keys = ON")


def snake_case(values):
    return {re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name): value for name, value in values.items()}


def plain(entity):
    """A row as the JavaScript peers show it."""
    row = {}
    for column in inspect(type(entity)).columns:
        value = getattr(entity, column.key)
        if isinstance(value, datetime):
            value = (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
        if isinstance(value, Decimal):
            value = str(value)
        row[re.sub("_(.)", lambda match: match[1].upper(), column.key)] = value
    if isinstance(entity, Order):
        row["items"] = [plain(item) for item in entity.items]
    return row


def migrate():
    absent = set(Base.metadata.tables) - set(inspect(engine).get_table_names())
    Base.metadata.create_all(engine)
    return len(absent)


def create(entity):
    with Session(engine, expire_on_commit=False) as session, session.begin():
        session.add(entity)
    return entity.id


def create_user_by_defaults(values):
    statement = "INSERT INTO users (email, password_hash, first_name, last_name) VALUES (:email, :password_hash, :first_name, :last_name)"
    with engine.begin() as connection:
        connection.execute(text(statement), snake_case(values))


def find_user(id):
    with Session(engine) as session:
        return plain(session.get_one(User, id))


def find_user_by_email(email):
    with Session(engine) as session:
        found = session.scalar(select(User).where(User.email == email))
        return found and plain(found)


def read():
    with Session(engine) as session:
        all_of = lambda entity: [plain(row) for row in session.scalars(select(entity))]
        return {"users": all_of(User), "products": all_of(Product), "orders": all_of(Order)}


def create_order(user_id, items):
    """The order with its lines, and the stock that it takes, together or not at all."""
    with Session(engine) as session, session.begin():
        order = Order(user_id=user_id, status="pending")
        session.add(order)
        session.flush()
        for item in items:
            product = session.get_one(Product, item["productId"], with_for_update=True)
            take_and_add(session, order.id, product, item["quantity"])
        return order.id


def create_order_unlocked(user_id, items):
    """The same with its old bug: each step is a transaction of its own and nothing is locked, so that it oversells."""
    order_id = create(Order(user_id=user_id, status="pending"))
    for item in items:
        with Session(engine) as session:
            product = session.get_one(Product, item["productId"])
            session.expunge(product)
        left = product.stock_quantity - item["quantity"]
        if left < 0:
            raise ValueError(f"insufficient stock for product {product.name}")
        change(Product, product.id, stock_quantity=left)
        create(OrderItem(order_id=order_id, product_id=product.id, quantity=item["quantity"], unit_price=product.price))
    return order_id


def take_and_add(session, order_id, product, quantity):
    if product.stock_quantity < quantity:
        raise ValueError(f"insufficient stock for product {product.name}")
    product.stock_quantity -= quantity
    session.add(OrderItem(order_id=order_id, product_id=product.id, quantity=quantity, unit_price=product.price))


def change(entity, id, **values):
    with Session(engine) as session, session.begin():
        changed = session.execute(update(entity).where(entity.id == id).values(**values)).rowcount
        if changed != 1:
            raise ValueError(f"{entity.__tablename__} {id} does not exist")


def delete(entity, id):
    with Session(engine) as session, session.begin():
        session.delete(session.get_one(entity, id))


def seed():
    create(User(**snake_case(json.load(open(f"{sys.path[0]}/../lib/demo-user.json")))))


COMMANDS = {
    "migrate": migrate,
    "seed": seed,
    "createUser": lambda values: create(User(**snake_case(values))),
    "createProduct": lambda values: create(Product(**snake_case(values))),
    "createUserByDefaults": create_user_by_defaults,
    "findUser": find_user,
    "findUserByEmail": find_user_by_email,
    "read": read,
    "createOrder": create_order,
    "createOrderUnlocked": create_order_unlocked,
    "setStock": lambda id, stock: change(Product, id, stock_quantity=stock),
    "setStatus": lambda id, status: change(Order, id, status=status),
    "deleteUser": lambda id: delete(User, id),
    "deleteProduct": lambda id: delete(Product, id),
    "deleteOrder": lambda id: delete(Order, id),
}

for line in sys.stdin:
    name, *values = json.loads(line)
    try:
        answer = {"value": COMMANDS[name](*values)}
    except Exception:
        answer = {"error": traceback.format_exc(limit=-3, chain=False)}
    print(json.dumps(answer), flush=True)
