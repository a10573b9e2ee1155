/**
 * Proves from the data alone that nothing is missing: every publisher numbers its events 1, 2, 3 … within a run. The first event
 * seen at all may have any number (history is bounded); of each later run, the first event must be there.
 */
export class SequenceCheck {
  #next: { readonly run: string; readonly seq: number } | undefined
  missing = 0
  repeated = 0

  note(run: string, seq: number): void {
    const expected = this.#next?.run === run ? this.#next.seq : this.#next === undefined ? seq : 1
    if (seq < expected) {
      this.repeated++
      return
    }
    this.missing += seq - expected
    this.#next = { run, seq: seq + 1 }
  }
}
