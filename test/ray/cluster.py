"""A Ray cluster on this machine: a head without CPUs and two raylets with some each, all on loopback.

    python cluster.py FOLDER CPUS

Prints one line of json, its dashboard's address, that of its drivers and the raylets' process ids; ends with all its processes once standard input ends.
"""

import json
import os
import sys
import time

folder, cpus = sys.argv[1], int(sys.argv[2])
# Ray gives a raylet 30 s to start, which isn't enough on a loaded machine.
os.environ.update(RAY_raylet_start_wait_time_s="600", RAY_USAGE_STATS_ENABLED="0")
# Off, this keeps Ray to loopback. In its usual folder every later `ray.init()` would find this cluster.
os.environ.update(RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0", RAY_TMPDIR=folder)

import ray
from ray.cluster_utils import Cluster

memory = {"object_store_memory": 80 * 2**20}
cluster = Cluster()
try:
    head = cluster.add_node(wait=False, num_cpus=0, include_dashboard=True, dashboard_host="127.0.0.1", dashboard_port=0, **memory)
    nodes = [cluster.add_node(wait=False, num_cpus=cpus, **memory) for _ in range(2)]
    ray.init(address=cluster.address, log_to_driver=False)
    while sum(node["Alive"] for node in ray.nodes()) < 3:
        time.sleep(0.1)
    ray.shutdown()
    raylets = [node.all_processes["raylet"][0].process.pid for node in nodes]
    print(json.dumps({"address": "http://" + head.address_info["webui_url"], "gcs": cluster.address, "raylets": raylets}), flush=True)
    sys.stdin.read()
finally:
    for node in [*cluster.worker_nodes, cluster.head_node]:
        if node is not None:
            node.kill_all_processes(check_alive=False, allow_graceful=False, wait=True)
