import time
import dagster as dg
from testing.quirky_server import Quirk, quirky_server
from testing.personalities import PERSONALITIES
from tests.servers.case import *
def test_time(tmp_path, monkeypatch):
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(SHARDS.name), [SHARD])
        for n, q in enumerate([*PERSONALITIES, PERSONALITIES[0]]):
            t=time.time()
            home=tmp_path/str(n); prepare(home); a=time.time()
            with quirky_server(q) as s:
                settings(home, s.url, {}, monkeypatch); b=time.time()
                came=materialise(home, instance); c=time.time()
            d=time.time()
            print(q.name, round(a-t,2), round(b-a,2), round(c-b,2), round(d-c,2), came.failure, came.reasons, {k:len(v) for k,v in came.texts.items()}, s.seen.refused, s.seen.answered)
