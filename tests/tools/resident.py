# A program that stays, as tests/hosts.bats defines it: a JSON line a call, answers of every kind.
import json
import os
import subprocess
import sys
import time

born = os.getpid()
calls = 0
waste = []

for line in sys.stdin:
    call = json.loads(line)
    task, args = call["task"], call["args"]
    calls += 1
    answer = {"result": None}
    if task == "square":
        answer = '{"result": %s}' % (int(args["n"]) ** 2)
    elif task == "echo":
        answer = {"result": args["v"]}
    elif task == "pid":
        answer = {"result": "%d %d" % (born, calls)}
    elif task == "side":
        os.makedirs("deep/er")
        with open("deep/er/x.txt", "w") as stream:
            stream.write("of %s" % args["n"])
        print("wrote", args["n"], file=sys.stderr, flush=True)
        answer = {"result": sorted(os.listdir("."))}
    elif task == "binary":
        answer = {"result_base64": "AAEC/w=="}
    elif task == "filed":
        with open("out.bin", "wb") as stream:
            stream.write(b"x" * int(args["n"]))
        answer = {"result_file": "out.bin"}
    elif task == "escapes":
        answer = {"result_file": "../../../etc/passwd"}
    elif task == "garbage":
        answer = "not json"
    elif task == "two":
        answer = {"result": 1, "error": "both"}
    elif task == "sorry":
        answer = {"error": "no such thing", "exit": 9}
    elif task == "dies":
        print("about to die", file=sys.stderr, flush=True)
        os.kill(os.getpid(), 11)
    elif task == "leaves":
        sys.exit(0)
    elif task == "waits":
        with open(os.environ["TEST_TMP"] + "/begun", "a") as stream:
            print(args["n"], file=stream)
        while not os.path.exists(os.environ["TEST_TMP"] + "/go"):
            time.sleep(0.01)
        answer = {"result": args["n"]}
    elif task == "grows":
        waste.append(bytearray(30 << 20))
        for i in range(0, 30 << 20, 4096):
            waste[-1][i] = 1
        answer = {"result": "%d %d" % (born, calls)}
    elif task == "nested":
        os.environ["DJ_RUN"] = call["run"]
        answer = {"result": subprocess.run(["dj", "get", "square", str(args["n"])],
                                           stdout=subprocess.PIPE).stdout.decode()}
    elif task == "reads":
        with open("%s/tasks/square/%s/result" % (os.environ["DJ"], args["n"])) as stream:
            answer = {"result": stream.read()}
    elif task == "coloured":
        answer = {"result": call["env"].get("COLOUR", "none")}
    if isinstance(answer, dict):
        answer = json.dumps(answer)
    if answer.startswith("{"):
        answer = '{"run": "%s", %s' % (call["run"], answer[1:])
    if task == "late":
        print('{"run": "%s", "result": "late"}' % ("0" * 32), flush=True)
    if task == "anonymous":
        answer = '{"result": 1}'
    print(answer, flush=True)
    if task == "twice":
        print('{"run": "%s", "result": "again"}' % call["run"], flush=True)
