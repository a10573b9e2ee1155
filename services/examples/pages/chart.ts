import uPlot from 'uplot'
import { clockTime } from './figures.js'

/** One line of a chart. */
export interface Line {
  readonly label: string
  /** A CSS custom property: `--series-1`. */
  readonly color: string
  /** Filled down to the axis. */
  readonly filled?: boolean
  readonly width?: number
}

export interface ChartOptions {
  readonly lines: readonly Line[]
  readonly format: (value: number) => string
  /** The axis from 0 to at least this. */
  readonly atLeast: number
  /** Neither axes nor legend. */
  readonly bare?: boolean
}

const timeOfDay = (seconds: number): string => clockTime(seconds * 1000)

/** Values over time: `times` in seconds since 1970, then one row per line. */
export type Series = [times: number[], ...rows: (number | null)[][]]

/** A live chart that fills its element, follows its size, and follows light and dark. */
export class Chart {
  readonly #element: HTMLElement
  readonly #options: ChartOptions
  #plot: uPlot
  #data: Series

  constructor(element: HTMLElement, options: ChartOptions) {
    this.#element = element
    this.#options = options
    this.#data = [[], ...options.lines.map(() => [])]
    this.#plot = this.#draw()
    new ResizeObserver(() => this.#plot.setSize(this.#size())).observe(element)
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#redraw())
  }

  /** Shows `data`, with the time axis from `from` to `to` (seconds since 1970). */
  show(data: Series, from: number, to: number): void {
    this.#data = data
    this.#plot.batch(() => {
      this.#plot.setData(data, false)
      this.#plot.setScale('x', { min: from, max: to })
    })
  }

  #redraw(): void {
    this.#plot.destroy()
    this.#plot = this.#draw()
  }

  #draw(): uPlot {
    const { lines, format, atLeast, bare = false } = this.#options
    const axis = { stroke: this.#color('--quiet'), grid: { stroke: this.#color('--line'), width: 1 } }
    const options: uPlot.Options = {
      ...this.#size(),
      legend: { show: !bare },
      cursor: { show: !bare, drag: { x: false, y: false } },
      scales: { y: { range: (_plot, _min, max) => [0, Math.max(atLeast, (max ?? 0) * 1.1)] } },
      axes: [
        { ...axis, show: !bare, space: 80, size: 34, values: (_plot, values) => values.map(timeOfDay) },
        { ...axis, show: !bare, size: 84, values: (_plot, values) => values.map(format) },
      ],
      series: [
        { value: (_plot, seconds) => (seconds === null ? '–' : timeOfDay(seconds)) },
        ...lines.map((line) => this.#series(line)),
      ],
      padding: bare ? [2, 0, 0, 0] : [8, 8, 0, 0],
    }
    return new uPlot(options, this.#data, this.#element)
  }

  #series({ label, color, filled = false, width = 1.5 }: Line): uPlot.Series {
    const stroke = this.#color(color)
    const { format } = this.#options
    const shown = (_plot: uPlot, value: number | null) => (value === null ? '–' : format(value))
    return {
      label,
      stroke,
      width,
      value: shown,
      points: { show: false },
      ...(filled ? { fill: `color-mix(in srgb, ${stroke} 16%, transparent)` } : {}),
    }
  }

  #size(): { width: number; height: number } {
    const legendHeight = this.#options.bare === true ? 0 : 34
    return {
      width: Math.max(this.#element.clientWidth, 50),
      height: Math.max(this.#element.clientHeight - legendHeight, 20),
    }
  }

  /** A canvas knows no custom properties and no `light-dark()`: the browser computes the colour on an element first. */
  #color(property: string): string {
    const probe = document.createElement('span')
    probe.style.color = `var(${property})`
    this.#element.append(probe)
    const { color } = getComputedStyle(probe)
    probe.remove()
    return color
  }
}
