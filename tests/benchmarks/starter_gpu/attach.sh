#!/bin/bash
# Takes the place of `vllm serve` and leads to an engine that runs already: attach.sh SOCKET VLLM'S-ARGUMENTS…
engine=$1
while (($#)); do
  [[ $1 != --uds ]] || ln -s "$engine" "$2"
  shift
done
exec sleep infinity
