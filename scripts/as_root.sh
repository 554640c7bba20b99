# Sourced: installs Debian packages where we may, else stops with the line that an administrator must type.
run_as_root() {
  if [ "$(id -u)" = 0 ]; then
    as=
  elif sudo -n true 2>/dev/null; then
    as="sudo -n"
  else
    printf '%s\n' "缺少系统软件包, 请先执行 / missing Debian packages, please run:" "  sudo apt-get update && sudo apt-get install -y --no-install-recommends $*" >&2
    return 1
  fi
  printf '%s\n' "安装系统软件包 / installing Debian packages: $*" >&2
  DEBIAN_FRONTEND=noninteractive $as apt-get update -qq >/dev/null
  DEBIAN_FRONTEND=noninteractive $as apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
