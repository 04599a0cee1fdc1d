"""FastAPI and asyncpg behind uvicorn: a pool in each process."""

import datetime
import os
import pathlib
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI, HTTPException

folder = pathlib.Path(__file__).parent.parent / "sql"
PORT, RATES, ITEMS = ((folder / f"{name}.sql").read_text() for name in ("port", "rates", "items"))


@asynccontextmanager
async def pooled(app: FastAPI):
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=4, max_size=4) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=pooled)


@app.get("/")
async def hello():
    return {"message": "Hello world!"}


@app.get("/port")
async def port(code: str):
    row = await app.state.pool.fetchrow(PORT, code)
    if row is None:
        raise HTTPException(404)
    return dict(row)


@app.get("/rates")
async def rates(date_from: datetime.date, date_to: datetime.date, orig_code: str, dest_code: str):
    rows = await app.state.pool.fetch(RATES, date_from, date_to, orig_code, dest_code)
    return {"rates": [dict(row) for row in rows]}


@app.get("/items")
async def items(after: int):
    return [dict(row) for row in await app.state.pool.fetch(ITEMS, after)]
