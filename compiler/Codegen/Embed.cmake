# What the compiler carries inside itself: the code of artifacts
# (cmake/ArtifactCode.cmake), stub libraries, and the text of the public headers.

# ashlar_stub(OUT libc.so.6): a library with nothing but versioned names.
function(ashlar_stub name library)
  set(stub ${CMAKE_CURRENT_BINARY_DIR}/${name})
  set(symbols ${CMAKE_CURRENT_SOURCE_DIR}/glibc-2.28.symbols)
  set(script ${CMAKE_CURRENT_SOURCE_DIR}/StubLibrary.cmake)
  add_custom_command(
    OUTPUT ${stub}.so
    COMMAND ${CMAKE_COMMAND} -DSYMBOLS=${symbols} -DLIBRARY=${library}
            -DSTUB=${stub} -P ${script}
    COMMAND ${ARTIFACT_CC} --target=x86_64-unknown-linux-gnu -c ${stub}.s
            -o ${stub}.o
    COMMAND ${ARTIFACT_LD} -shared -s -z noseparate-code --build-id=none
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
