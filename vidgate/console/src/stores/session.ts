import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'

import { ApiError, api, onSignedOut, type Session } from '../api'

/** Who is signed in, and what they may do. */
export const useSession = defineStore('session', () => {
  const session = shallowRef<Session | null>(null)
  const storage = ref('ok')
  const isKnown = ref(false)
  const hasExpired = ref(false)
  const isUnreachable = ref(false)

  const user = computed(() => session.value?.user ?? null)
  const permissions = computed(() => new Set(user.value?.permissions ?? []))
  const may = (permission: string): boolean => permissions.value.has(permission)

  watch(session, (now) => (storage.value = now?.server.storage ?? 'ok'))

  async function restore(asked: Promise<Session> = api.session()): Promise<void> {
    try {
      session.value = await asked
      isUnreachable.value = false
    } catch (error) {
      isUnreachable.value = error instanceof ApiError && error.status === 0
      if (error instanceof ApiError && error.status === 401) end(session.value !== null)
    } finally {
      isKnown.value = true
    }
  }

  async function signIn(username: string, password: string): Promise<void> {
    session.value = await api.signIn(username, password)
    hasExpired.value = false
  }

  async function signOut(): Promise<void> {
    try {
      await api.signOut()
    } catch {
      // Whatever became of it there, here nobody is signed in any more.
    }
    end(false)
  }

  function end(expired: boolean): void {
    session.value = null
    hasExpired.value = expired
  }

  onSignedOut.notify = () => end(session.value !== null)

  return { session, storage, user, isKnown, hasExpired, isUnreachable, may, restore, signIn, signOut, end }
})
