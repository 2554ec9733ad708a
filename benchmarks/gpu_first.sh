#!/usr/bin/env bash
# Everything that wants a GPU, in one command and under 6 minutes, for a machine that is at hand for a quarter of an hour.
#
#     OUT=folder [COMMIT=hash] [LIMIT_S=seconds] bash benchmarks/gpu_first.sh
#
# Builds in place with CUDA; then the tests and compute-sanitizer's memcheck and racecheck of some of them share the GPU;
# then speed, ncu and the heavy tests have it alone. Every step is stopped after its time (LIMIT_S: no step gets more) and
# leaves a log in OUT, which must be empty: build, tests, memcheck, racecheck, speed, ncu, heavy (.txt) and gpu.json, eight
# files. A line for each step, what failed, and the verdict come last. Exits with 1 if anything failed, was stopped or
# measured nothing. Needs: nvcc, a CUDA build of torch, setuptools, pybind11, pytest, pytest-timeout, hypothesis, scipy, ncu,
# compute-sanitizer; no network and no git. PYTHON: the interpreter, by default python3.
set -u
exec 2>&1
cd "$(dirname "$0")/.." || exit 1
out=${OUT:?is the folder for logs and figures}
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 1
python=${PYTHON:-python3}
failed=0
lines=()
export PYTHONUNBUFFERED=1 PYTHONPATH=$PWD PYSAMPLER_CUDA=1 NVCC_APPEND_FLAGS=-lineinfo PYSAMPLER_COMMIT=${COMMIT:-unknown}

gpu_tests=(tests/cuda/test_cuda.py tests/cuda/test_cuda_gpu_build.py tests/cuda/test_cuda_gpu_marks.py
  tests/cuda/test_cuda_rows.py tests/cuda/test_cuda_dynamic.py)
heavy="large_tables or compiled_steps or billion or 32_bits or beyond_2"
# The sanitizers slow down what they watch: these reach every path of every kernel, and capture no graph, which torch
# refuses without its cache of memory.
watched="(any_start_count and 30001) or (every_family and 1025) or (plain_count and 100003) or first_wrong or state_on_the_device or (rows_ and (1000 or 5000 or 33000)) or minus_one or (dynamic_draws and 257) or (dynamic_updates and 300) or dynamic_duplicates or dynamic_bad"
pytest=("$python" -m pytest -q -p no:cacheprovider --tb=short --durations=8)
bounded=(--timeout=60 --timeout-method=thread)
sanitizer=(compute-sanitizer --error-exitcode 86 --kernel-name kns=pysampler)

# step NAME SECONDS COMMAND...: runs it, bounded; its log is NAME.txt.
step() {
  local name=$1 limit=$2 begun=$SECONDS status
  shift 2
  [ "$limit" -gt "${LIMIT_S:-$limit}" ] && limit=$LIMIT_S
  timeout -k 5 "$limit" "$@" > "$out/$name.txt" 2>&1 < /dev/null
  status=$?
  echo "$status $((SECONDS - begun))" >> "$out/$name.txt"
  return $status
}
# told NAME: a line on a step that has ended; its log ends with status and seconds.
told() {
  local status seconds outcome=passed said
  read -r status seconds < <(tail -n 1 "$out/$1.txt")
  said=$(sed '$d' "$out/$1.txt" | grep -v '^ *$' | tail -n 1 | cut -c1-150)
  case $status in 0) ;; 124 | 137) outcome=STOPPED ;; 127) outcome=MISSING ;; *) outcome=FAILED ;; esac
  [ "$status" = 0 ] || failed=1
  lines+=("$(printf '%-9s %-10s %4s s  %s' "$outcome" "$1" "$seconds" "$said")")
  echo "${lines[-1]}"
}
alone() { step "$@"; told "$1"; }

nvidia-smi --query-gpu=name,driver_version,clocks.max.sm --format=csv,noheader || failed=1
for tool in nvcc ncu compute-sanitizer; do command -v "$tool" || { echo "MISSING   $tool"; failed=1; }; done

alone build 75 "$python" setup.py -q build_ext --inplace
if [ "$failed" = 0 ] || tail -n 1 "$out/build.txt" | grep -q '^0 '; then
  step tests 80 "${pytest[@]}" "${bounded[@]}" "${gpu_tests[@]}" -k "not ($heavy)" &
  PYTORCH_NO_CUDA_MEMORY_CACHING=1 step memcheck 80 "${sanitizer[@]}" --report-api-errors no \
    "${pytest[@]}" "${gpu_tests[@]}" -k "$watched" &
  PYTORCH_NO_CUDA_MEMORY_CACHING=1 step racecheck 80 "${sanitizer[@]}" --tool racecheck \
    "${pytest[@]}" "${gpu_tests[@]}" -k "$watched" &
  wait
  for name in tests memcheck racecheck; do told "$name"; done
  alone speed 75 "$python" -m benchmarks.gpu_speed "$out/gpu.json"
  [ -s "$out/gpu.json" ] || { echo "MISSING   gpu.json: nothing was measured"; failed=1; }
  alone ncu 40 ncu --clock-control none --set detailed --kernel-name-base mangled \
    --kernel-name "regex:DrawBody|SumBlocks|Pack|PlaceLeft|AddUp" "$python" -m benchmarks.gpu_ncu
  alone heavy 65 "${pytest[@]}" "${bounded[@]}" "${gpu_tests[@]}" -k "$heavy"
  grep -E '^N =|holds:|MISSED:' "$out/speed.txt"
else
  tail -n 30 "$out/build.txt"
fi

for name in tests memcheck racecheck heavy; do
  [ -e "$out/$name.txt" ] && grep -hE '^(FAILED|ERROR|E  )|=====.*(Invalid|hazard|Error)' "$out/$name.txt" | head -n 10
done
printf '%s\n' "${lines[@]}"
[ "$failed" = 0 ] && echo "VERDICT: all passed" || echo "VERDICT: FAILED"
exit $failed
