import { clock, day } from './format'

const CAPTION = 0.045 // of the picture's height

/** Save a video's present picture as PNG, with the channel's name and the time burnt in. */
export async function saveSnapshot(video: HTMLVideoElement, name: string): Promise<string | null> {
  const { videoWidth: width, videoHeight: height } = video
  const context = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d')
  if (!context || width === 0) return null
  const date = new Date()
  context.drawImage(video, 0, 0)
  const size = Math.max(14, Math.round(height * CAPTION))
  context.fillStyle = 'rgb(0 0 0 / 55%)'
  context.fillRect(0, height - size * 1.7, width, size * 1.7)
  context.fillStyle = '#fff'
  context.font = `${size}px system-ui, sans-serif`
  context.textBaseline = 'middle'
  context.fillText(`${name}   ${day(date)} ${clock(date)}`, size * 0.6, height - size * 0.85)
  const blob = await new Promise<Blob | null>((done) => context.canvas.toBlob(done, 'image/png'))
  if (!blob) return null
  const file = `${name.replace(/[\\/:*?"<>|]/g, '_')}_${day(date)}_${clock(date).replaceAll(':', '')}.png`
  const url = URL.createObjectURL(blob)
  Object.assign(document.createElement('a'), { href: url, download: file }).click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
  return file
}
