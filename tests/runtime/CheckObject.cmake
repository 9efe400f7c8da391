# The runtime's object file: small, without writable data, and with no need of
# anything that glibc 2.28 and its libpthread did not have.

cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${SIZE} -A ${OBJECT} OUTPUT_VARIABLE sections
                COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\n" ";" sections "${sections}")
set(read_only 0)
foreach(section ${sections})
  if(section MATCHES "^[.](text|rodata)[^ ]* +([0-9]+)")
    math(EXPR read_only "${read_only} + ${CMAKE_MATCH_2}")
  elseif(section MATCHES "^[.](data|bss|tdata|tbss)[^ ]* +([0-9]+)")
    if(NOT section MATCHES "^[.]data[.]rel[.]ro" AND CMAKE_MATCH_2 GREATER 0)
      message(FATAL_ERROR "the runtime has writable data: ${section}")
    endif()
  endif()
endforeach()
if(read_only EQUAL 0 OR read_only GREATER_EQUAL 65536)
  message(FATAL_ERROR "text and rodata are ${read_only} bytes, limit 65536")
endif()

set(allowed
  __errno_location aligned_alloc bcmp calloc clock_gettime close free getpid memchr memcmp
  madvise memcpy memmove memset mmap munmap open pread pthread_attr_destroy
  pthread_attr_init pthread_attr_setstacksize pthread_create pthread_join
  pthread_sigmask read sched_getaffinity sigfillset strcspn strlen syscall
  ashlar_artifact_plan)
execute_process(COMMAND ${NM} -u --format=just-symbols ${OBJECT}
                OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX REPLACE "[\r\n]+" ";" symbols "${symbols}")
foreach(symbol ${symbols})
  if(NOT symbol STREQUAL "" AND NOT symbol IN_LIST allowed)
    message(FATAL_ERROR "the runtime needs ${symbol}: not in the list of what "
                        "glibc 2.28 has for it")
  endif()
endforeach()

# What other files of the artifact see: the public functions, the barrier and the
# parts of phases.
set(public
  ashlar_barrier ashlar_close ashlar_copy_slot ashlar_decode ashlar_encode
  ashlar_get_api ashlar_head ashlar_hidden ashlar_length ashlar_open ashlar_reset
  ashlar_session_create ashlar_session_destroy ashlar_session_marks
  ashlar_status_text ashlar_take)
execute_process(COMMAND ${NM} -g --defined-only --format=just-symbols ${OBJECT}
                OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX REPLACE "[\r\n]+" ";" symbols "${symbols}")
foreach(symbol ${symbols})
  if(NOT symbol STREQUAL "" AND NOT symbol MATCHES "^ashlar_rt_" AND
     NOT symbol IN_LIST public)
    message(FATAL_ERROR "unexpected global symbol ${symbol}")
  endif()
endforeach()
message(STATUS "text and rodata: ${read_only} bytes")
