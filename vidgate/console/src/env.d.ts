/// <reference types="vite/client" />
/// <reference types="element-plus/global" />

interface RTCRtpReceiver {
  /** Milliseconds; the standard's name. */
  jitterBufferTarget?: number | null
  /** Seconds; Chromium's older name. */
  playoutDelayHint?: number | null
}
