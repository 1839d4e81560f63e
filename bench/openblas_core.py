#!/usr/bin/env python3
"""Which of OpenBLAS's cores this processor can run best: for OPENBLAS_CORETYPE, where Debian's OpenBLAS does not know the processor and
would take a kernel for an old one, several times slower. Prints its name, or nothing where the choice is better left to OpenBLAS.
"""


def best_core(cpuinfo="/proc/cpuinfo"):
    try:
        with open(cpuinfo, encoding="ascii", errors="replace") as file:
            flags = next((set(line.split(":", 1)[1].split()) for line in file if line.startswith("flags")), set())
    except OSError:
        return ""
    if {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= flags:
        return "SkylakeX"
    return "Haswell" if {"avx2", "fma"} <= flags else ""


if __name__ == "__main__":
    print(best_core())
