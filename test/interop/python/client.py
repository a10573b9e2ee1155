"""client.py ROOM URL… prints a room's events, a frame a line, and publishes each line that it reads. Written from docs/protocol.md."""
import asyncio, itertools, json, random, sys, threading, time, websockets

class Client:
    socket, token, asked, publish, lost = None, None, None, {}, 0  # asked, publish: what has no answer yet; as it is repeated

    def __init__(self, room): self.room, self.ids, self.positions, self.ready = room, itertools.count(1), {}, asyncio.Event()
    def tell(self, *words): print(*words, file=sys.stderr, flush=True)
    def settle(self, answer): self.publish = self.answer.set_result(answer) or {}
    async def send(self, frame): await self.socket.send(json.dumps(frame))

    async def join(self):
        self.asked, here = next(self.ids), self.positions.get(self.room)
        await self.send({"type": "join", "id": self.asked, "room": self.room, **({"from": here} if here else {})})

    async def publish_line(self, text):  # returns when it is durable, was refused, or has an outcome that cannot be known
        await self.ready.wait()
        frame = {"type": "publish", "id": next(self.ids), "room": self.room, "data": text}
        after = self.positions.get(self.room) or {"epoch": self.welcome["epoch"], "offset": -1}
        self.publish, self.answer = {**frame, "after": {**after}}, asyncio.get_running_loop().create_future()
        await asyncio.gather(self.send(frame), return_exceptions=True)
        self.tell(await self.answer, text)

    async def begin(self, recovered, token):  # the client is the old session again (recovered), or the one of the welcome
        self.token = token
        if not recovered: self.positions["$session"] = {key: self.welcome[key] for key in ("epoch", "offset")}
        if self.publish and (not recovered or time.monotonic() > self.lost + self.welcome["resumeMs"] / 1000): self.settle("unknown")
        elif self.publish: await self.send(self.publish)
        self.ready.set()
        if self.asked == self.resuming: await self.join()  # the room was not among those resumed

    async def take(self, frame, line):
        id, here = frame.get("id"), self.positions.get(self.room)
        match frame:
            case {"type": "welcome"}:
                self.welcome, self.opened = frame, time.monotonic()
                self.asked = self.resuming = next(self.ids)
                if not self.token: return await self.begin(False, frame["resumeToken"])
                await self.send({"type": "resume", "id": self.asked, "token": self.token, "rooms": self.positions})
            case {"type": "event", "room": self.room, "offset": offset, "prev": prev}:
                if here is None or prev <= here["offset"] < offset:
                    self.positions[self.room] = {"epoch": (here or self.welcome)["epoch"], "offset": offset}
                    print(line, flush=True)
                elif offset > here["offset"] and self.asked is None: await self.join()
            case {"type": "progress", "room": r, "offset": o} if r in self.positions and self.asked is None: self.positions[r]["offset"] = o
            case {"type": "joined" | "reset", "room": room, "epoch": epoch, "offset": offset}:
                self.positions[room] = {"epoch": epoch, "offset": offset}
                if room == self.room and id == self.asked: self.asked = None
                self.tell(frame["type"], room, frame.get("reason", ""))  # with a reason: events may be missing
            case {"type": "resumed"}: await self.begin(frame["recovered"], frame["resumeToken"])
            case {"type": "reply" | "error", "offset": offset}:  # of a publish that was acknowledged
                if offset > self.positions["$session"]["offset"]: self.tell(line)
                self.positions["$session"]["offset"] = max(offset, self.positions["$session"]["offset"])
            case {"type": "error", "id": self.resuming} if "room" not in frame: await self.begin(False, self.welcome["resumeToken"])
            case {"type": "error", "temporary": True, "id": id} if id in (self.asked, self.publish.get("id")):
                await asyncio.sleep(frame.get("retryAfterMs", 1000) / 1000)
                await (self.join() if id == self.asked else self.send(self.publish))
            case {"type": "ack" | "error", "id": id} if id == self.publish.get("id"): self.settle(frame.get("code", "acked"))
            case {"type": "error" | "left"}: self.tell(line)

    async def run(self, urls, attempt=0):
        threading.Thread(target=self.read_lines, args=[asyncio.get_running_loop()], daemon=True).start()
        for url in itertools.cycle(urls):
            try:
                async with websockets.connect(url, subprotocols=["roomway.v1.json"], max_size=2**24) as self.socket:
                    self.tell("connected", url)
                    async for line in self.socket: await self.take(json.loads(line), line)
            except (OSError, websockets.WebSocketException) as error: self.tell("lost", url, error)
            code = self.socket and self.socket.close_code or 1006
            if code >= 4500 or code in (1002, 1003, 1007, 1009, 4002): sys.exit(f"closed for good: {code}")
            if self.ready.is_set(): self.lost, attempt = time.monotonic(), attempt * (time.monotonic() < self.opened + 10)
            self.ready.clear()
            await asyncio.sleep(random.uniform(0, min(30, 0.5 * 2**attempt)))
            attempt += 1

    def read_lines(self, loop):
        for line in sys.stdin: asyncio.run_coroutine_threadsafe(self.publish_line(line.rstrip("\n")), loop).result()

asyncio.run(Client(sys.argv[1]).run(sys.argv[2:]))
