# cmake -DOUTPUT=FILE -DROOT=FOLDER -P EmbedKernels.cmake -- HEADER...
# Writes a C++ source that holds the text of the kernel templates, so that the compiler needs no files of its own. A .cuh
# has its name alone; other headers, which the templates share with the rest of the tree, have their paths from ROOT.
set(index 0)
while(NOT "${CMAKE_ARGV${index}}" STREQUAL "--")
  math(EXPR index "${index} + 1")
endwhile()
set(entries "")
math(EXPR index "${index} + 1")
while(index LESS CMAKE_ARGC)
  set(header "${CMAKE_ARGV${index}}")
  if(header MATCHES "\\.cuh$")
    cmake_path(GET header FILENAME name)
  else()
    cmake_path(RELATIVE_PATH header BASE_DIRECTORY ${ROOT} OUTPUT_VARIABLE name)
  endif()
  file(READ ${header} text)
  string(APPEND entries "    {\"${name}\", R\"cuh(${text})cuh\"},\n")
  math(EXPR index "${index} + 1")
endwhile()
file(WRITE ${OUTPUT} "#include \"compiler/targets/cuda/KernelSources.h\"

static const lathe::cuda::KernelSource Sources[] = {
${entries}};

llvm::ArrayRef<lathe::cuda::KernelSource> lathe::cuda::getKernelSources() { return Sources; }
")
