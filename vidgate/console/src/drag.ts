/** What is dragged: channels from the tree, or a cell of the grid. */

const CHANNELS = 'application/x-vidgate-channels'
const CELL = 'application/x-vidgate-cell'

export type Load = { channels: string[] } | { cell: number }

function chip(text: string): HTMLElement {
  const element = document.createElement('div')
  element.className = 'drag-chip'
  element.textContent = text
  document.body.append(element)
  setTimeout(() => element.remove()) // the browser has taken its picture by then
  return element
}

function begin(event: DragEvent, type: string, value: string, label: string): void {
  const transfer = event.dataTransfer
  if (!transfer) return
  transfer.setData(type, value)
  transfer.effectAllowed = 'copyMove'
  transfer.setDragImage(chip(label), 12, 12)
}

export const dragChannels = (event: DragEvent, channels: string[], label: string): void =>
  begin(event, CHANNELS, JSON.stringify(channels), label)

export const dragCell = (event: DragEvent, cell: number, label: string): void =>
  begin(event, CELL, String(cell), label)

export function isOurs(event: DragEvent): boolean {
  const types = event.dataTransfer?.types ?? []
  return types.includes(CHANNELS) || types.includes(CELL)
}

export function loadOf(event: DragEvent): Load | null {
  const transfer = event.dataTransfer
  const cell = transfer?.getData(CELL)
  if (cell) return { cell: Number(cell) }
  const channels = transfer?.getData(CHANNELS)
  return channels ? { channels: JSON.parse(channels) as string[] } : null
}
