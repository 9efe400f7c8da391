# Helpers of every CMakeLists.txt in the tree.

# ashlar_add_library(Name SOURCES a.cpp ... [LINK libs ...] [DEPENDS targets ...])
function(ashlar_add_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# ashlar_add_test(Name SOURCES a.cpp ... [LINK libs ...]): a GoogleTest program
# that CTest runs. ASHLAR_SOURCE_DIR names the project's root in the tests.
function(ashlar_add_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    ASHLAR_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name})
endfunction()
