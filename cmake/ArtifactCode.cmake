# C code that artifacts carry: C11 and libc, compiled when the compiler is built,
# for every x86-64, since `open` runs before it has checked the CPU.

find_program(ARTIFACT_CC clang-22 HINTS ${LLVM_PREFIX}/bin REQUIRED)
find_program(ARTIFACT_LD NAMES ld.lld HINTS ${LLVM_PREFIX}/bin NO_DEFAULT_PATH
             REQUIRED)

# A section for each function, so that an artifact keeps only what it uses. No
# build path may get into an artifact.
set(ARTIFACT_C_FLAGS -std=c11 -O2 -fPIC -march=x86-64 -ffp-contract=off
  -fno-math-errno -ffunction-sections -fdata-sections -fno-addrsig -fno-ident
  -fno-stack-protector -U_FORTIFY_SOURCE -fvisibility=default
  -Wall -Wextra -Werror -I${PROJECT_SOURCE_DIR}
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=
  -DASHLAR_VERSION="${PROJECT_VERSION}")

# ashlar_artifact_object(Target SOURCES a.c ... [HEADERS a.h ...]
#                        [OBJECTS other.o ...]): one relocatable object of C
# sources, by their full paths, and of other such objects. The path is the
# target's property ARTIFACT_OBJECT.
function(ashlar_artifact_object target)
  cmake_parse_arguments(ARG "" "" "SOURCES;HEADERS;OBJECTS" ${ARGN})
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${target})
  file(MAKE_DIRECTORY ${folder})
  set(parts ${ARG_OBJECTS})
  foreach(source ${ARG_SOURCES})
    get_filename_component(stem ${source} NAME_WE)
    file(RELATIVE_PATH shown ${PROJECT_SOURCE_DIR} ${source})
    add_custom_command(OUTPUT ${folder}/${stem}.o
      COMMAND ${ARTIFACT_CC} ${ARTIFACT_C_FLAGS} -c ${shown}
              -o ${folder}/${stem}.o
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
      DEPENDS ${source} ${ARG_HEADERS} VERBATIM)
    list(APPEND parts ${folder}/${stem}.o)
  endforeach()
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${target}.o)
  add_custom_command(OUTPUT ${object}
    COMMAND ${ARTIFACT_LD} -r ${parts} -o ${object} DEPENDS ${parts} VERBATIM)
  add_custom_target(${target} DEPENDS ${object})
  set_target_properties(${target} PROPERTIES ARTIFACT_OBJECT ${object})
endfunction()
