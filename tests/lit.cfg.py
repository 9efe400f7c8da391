# Tests on textual IR: every .mlir file below here, run by its RUN lines.
import lit.formats

config.name = "Ashlar"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.test_source_root = config.ashlar_source_dir + "/tests"
config.test_exec_root = config.ashlar_build_dir + "/tests"

path = [config.ashlar_tools_dir, config.llvm_tools_dir]
config.environment["PATH"] = ":".join(path + [config.environment["PATH"]])
