# Build rules shared by the whole tree and by the engine built alone.
include_guard(GLOBAL)

get_filename_component(ATELIER_ROOT "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(ATELIER_SRC "${ATELIER_ROOT}/src")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# CHECK() is ours and always on, so Release may keep NDEBUG for the libraries' own asserts.
set(ATELIER_SANITIZE "" CACHE STRING "Sanitizers for our code: address,undefined or thread")
if(ATELIER_SANITIZE)
  set(CMAKE_CXX_FLAGS_RELEASE "-O1") # half the compile time of -O2, and readable traces
else()
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
endif()
option(ATELIER_TESTS "Build the tests" ON)
option(ATELIER_FUZZ "Build the libFuzzer targets (clang only)" OFF)

find_program(ATELIER_CCACHE ccache)
if(ATELIER_CCACHE)
  # Without these two, ccache declines every file that uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND}" -E env "CCACHE_SLOPPINESS=pch_defines,time_macros"
      "CCACHE_BASEDIR=${ATELIER_ROOT}" "${ATELIER_CCACHE}")
endif()

if(ATELIER_FUZZ) # the layers under a fuzzer report what they visit, and are checked as it is
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all -g1)
  add_link_options(-fsanitize=address,undefined)
endif()
if(ATELIER_SANITIZE)
  add_compile_options(-fsanitize=${ATELIER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g1)
  add_link_options(-fsanitize=${ATELIER_SANITIZE})
endif()

add_library(atelier_flags INTERFACE)
option(ATELIER_WARNINGS_ARE_ERRORS "Off where a compiler that the project does not know may warn of more" ON)
target_compile_options(atelier_flags INTERFACE -Wall -Wextra -Wconversion)
if(ATELIER_WARNINGS_ARE_ERRORS)
  target_compile_options(atelier_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  target_compile_options(atelier_flags INTERFACE -Wno-deprecated-declarations) # inside libstdc++ 12: std::stable_sort
endif()
if(ATELIER_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(atelier_flags INTERFACE -Wno-maybe-uninitialized) # false in <regex> and Boost when instrumented
endif()
if(ATELIER_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(atelier_flags INTERFACE -Wno-tsan) # Asio's fences, dependencies.md of the project's ADR 0001
endif()
target_include_directories(atelier_flags INTERFACE "${ATELIER_SRC}")

# What the Makefile builds: the programs (atelier_program adds to it), every test, the tests that the thread sanitizer watches.
foreach(goal programs tests thread_tests fuzzers bench)
  if(NOT TARGET ${goal})
    add_custom_target(${goal})
  endif()
endforeach()

# atelier_layer(NAME SOURCES a.cpp … USES other layers and imported targets): one static library per layer.
function(atelier_layer name)
  cmake_parse_arguments(LAYER "" "" "SOURCES;USES;PRIVATE_USES" ${ARGN})
  add_library(atelier_${name} STATIC ${LAYER_SOURCES})
  target_link_libraries(atelier_${name} PUBLIC ${LAYER_USES} PRIVATE atelier_flags ${LAYER_PRIVATE_USES})
  target_include_directories(atelier_${name} PUBLIC "${ATELIER_SRC}")
endfunction()

# GoogleTest of the machine, or its sources where they were carried along (tools/gpu_check).
set(ATELIER_GTEST_SOURCE "" CACHE PATH "Folder of GoogleTest's sources")
macro(atelier_find_gtest)
  if(NOT ATELIER_GTEST_SOURCE)
    find_package(GTest REQUIRED)
  elseif(NOT TARGET GTest::gtest_main)
    add_subdirectory("${ATELIER_GTEST_SOURCE}" "${CMAKE_BINARY_DIR}/googletest" EXCLUDE_FROM_ALL)
    foreach(part gtest gtest_main gmock)
      if(NOT TARGET GTest::${part})
        add_library(GTest::${part} ALIAS ${part})
      endif()
    endforeach()
  endif()
endmacro()

# atelier_test(NAME SOURCES x_test.cpp … USES … [TIMEOUT seconds] [LABELS unit|golden|api|long …])
function(atelier_test name)
  if(NOT ATELIER_TESTS)
    return()
  endif()
  cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;USES;LABELS;ENVIRONMENT" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 300)
  endif()
  if(NOT TEST_LABELS)
    set(TEST_LABELS unit)
  endif()
  atelier_find_gtest()
  add_executable(${name} ${TEST_SOURCES})
  target_link_libraries(${name} PRIVATE ${TEST_USES} atelier_flags GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE ATELIER_SOURCE_DIR="${ATELIER_ROOT}")
  add_test(NAME ${name} COMMAND ${name})
  add_dependencies(tests ${name})
  file(RELATIVE_PATH folder "${ATELIER_SRC}" "${CMAKE_CURRENT_SOURCE_DIR}")
  if(folder MATCHES "^(scheduler|http)(/|$)")
    list(APPEND TEST_LABELS threads)
    add_dependencies(thread_tests ${name})
  endif()
  # Suites of two build folders may run at the same time: each has a folder of its own for testing::TempDir().
  file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/test_files")
  set_tests_properties(${name} PROPERTIES TIMEOUT ${TEST_TIMEOUT} LABELS "${TEST_LABELS}"
                       ENVIRONMENT "OMP_WAIT_POLICY=passive;TEST_TMPDIR=${CMAKE_BINARY_DIR}/test_files;${TEST_ENVIRONMENT}")
endfunction()

# atelier_fuzzer(NAME SOURCES … USES …): a libFuzzer program with address and undefined sanitizers, and a test that runs it
# for FUZZ_SECONDS (30) from the seeds in tests/fuzz/seeds/NAME, where there are any.
function(atelier_fuzzer name)
  if(NOT ATELIER_FUZZ)
    return()
  endif()
  cmake_parse_arguments(FUZZ "" "" "SOURCES;USES" ${ARGN})
  add_executable(${name} ${FUZZ_SOURCES})
  target_link_libraries(${name} PRIVATE ${FUZZ_USES} atelier_flags)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzzers ${name})
  add_test(NAME ${name} COMMAND "${ATELIER_ROOT}/tests/fuzz/run_one" $<TARGET_FILE:${name}> "${ATELIER_ROOT}/tests/fuzz/seeds/${name}")
  set_tests_properties(${name} PROPERTIES TIMEOUT 1200 LABELS fuzz)
endfunction()
