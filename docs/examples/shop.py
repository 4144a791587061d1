"""A small backend: POST /shipments stores a shipment, and the zone that the header x-parcel-zone names.

Starts a Postgres of its own, prints two lines that a shell can read, URL and DSN, and serves until it is ended.
"""

import re
import secrets
import socket
import sys

import psycopg
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import harness

TABLE = """
    CREATE TABLE shipments (
        id bigserial PRIMARY KEY, number text NOT NULL UNIQUE, weight_g integer NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(), zone text)
"""
INSERT = "INSERT INTO shipments (number, weight_g, zone) VALUES (%s, %s, %s)"
ZONE = re.compile("[A-Z]{2}[0-9]{1,4}(/[a-z]{1,8})?")


async def ship(request: Request) -> Response:
    weight = (await request.json())["weight_g"]
    # Blanks at the edges are no part of a value (RFC 9110, 5.5), but this server leaves those at the end.
    given = ", ".join(value.strip(" \t") for value in request.headers.getlist("x-parcel-zone"))
    zone = given if ZONE.fullmatch(given) else None
    number = secrets.token_hex(8)
    async with await psycopg.AsyncConnection.connect(DSN, autocommit=True) as connection:
        await connection.execute(INSERT, (number, weight, zone))
    return JSONResponse({"shipment": {"number": number, "weight_g": weight}})


if __name__ == "__main__":
    with harness.postgres() as server, server.database() as DSN:
        psycopg.connect(DSN, autocommit=True).execute(TABLE)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            sys.stdout.write(f"URL=http://127.0.0.1:{listening.getsockname()[1]}\nDSN='{DSN}'\n")
            sys.stdout.flush()
            app = Starlette(routes=[Route("/shipments", ship, methods=["POST"])])
            uvicorn.Server(uvicorn.Config(app, log_level="warning")).run([listening])
