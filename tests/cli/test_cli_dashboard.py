"""``e3dnas dashboard``: prints its address, serves the run there, ends with Ctrl-C."""

import json
import re
import signal
import urllib.request


def test_dashboard(start, cli, folder):
    assert cli("run", "small.yaml", "--trials", 5, "--quiet", "--out", "r")[0] == 0
    process = start("dashboard", "r", "--port", 0)
    address = re.fullmatch(r"dashboard: (http://127\.0\.0\.1:\d+)/dashboard/studies\n", process.stdout.readline())[1]
    assert process.stdout.readline() == "Ctrl-C ends it\n"
    with urllib.request.urlopen(f"{address}/api/studies/0?after=0", timeout=60) as answer:
        study = json.loads(answer.read())
    assert [len(trial["constraints"]) for trial in study["trials"]] == [2] * 5
    assert "e3dnas export r --name my_small --register" in study["note"]["body"]
    assert any(trial["artifacts"] for trial in study["trials"])
    code, _, err = cli("dashboard", "r", "--port", address.rpartition(":")[2])
    assert code == 2
    assert "Address already in use; choose another, or 0 for any free one" in err
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out, errors) == (0, "ended\n", "")
