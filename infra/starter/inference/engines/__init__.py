"""The two engines: vLLM as a child process, OpenVINO in this one."""
