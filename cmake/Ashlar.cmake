# Helpers of every CMakeLists.txt in the tree.
#
# Headers that many sources include are compiled once. Their owners list them
# (target_precompile_headers): AshlarDialect those of the IR, AshlarSupport those
# of LLVM alone, AshlarTestCases GoogleTest's. Sources name what they include
# all the same; -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON builds without.

# ashlar_add_library(Name SOURCES a.cpp ... [LINK libs ...] [DEPENDS targets ...]
#                    [PRECOMPILED owner]): AshlarSupport unless said.
function(ashlar_add_library name)
  cmake_parse_arguments(ARG "" "PRECOMPILED" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  ashlar_reuse_headers(${name} AshlarSupport ${ARG_PRECOMPILED})
endfunction()

# ashlar_add_test(Name SOURCES a.cpp ... [LINK libs ...] [PRECOMPILED owner]): a
# GoogleTest program that CTest runs. ASHLAR_SOURCE_DIR names the project's root
# in the tests.
function(ashlar_add_test name)
  cmake_parse_arguments(ARG "" "PRECOMPILED" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    ASHLAR_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  ashlar_reuse_headers(${name} AshlarTestCases ${ARG_PRECOMPILED})
endfunction()

# ashlar_reuse_headers(target owner ...): the last owner's headers, unless the
# target owns some itself. A target with C sources goes without: CMake would look
# for the owner's headers in C.
function(ashlar_reuse_headers name)
  list(GET ARGN -1 owner)
  get_target_property(sources ${name} SOURCES)
  if(NOT owner STREQUAL name AND NOT sources MATCHES "[.]c(;|$)")
    target_precompile_headers(${name} REUSE_FROM ${owner})
  endif()
endfunction()
