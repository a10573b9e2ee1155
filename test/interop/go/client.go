// client ROOM URL… prints the events that the log has of a room and those that come, and publishes each line that it reads.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"github.com/gorilla/websocket"
	"log"
	"math/rand/v2"
	"os"
	"sync"
	"time"
)

type object = map[string]any

func number(o object, key string) float64 { n, _ := o[key].(float64); return n }

func main() {
	room, urls, id, asked := os.Args[1], os.Args[2:], 0.0, 0.0 // id: the last one; asked: that of the join or resume that has no answer yet
	state, turn := sync.Mutex{}, make(chan bool, 1)            // guards what follows, the ids and writing; has an item while a publish may be made
	var current *websocket.Conn                                // where the session goes on
	var session, here, publish object                          // its welcome; the position; the publish that has no answer yet, as it is repeated
	ask := func(to *websocket.Conn, q object) float64 { id++; q["id"] = id; _ = to.WriteJSON(q); return id }
	settle := func(answer any) { log.Println(answer, publish["data"]); publish = nil; turn <- true }
	go func() {
		for input := bufio.NewScanner(os.Stdin); input.Scan() && <-turn; {
			state.Lock()
			publish = object{"type": "publish", "room": room, "data": input.Text()}
			ask(current, publish) // where the connection is lost, it goes again after resuming
			publish["after"] = here
			state.Unlock()
		}
	}()
	for n, wait, heard := 0, time.Second/4, time.Now(); ; n++ {
		lost, dialed, url := heard, time.Now(), urls[n%len(urls)]
		socket, _, err := (&websocket.Dialer{Subprotocols: []string{"roomway.v1.json"}}).Dial(url, nil)
		for log.Println("dialed", url, err); err == nil; heard = time.Now() {
			f := object{}
			err = socket.ReadJSON(&f)
			state.Lock()
			offset, stand, prev, kind := number(f, "offset"), number(here, "offset"), number(f, "prev"), f["type"]
			switch {
			case kind == "welcome" && session == nil:
				here, session, current = object{"epoch": f["epoch"], "offset": -1.0}, f, socket
				asked = ask(socket, object{"type": "join", "room": room, "from": here})
				settle("ready")
			case kind == "welcome":
				asked = ask(socket, object{"type": "resume", "token": session["resumeToken"], "rooms": object{room: here}})
			case kind == "event" && prev <= stand && stand < offset:
				_ = json.NewEncoder(os.Stdout).Encode(f)
				here = object{"epoch": here["epoch"], "offset": offset}
			case kind == "event" && prev > stand && asked == 0:
				asked = ask(socket, object{"type": "join", "room": room, "from": here})
			case f["room"] == room && (kind == "joined" || kind == "reset" || kind == "progress" && asked == 0):
				here, asked = object{"epoch": cmp.Or(f["epoch"], here["epoch"]), "offset": offset}, 0
				log.Println(kind, f["recovered"], f["reason"]) // with a reason: events may be missing
			case kind == "resumed":
				session["resumeToken"], current = f["resumeToken"], socket
				if publish != nil && (f["recovered"] == false || time.Since(lost).Seconds() > number(session, "resumeMs")/1000) {
					settle("unknown")
				} else if publish != nil {
					_ = socket.WriteJSON(publish)
				}
			case publish != nil && f["id"] == publish["id"] && f["temporary"] != true:
				settle(cmp.Or(f["code"], kind))
			case kind == "error" && f["temporary"] == true: // a new connection asks again for all that was refused
				time.AfterFunc(time.Duration(max(1000, number(f, "retryAfterMs")))*time.Millisecond, func() { _ = socket.Close() })
			}
			state.Unlock()
		}
		if gone, is := err.(*websocket.CloseError); is && gone.Code >= 4500 || websocket.IsCloseError(err, 1002, 1003, 1007, 1009, 4002) {
			log.Fatalln(err)
		}
		wait = map[bool]time.Duration{false: min(2*wait, 30*time.Second), true: time.Second / 2}[time.Since(dialed) > 10*time.Second]
		time.Sleep(rand.N(wait))
	}
}
