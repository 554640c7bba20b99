/** A file that is to be imported: what can be said before the service sees it; pure. */

import type { ImportReport } from './api'

const LARGEST = 10 * 1024 * 1024
const FORMS = /\.(xlsx|xls|csv)$/i

/** Why a file is not worth sending, as a key of the catalogue's `import`; empty where it is. */
export function refusalOf({ name, size }: Pick<File, 'name' | 'size'>): '' | 'tooLarge' | 'wrongForm' {
  if (!FORMS.test(name)) return 'wrongForm'
  return size > LARGEST ? 'tooLarge' : ''
}

export type Kind = 'created' | 'updated' | 'unchanged' | 'removed' | 'rejected' | 'warnings'

export interface Figure {
  name: Kind
  count: number
}

/** How many warnings there are, those that are not listed one by one counted in. */
export const doubtsOf = ({ warnings, more }: Pick<ImportReport, 'warnings' | 'more'>): number =>
  more.reduce((sum, { count }) => sum + count, warnings.length)

/** The figures of a report in the order people ask for them; what is rare only where it occurs. */
export function tallyOf(report: ImportReport | null): Figure[] {
  if (!report) return []
  const figures: Figure[] = [
    { name: 'created', count: report.created },
    { name: 'updated', count: report.updated },
    { name: 'unchanged', count: report.unchanged },
    { name: 'removed', count: report.removed },
    { name: 'rejected', count: report.rejected },
    { name: 'warnings', count: doubtsOf(report) },
  ]
  const rare: Kind[] = ['removed', 'warnings']
  return figures.filter(({ name, count }) => count > 0 || !rare.includes(name))
}
