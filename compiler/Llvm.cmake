# LatheLlvm is what a program that uses MLIR and LLVM links: Debian's two shared libraries, or with LATHE_STATIC_LLVM the
# archives. Of the archives only what the program calls gets into it.
add_library(LatheLlvm INTERFACE)
if(NOT LATHE_STATIC_LLVM)
  target_link_libraries(LatheLlvm INTERFACE MLIR LLVM)
  return()
endif()

# Every archive that Debian exports names LLVM's shared library as a dependency, some MLIR's. Were one left, the process
# would hold two copies of LLVM, and passes registered in one would be unknown to the other.
set(mlirArchives)
foreach(target IN LISTS MLIR_EXPORTED_TARGETS)
  get_target_property(type ${target} TYPE)
  get_target_property(dependencies ${target} INTERFACE_LINK_LIBRARIES)
  if(NOT type STREQUAL "STATIC_LIBRARY" OR NOT dependencies)
    continue()
  endif()
  # What is built on MLIR's shared library (the C API, the execution engine, MLIR's tests) has no use here.
  if(NOT "MLIR" IN_LIST dependencies)
    list(APPEND mlirArchives ${target})
  endif()
  list(REMOVE_ITEM dependencies MLIR LLVM "$<LINK_ONLY:LLVM>" "\\$<LINK_ONLY:LLVM>")
  set_target_properties(${target} PROPERTIES INTERFACE_LINK_LIBRARIES "${dependencies}")
endforeach()

find_library(LATHE_ZSTD_ARCHIVE libzstd.a REQUIRED)
find_library(LATHE_ZLIB_ARCHIVE libz.a REQUIRED)
set_target_properties(LLVMSupport PROPERTIES INTERFACE_LINK_LIBRARIES
  "rt;dl;m;${LATHE_ZSTD_ARCHIVE};${LATHE_ZLIB_ARCHIVE};LLVMDemangle")

llvm_map_components_to_libnames(llvmArchives
  analysis asmparser bitreader bitwriter codegen core coroutines frontendoffloading frontendopenmp ipo irreader jitlink
  linker nvptxcodegen nvptxdesc nvptxinfo objcarcopts orcjit passes support target transformutils
  x86asmparser x86codegen x86desc x86info)
target_link_libraries(LatheLlvm INTERFACE ${mlirArchives} ${llvmArchives})
target_link_options(LatheLlvm INTERFACE -Wl,--gc-sections -Wl,--icf=all -static-libstdc++ -static-libgcc)
