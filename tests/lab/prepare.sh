# Sourced by tests/demo, tests/run and tests/bench: what is missing is installed, and a preset is built.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
logs=$root/build/test-logs
export PATH=/usr/sbin:/sbin:$PATH PYTHONPATH=$root/tests PYTHONDONTWRITEBYTECODE=1
mkdir -p "$logs"

is_root() { [ "$(id -u)" = 0 ]; }

# The packages of tests/packages.txt that are not installed.
missing_packages() {
    local package
    while read -r package; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
    done < <(grep -v '^#' "$root/tests/packages.txt")
}

# Installs what is missing. Services that come with a package (nginx, haproxy, prometheus) are neither started nor enabled.
install_missing() {
    local missing unit policy=/usr/sbin/policy-rc.d own_policy=
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} = 0 ] && return 0
    if ! is_root; then
        echo "missing packages, and only root can install them: ${missing[*]}" >&2
        return 1
    fi
    echo "installing ${missing[*]}" >&2
    if [ ! -e $policy ]; then
        own_policy=yes
        printf '#!/bin/sh\nexit 101\n' > $policy
        chmod 755 $policy
    fi
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
        > "$logs/install.log" 2>&1
    local code=$?
    [ -z "$own_policy" ] || rm -f $policy
    for unit in nginx haproxy prometheus; do
        if [[ " ${missing[*]} " == *" $unit"* ]] && command -v systemctl > /dev/null; then
            systemctl disable --quiet "$unit" 2>/dev/null
        fi
    done
    [ $code = 0 ] || { tail -n 20 "$logs/install.log" >&2; return 1; }
}

# build_preset PRESET: configures and builds; output to build/test-logs/build-PRESET.log, shown if it fails.
build_preset() {
    local log=$logs/build-$1.log
    if ! (cd "$root" && cmake --preset "$1" && cmake --build --preset "$1" -j "$(nproc)") > "$log" 2>&1; then
        tail -n 40 "$log" >&2
        return 1
    fi
}
