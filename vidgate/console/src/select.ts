/** Element Plus' select, whose published types do not stand TypeScript's exact optional properties. */

import 'element-plus/es/components/option/style/css'
import 'element-plus/es/components/select/style/css'

import { ElOption, ElSelect } from 'element-plus'
import type { Component } from 'vue'

export const VgSelect = ElSelect as unknown as Component
export const VgOption = ElOption as unknown as Component
