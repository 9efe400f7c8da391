# Writes STUB.s and STUB.map for one library of glibc-2.28.symbols:
#   cmake -DSYMBOLS=file -DLIBRARY=libc.so.6 -DSTUB=prefix -P StubLibrary.cmake
# A stub has the names and versions of the real library and nothing else.

file(STRINGS "${SYMBOLS}" lines REGEX "^${LIBRARY} ")
set(code "  .text\n")
set(versions)
foreach(line ${lines})
  if(NOT line MATCHES
     "^[^ ]+ ([A-Z0-9_.]+) ([A-Za-z0-9_]+)( object ([0-9]+))?$")
    message(FATAL_ERROR "${SYMBOLS}: cannot read \"${line}\"")
  endif()
  set(version ${CMAKE_MATCH_1})
  set(name ${CMAKE_MATCH_2})
  set(bytes "${CMAKE_MATCH_4}")
  if(bytes)
    string(APPEND code "  .data\n  .globl ${name}\n  .type ${name},@object\n"
      "  .size ${name}, ${bytes}\n${name}:\n  .zero ${bytes}\n  .text\n")
  else()
    string(APPEND code
      "  .globl ${name}\n  .type ${name},@function\n${name}:\n  ret\n")
  endif()
  list(APPEND versions ${version})
  list(APPEND names_${version} ${name})
endforeach()
string(APPEND code "  .section .note.GNU-stack,\"\",@progbits\n")

list(REMOVE_DUPLICATES versions)
set(map "")
foreach(version ${versions})
  list(JOIN names_${version} "; " names)
  string(APPEND map "${version} { global: ${names}; };\n")
endforeach()
file(WRITE "${STUB}.s" "${code}")
file(WRITE "${STUB}.map" "${map}")
