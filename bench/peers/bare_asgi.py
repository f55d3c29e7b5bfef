"""The peer of small_requests.py: an ASGI application that returns the same bytes to every request, on uvicorn.

usage: bare_asgi.py REPLY.json PORT
"""
import json
import pathlib
import sys

import uvicorn

reply = json.loads(pathlib.Path(sys.argv[1]).read_text())
START = {"type": "http.response.start", "status": 200,
         "headers": [(name.encode(), value.encode()) for name, value in reply["fields"]]}
BODY = {"type": "http.response.body", "body": reply["body"].encode()}


async def application(scope, receive, send):
    await send(START)
    await send(BODY)


uvicorn.run(application, host="127.0.0.1", port=int(sys.argv[2]), loop="uvloop", http="httptools", lifespan="off",
            access_log=False, log_level="warning")
