# What the compiler carries inside itself: the runtime as LLVM bitcode, stub
# libraries, and the text of the public headers.

set(LLVM_BIN ${LLVM_PREFIX}/bin)
find_program(BITCODE_CLANG NAMES clang-22 clang HINTS ${LLVM_BIN} REQUIRED)
find_program(BITCODE_LINK NAMES llvm-link HINTS ${LLVM_BIN} NO_DEFAULT_PATH
             REQUIRED)
find_program(STUB_LINK NAMES ld.lld HINTS ${LLVM_BIN} NO_DEFAULT_PATH REQUIRED)

# For the baseline: this runs before `open` has checked the CPU. No build path
# may get into an artifact.
set(BITCODE_FLAGS -std=c11 -O2 -fPIC
    -march=x86-64 -fno-stack-protector -fno-ident -U_FORTIFY_SOURCE
    -Wall -Wextra -I${PROJECT_SOURCE_DIR}
    -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)

# ashlar_bitcode(OUT SOURCES c files... [BITCODE files...]): compiles C sources,
# paths relative to the project's root, and links them and other bitcode into one
# file. `OUT` is set to its path.
function(ashlar_bitcode name)
  cmake_parse_arguments(ARG "" "" "SOURCES;BITCODE" ${ARGN})
  set(modules ${ARG_BITCODE})
  foreach(source ${ARG_SOURCES})
    string(MAKE_C_IDENTIFIER ${source} stem)
    set(module ${CMAKE_CURRENT_BINARY_DIR}/${stem}.bc)
    add_custom_command(
      OUTPUT ${module}
      COMMAND ${BITCODE_CLANG} ${BITCODE_FLAGS} -emit-llvm -c ${source}
              -o ${module}
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
      DEPENDS ${PROJECT_SOURCE_DIR}/${source} VERBATIM)
    list(APPEND modules ${module})
  endforeach()
  set(linked ${CMAKE_CURRENT_BINARY_DIR}/${name}.bc)
  add_custom_command(
    OUTPUT ${linked}
    COMMAND ${BITCODE_LINK} ${modules} -o ${linked}
    DEPENDS ${modules} VERBATIM)
  set(${name} ${linked} PARENT_SCOPE)
endfunction()

# ashlar_stub(OUT libc.so.6): a library with nothing but versioned names.
function(ashlar_stub name library)
  set(stub ${CMAKE_CURRENT_BINARY_DIR}/${name})
  set(symbols ${CMAKE_CURRENT_SOURCE_DIR}/glibc-2.28.symbols)
  set(script ${CMAKE_CURRENT_SOURCE_DIR}/StubLibrary.cmake)
  add_custom_command(
    OUTPUT ${stub}.so
    COMMAND ${CMAKE_COMMAND} -DSYMBOLS=${symbols} -DLIBRARY=${library}
            -DSTUB=${stub} -P ${script}
    COMMAND ${BITCODE_CLANG} --target=x86_64-unknown-linux-gnu -c ${stub}.s
            -o ${stub}.o
    COMMAND ${STUB_LINK} -shared -s -z noseparate-code --build-id=none
            -soname=${library} --version-script=${stub}.map ${stub}.o
            -o ${stub}.so
    DEPENDS ${symbols} ${script} VERBATIM)
  set(${name} ${stub}.so PARENT_SCOPE)
endfunction()

# ashlar_embed(OUT name file): a C file that defines `name` and `name_end` with
# the bytes of `file` between them.
function(ashlar_embed out name file)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}.embedded.c)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
__asm__(".section .rodata\n"
        ".balign 64\n"
        ".globl @name@\n.hidden @name@\n@name@:\n"
        ".incbin \"@file@\"\n"
        ".globl @name@_end\n.hidden @name@_end\n@name@_end:\n"
        ".byte 0\n"
        ".text\n");
]])
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${file})
  set(${out} ${source} PARENT_SCOPE)
endfunction()
