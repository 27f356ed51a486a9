"""`/sim/…`: what no real server has. Switching faults, and looking inside.

Rules of this file
- These paths always answer, whatever fault holds.
- Counts only: never a prompt, never an answer.
"""

import orjson
from aiohttp import web

from simulator.faults import FaultError, read_faults
from simulator.server import server_of


async def get_faults(request: web.Request) -> web.Response:
    """`GET /sim/faults`: those that hold, with the seconds they still last."""
    server = server_of(request)
    return _json(server.board.describe(server.now()))


async def put_faults(request: web.Request) -> web.Response:
    """`PUT /sim/faults`: exactly these hold from now on."""
    server = server_of(request)
    try:
        faults = read_faults(orjson.loads(await request.read()))
    except orjson.JSONDecodeError as error:
        return _json({"error": f"the body is not JSON: {error}"}, 400)
    except FaultError as error:
        return _json({"error": str(error)}, 400)
    server.board.replace(faults, server.now())
    server.driver.heed()
    return _json(server.board.describe(server.now()))


async def delete_faults(request: web.Request) -> web.Response:
    """`DELETE /sim/faults`: none hold."""
    server = server_of(request)
    server.board.replace((), server.now())
    server.driver.heed()
    return _json({})


async def get_state(request: web.Request) -> web.Response:
    """`GET /sim/state`: what is true, whatever the server's own endpoints say."""
    server = server_of(request)
    occupancy, totals = server.driver.occupancy(), server.driver.totals
    return _json(
        {
            "engine": server.engine,
            "preset": server.settings.preset,
            "models": server.models,
            "resident": [model for model in server.models if server.driver.is_resident(model)],
            "slots": server.slots,
            "running": occupancy.running,
            "waiting": occupancy.waiting,
            "kv_usage_ratio": occupancy.kv_usage_ratio,
            "totals": totals,
            "requests_seen": dict(server.seen),
            "faults": server.board.describe(server.now()),
        }
    )


def _json(document: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(document), status=status, content_type="application/json")
