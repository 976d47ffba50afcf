"""`python wasmhost.py MODULE FOLDER`: run the program as WebAssembly with one folder opened."""

from __future__ import annotations

import sys

from wasmtime import Config, Engine, Func, Linker, Module, Store, WasiConfig


def main(module: str, folder: str) -> None:
    """Run the module to its end, on this process's standard streams."""
    config = Config()
    config.wasm_simd = True
    config.cranelift_opt_level = "speed"
    engine = Engine(config)
    linker = Linker(engine)
    linker.define_wasi()
    store = Store(engine)
    wasi = WasiConfig()
    wasi.argv = ["bench", "/data"]
    wasi.inherit_stdin()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    wasi.preopen_dir(folder, "/data")
    store.set_wasi(wasi)
    instance = linker.instantiate(store, Module.from_file(engine, module))
    start = instance.exports(store)["_start"]
    assert isinstance(start, Func)
    start(store)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
