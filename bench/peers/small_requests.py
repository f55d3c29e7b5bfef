#!/usr/bin/env python3
"""Small requests: GET /v1/models of the station beside a bare ASGI application on uvicorn with uvloop and httptools.

usage: small_requests.py --bin build/release/bin [--python build/bench/http-peers/bin/python] [--rounds 5] [--seconds 3] [--out FILE]
The application does nothing but return the bytes that the station returned: the same status, header fields and body. Each server has
one core, the client (atelier-queue-bench) the other one; they are measured in turn, and medians are compared. The Python is that of
an environment with http_requirements.txt. Needs two cores.
"""
import argparse
import http.client
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
PATH = "/v1/models"
BAR = 1.5


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", PATH)
        reply = connection.getresponse()
        return reply.status, reply.getheaders(), reply.read()
    finally:
        connection.close()


def wait_for(port, seconds, good):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            reply = ask(port)
            if good(reply):
                return reply
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit(f"no server answered on port {port} within {seconds} s")


def on_core(core):
    return lambda: os.sched_setaffinity(0, {core})


def rate(bench, port, seconds, connections, core):
    command = [bench, "load", str(port), PATH, str(connections), str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, preexec_fn=on_core(core))
    return float(done.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--python", type=pathlib.Path, default=pathlib.Path("build/bench/http-peers/bin/python"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    server_core, client_core = sorted(os.sched_getaffinity(0))[:2]
    servers, rates = [], {"atelier": [], "uvicorn": []}
    with tempfile.TemporaryDirectory() as home:
        try:
            ports = {"atelier": free_port()}
            environment = {name: value for name, value in os.environ.items() if not name.startswith("ATELIER_")}
            environment.update(ATELIER_HOME=home, ATELIER_ENGINE="fake", ATELIER_HUGGINGFACE="off", LOG_LEVEL="warning")
            servers.append(subprocess.Popen(
                [arguments.bin / "atelier", "serve", "--port", str(ports["atelier"])], env=environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=on_core(server_core)))
            _, fields, body = wait_for(ports["atelier"], 60, lambda reply: b'"id"' in reply[2])
            ports["uvicorn"] = free_port()
            same = [[name, value] for name, value in fields if name.lower() not in ("date", "server")]
            reply = pathlib.Path(home) / "reply.json"
            reply.write_text(json.dumps({"fields": same, "body": body.decode()}))
            servers.append(subprocess.Popen(
                [arguments.python, HERE / "bare_asgi.py", str(reply), str(ports["uvicorn"])],
                stdout=subprocess.DEVNULL, preexec_fn=on_core(server_core)))
            _, peer_fields, peer_body = wait_for(ports["uvicorn"], 60, lambda reply: reply[0] == 200)
            if peer_body != body or sorted(name.lower() for name, _ in fields) != sorted(name.lower() for name, _ in peer_fields):
                sys.exit(f"the replies differ: {fields} and {peer_fields}")
            for _ in range(arguments.rounds):
                for name, port in ports.items():
                    rates[name].append(
                        rate(arguments.bin / "atelier-queue-bench", port, arguments.seconds, arguments.connections, client_core))
        finally:
            for server in servers:
                server.terminate()
                server.wait(20)
    medians = {name: statistics.median(each) for name, each in rates.items()}
    versions = subprocess.run([arguments.python, "-m", "pip", "freeze", "--disable-pip-version-check"],
                              stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    ratio = medians["atelier"] / medians["uvicorn"]
    report = {"path": PATH, "body_bytes": len(body), "replies_per_second": rates, "medians": medians, "ratio": round(ratio, 2),
              "peer": [each for each in versions if each.split("==")[0] in ("uvicorn", "uvloop", "httptools")]}
    text = json.dumps(report, indent=2)
    print(text)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(text + "\n")
    sys.exit(0 if ratio >= BAR else f"{PATH} is {ratio:.2f}x the peer, the bar is {BAR}x")


if __name__ == "__main__":
    main()
