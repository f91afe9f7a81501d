#!/bin/sh
# Builds every kernel test with nvcc for this machine's GPU and runs it; arguments go to the programs (--time, --seed=N).
# Prints one line a test; the status is 1 when any failed, 77 when there is no nvcc.
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../../../../..
kernels=$root/compiler/targets/cuda/kernels
nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
[ -x "$nvcc" ] || { echo "skipped: nvcc is not installed"; exit 77; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for file in "$here"/*.cu; do
  name=$(basename "$file" .cu)
  grep -q '^int main' "$file" || continue
  "$nvcc" -std=c++20 -O3 -gencode=arch=compute_90a,code=sm_90a -I"$here" -I"$kernels" -I"$root" \
    "$file" "$root/runtime/gguf/BlockFormat.cpp" "$root/runtime/gguf/BlockTiles.cpp" "$root/runtime/gguf/RowTiles.cpp" -o "$out/$name" >"$out/$name.log" 2>&1 &
done
wait
failed=0
for file in "$here"/*.cu; do
  name=$(basename "$file" .cu)
  grep -q '^int main' "$file" || continue
  if [ ! -x "$out/$name" ]; then
    echo "$name: does not compile"
    cat "$out/$name.log"
    failed=1
  elif ! "$out/$name" "$@"; then
    failed=1
  fi
done
exit $failed
