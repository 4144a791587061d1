-- The tables of the orders service before the rollout.
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ref text NOT NULL UNIQUE,
    article text NOT NULL,
    count integer NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_placed_at ON orders (placed_at);
CREATE TABLE order_audit (
    order_id bigint PRIMARY KEY,
    path text NOT NULL
);
