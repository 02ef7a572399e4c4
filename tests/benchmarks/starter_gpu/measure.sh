#!/bin/bash
# Measures the starter in front of vLLM beside that same engine's own socket, then the bare vLLM on TCP: measure.sh MODEL APP [OLDER]
# MODEL: the folder that make_model.py wrote. APP: the folder `inference` of a project that `aitk-inference new` made; OLDER: an
# older one, measured in front of the same engine.
# VLLM: how vLLM is started (default: vllm). APP_PYTHON: how the app is (default: python3), with the packages of its lock.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); model=$1; app=$2; older=${3:-}
vllm=${VLLM:-vllm}; app_python=${APP_PYTHON:-python3}
streams=${STREAMS:-1,8,32,128}; repeats=${REPEATS:-9}; port=${PORT:-7860}; logs=${LOGS:-$(mktemp -d)}
options="--max-num-seqs 128 --gpu-memory-utilization 0.90"

wait_for() { # ADDRESS PID WORDS: until the address answers with the words
  local began=$SECONDS
  until body=$(curl -sf "$1") && [[ $body == *"$3"* ]]; do
    kill -0 "$2" && ((SECONDS - began < 400)) || { tail -n 60 "$logs"/*.log; exit 1; }
    sleep 0.2
  done
  echo "{\"what\": \"start to $1\", \"seconds\": $((SECONDS - began))}"
}

stop() { kill -TERM -- "-$1"; wait "$1" || true; sleep 3; }

serve() { # APP PORT COMMAND: in the background
  (cd "$1" && INFERENCE_NAME=tuned INFERENCE_BASE="$model/base" INFERENCE_ADAPTER="$model/adapter" INFERENCE_CONTEXT_TOKENS=4096 \
    INFERENCE_DTYPE=bfloat16 INFERENCE_VLLM_COMMAND="$3" INFERENCE_VLLM_ARGUMENTS="$options" HOST=127.0.0.1 PORT=$2 \
    exec setsid $app_python gradio_chat.py) >"$logs/app$2.log" 2>&1 &
}

for caches in empty kept; do # an engine that has just compiled answers later than one that found its caches: only that is measured
  serve "$app" "$port" "$vllm serve"
  pid=$!
  wait_for "http://127.0.0.1:$port/ready" $pid true
  grep -E '^\[ *[0-9.]+ s\] Ready' "$logs/app$port.log"
  [[ $caches = kept ]] || stop $pid
done
wait_for "http://127.0.0.1:$port/" $pid gradio_config
socket=$(ls -t /tmp/vllm-*/socket | head -1)
addresses=("the starter=http://127.0.0.1:$port" "its engine=$socket")
if [[ $older ]]; then
  serve "$older" $((port + 1)) "$here/attach.sh $socket"
  before=$!
  wait_for "http://127.0.0.1:$((port + 1))/" $before gradio_config
  addresses+=("the older one=http://127.0.0.1:$((port + 1))")
fi
python3 "$here/load.py" tuned "$repeats" "$streams" "${addresses[@]}"
ps -o pid,cputime,rss,args -p $pid
[[ ! $older ]] || stop $before
stop $pid

lora='{"name":"tuned","path":"'$model'/adapter","base_model_name":"tuned-base"}'
setsid $vllm serve "$model/base" --served-model-name tuned-base --host 127.0.0.1 --port "$port" --dtype bfloat16 --max-model-len 4096 \
  --enable-lora --max-loras 1 --max-lora-rank 16 --lora-modules "$lora" --disable-uvicorn-access-log $options >"$logs/bare.log" 2>&1 &
pid=$!
wait_for "http://127.0.0.1:$port/health" $pid ""
python3 "$here/load.py" tuned "$repeats" "$streams" "bare vLLM=http://127.0.0.1:$port"
stop $pid
