import { readFileSync } from 'node:fs'

import { baseCompile } from '@intlify/message-compiler'
import vue from '@vitejs/plugin-vue'
import { ElementPlusResolver } from 'unplugin-vue-components/resolvers'
import components from 'unplugin-vue-components/vite'
import { defineConfig, type Plugin } from 'vite'

type Messages = { [key: string]: string | Messages }
type Compiled = { [key: string]: unknown }

/** Every leaf becomes the syntax tree that vue-i18n would else make in the browser. */
export function compileMessages(messages: Messages): Compiled {
  return Object.fromEntries(
    Object.entries(messages).map(([key, value]) => {
      if (typeof value !== 'string') return [key, compileMessages(value)]
      const { ast } = baseCompile(value, { jit: true, location: false, optimize: true })
      return [key, ast]
    }),
  )
}

/** Catalogues are compiled here, so the message compiler does not travel to the browser. */
function catalogues(): Plugin {
  return {
    name: 'vidgate:catalogues',
    enforce: 'pre',
    load(id) {
      const file = id.split('?')[0] ?? ''
      if (!/\/src\/locales\/[\w-]+\.json$/.test(file)) return null
      this.addWatchFile(file)
      const compiled = compileMessages(JSON.parse(readFileSync(file, 'utf8')) as Messages)
      return { code: JSON.stringify(compiled), moduleType: 'json' }
    },
  }
}

const service = process.env['VIDGATE_SERVER'] ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [
    catalogues(),
    vue(),
    components({ dts: false, resolvers: [ElementPlusResolver({ importStyle: 'css' })] }),
  ],
  resolve: {
    alias: { 'vue-i18n': 'vue-i18n/dist/vue-i18n.runtime.mjs' },
  },
  define: {
    __VUE_OPTIONS_API__: 'true', // Element Plus still has components that need it
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_DROP_MESSAGE_COMPILER__: 'true',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
  },
  build: {
    target: 'chrome109', // the oldest desktop browser that a site is allowed to have
    assetsInlineLimit: 0, // `default-src 'self'` allows no data: fonts or styles
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: {
      '/api': { target: service, ws: true },
      '/whep': { target: service },
      '/whep-sessions': { target: service },
    },
  },
  test: {
    environment: 'happy-dom',
    include: ['tests/**/*.test.ts'],
    restoreMocks: true,
  },
} as Parameters<typeof defineConfig>[0] & { test: object })
