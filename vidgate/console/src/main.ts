import 'element-plus/theme-chalk/base.css'
import 'element-plus/theme-chalk/dark/css-vars.css'
import './styles/base.css'
import './styles/pages.css'

import { createPinia } from 'pinia'
import { createApp } from 'vue'

import App from './App.vue'
import { api } from './api'
import { entitle, i18n } from './i18n'
import { useSession } from './stores/session'
import { restoreTheme } from './theme'

const asked = api.session() // on its way while the page is being made
asked.catch(() => {}) // `restore` reads the failure

restoreTheme()
const app = createApp(App)
app.use(createPinia())
app.use(i18n)
entitle()
app.mount('#app')
void useSession().restore(asked)
