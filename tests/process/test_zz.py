import pytest, json, trio, pathlib
from emulator.fake_runtime import Step
from protocols import spool_format as form
pytestmark = pytest.mark.peers
async def test_zz(scene_of):
    s = scene_of(timeout_ms=1_500)
    snaps = []
    async def poll():
        while True:
            try:
                p = s.sandbox.starting.processes.living("extension")[-1]
                d = pathlib.Path(f"/proc/{p.pid}/root/tmp/lambda-reactor.spool").read_bytes()
                if not snaps or snaps[-1][2] != d: snaps.append((trio.current_time()*1000, p.generation, d))
            except (IndexError, OSError, AttributeError): pass
            await trio.sleep(0.001)
    steps = [
        Step(lines=["said before the timeout"], during=s.count, end="hang"),
        Step(lines=["said before the crash"], during=s.count, end="crash"),
        Step(lines=["said at last"], during=s.count),
    ]
    async with trio.open_nursery() as n:
        n.start_soon(poll)
        f = await s.play(steps)
        n.cancel_scope.cancel()
    t0=f.calls[0].at_ms
    for a in f.intake.arrivals():
        print(round(a.at_ms+f._marked_ms-t0), a.path, a.answer, [m["message"]["message"][:40] for m in a.decoded.document] if a.decoded.kind=="logs" else "")
    for n in f.nexts: print("next", round(n.asked_ms-t0), round(n.answered_ms-t0), n.kind)
    for c in f.calls:
        if c.kind=="telemetry": print("tel", round(c.at_ms-t0), round(c.answered_ms-t0), c.status, [r["type"] for r in json.loads(c.body)])
    for l in f.lives: print(l, round(l.began_ms-t0), round(l.ended_ms-t0))
    print(f.run.extension_output)
    for at, gen, d in snaps:
        c = form.read(d)
        print("SPOOL", round(at-t0), gen, len(d), [(k, len(b)) for k,_,b in [(x.kind, 0, x.data) for x in c.taken]] if c.taken else [], [(k.number, k.body.kind) for k in c.kept])
    for r in f.results[:2]: assert max(f.said[r.request_id].values()) == 1
