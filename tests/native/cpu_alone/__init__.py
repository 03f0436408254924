"""The CPU kernels compiled without torch, for a processor that may not be this one."""
