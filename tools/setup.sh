# Sourced by quickstart and check: installs what is missing, nothing that is there already. Debian 12.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=$(nproc)

build_packages=(
  ccache cmake ninja-build python3-venv clang-22 lld-22 llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools
  libcli11-dev libmbedtls-dev libpcre2-dev libprotobuf-dev libutf8proc-dev libxxhash-dev libzstd-dev nlohmann-json3-dev
  protobuf-compiler zlib1g-dev)
test_packages=(clang-format-22 gcc libclang-rt-22-dev libgtest-dev libopenmpi-dev openmpi-bin)

# install_packages name...
install_packages() {
  local missing=() package
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == *" installed" ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  echo "installing: ${missing[*]}"
  local administrator=()
  ((EUID == 0)) || administrator=(sudo)
  "${administrator[@]}" apt-get update -q
  "${administrator[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
}

# python_environment requirements-file: build/venv with exactly these packages; sets $python.
python_environment() {
  local environment=$root/build/venv requirements=$root/$1
  python=$environment/bin/python
  [[ -x $python ]] || /usr/bin/python3 -m venv "$environment"
  cmp -s "$requirements" "$environment/installed-$(basename "$requirements")" && return
  "$python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
  cp "$requirements" "$environment/installed-$(basename "$requirements")"
}

# build preset cmake-argument...: configures and builds build/<preset>.
build() {
  local preset=$1
  shift
  export CCACHE_SLOPPINESS=pch_defines,time_macros # without these it compiles all that uses the precompiled header
  cmake -S "$root" --preset "$preset" -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache \
    -DPython3_EXECUTABLE="$python" "$@"
  cmake --build "$root/build/$preset" -j "$jobs"
}
