# Finds libtorch and makes the target `atelier_torch`.
#   ATELIER_LIBTORCH=<folder with include/ and lib/>  an official build (or a Python wheel's torch folder),
#                                                    linked directly: find_package(Torch) would want the CUDA toolkit;
#   otherwise                                        Debian's libtorch-dev (1.13, CPU).
set(ATELIER_LIBTORCH "$ENV{ATELIER_LIBTORCH}" CACHE PATH "Folder of an official libtorch build")

set(ATELIER_ENGINE_DEVICE cpu) # names the library: libatelier-engine-cpu.so, libatelier-engine-cuda.so
add_library(atelier_torch INTERFACE)
if(ATELIER_LIBTORCH)
  set(torch_include "${ATELIER_LIBTORCH}/include")
  set(torch_lib "${ATELIER_LIBTORCH}/lib")
  if(NOT EXISTS "${torch_include}/ATen/ATen.h" OR NOT EXISTS "${torch_lib}/libtorch_cpu.so")
    message(FATAL_ERROR "ATELIER_LIBTORCH=${ATELIER_LIBTORCH} holds no include/ATen/ATen.h and lib/libtorch_cpu.so")
  endif()
  target_include_directories(atelier_torch SYSTEM INTERFACE "${torch_include}"
                             "${torch_include}/torch/csrc/api/include")
  target_link_options(atelier_torch INTERFACE "-L${torch_lib}" "-Wl,-rpath,${torch_lib}"
                      "-Wl,--allow-shlib-undefined")
  # Some wheels (2.11) export a part of std::filesystem of an older libstdc++: the real one must be found first. The CUDA library
  # registers its kernels when it is loaded; nothing refers to it by symbol. One pair of flags holds all of them: CMake keeps one
  # occurrence of a repeated flag.
  set(torch_libraries stdc++)
  if(EXISTS "${torch_lib}/libtorch_cuda.so")
    set(ATELIER_ENGINE_DEVICE cuda)
    list(APPEND torch_libraries torch_cuda c10_cuda torch)
    target_compile_definitions(atelier_torch INTERFACE ATELIER_HAVE_CUDA=1)
  endif()
  target_link_libraries(atelier_torch INTERFACE "-Wl,--no-as-needed" ${torch_libraries} torch_cpu c10 "-Wl,--as-needed")
else()
  find_path(torch_include ATen/ATen.h REQUIRED)
  find_library(torch_cpu torch_cpu REQUIRED)
  find_library(torch_c10 c10 REQUIRED)
  target_include_directories(atelier_torch SYSTEM INTERFACE "${torch_include}")
  target_link_libraries(atelier_torch INTERFACE "${torch_cpu}" "${torch_c10}")
  # Where the pthread OpenBLAS is installed too it wins Debian's alternatives; an RPATH (RUNPATH would not reach libtorch's own
  # dependency) leads to the OpenMP one, which shares libtorch's threads.
  set(openblas_folder "/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp")
  if(EXISTS "${openblas_folder}/libblas.so.3")
    target_link_options(atelier_torch INTERFACE "-Wl,--disable-new-dtags,-rpath,${openblas_folder}")
  endif()
endif()

# at::parallel_for is code of libtorch's headers: without OpenMP here our kernels would run on one thread. The runtime must
# be the one that libtorch uses, or two pools would fight and at::set_num_threads reach one of them.
set(torch_gomp gomp)
if(ATELIER_LIBTORCH)
  file(GLOB torch_gomp "${torch_lib}/libgomp*.so*" "${ATELIER_LIBTORCH}/../torch.libs/libgomp*.so*")
  if(torch_gomp)
    list(GET torch_gomp 0 torch_gomp)
  endif()
endif()
if(torch_gomp)
  target_compile_options(atelier_torch INTERFACE -fopenmp)
  target_link_libraries(atelier_torch INTERFACE "${torch_gomp}")
else()
  message(WARNING "No OpenMP runtime beside ${torch_lib}: the CPU kernels will run on one thread")
endif()
find_package(Threads REQUIRED)
target_link_libraries(atelier_torch INTERFACE Threads::Threads)
