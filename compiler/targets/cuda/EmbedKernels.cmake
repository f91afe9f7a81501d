# cmake -DOUTPUT=FILE -P EmbedKernels.cmake -- HEADER...
# Writes a C++ source that holds the text of the kernel templates, so that the compiler needs no files of its own.
set(index 0)
while(NOT "${CMAKE_ARGV${index}}" STREQUAL "--")
  math(EXPR index "${index} + 1")
endwhile()
set(entries "")
math(EXPR index "${index} + 1")
while(index LESS CMAKE_ARGC)
  set(header "${CMAKE_ARGV${index}}")
  cmake_path(GET header FILENAME name)
  file(READ ${header} text)
  string(APPEND entries "    {\"${name}\", R\"cuh(${text})cuh\"},\n")
  math(EXPR index "${index} + 1")
endwhile()
file(WRITE ${OUTPUT} "#include \"compiler/targets/cuda/KernelSources.h\"

static const lathe::cuda::KernelSource Sources[] = {
${entries}};

llvm::ArrayRef<lathe::cuda::KernelSource> lathe::cuda::getKernelSources() { return Sources; }
")
