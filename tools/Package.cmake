# What `cpack` puts into lathe-<version>-linux-x86_64.tar.xz, configured with the release preset.
include(GNUInstallDirs)
set(share ${CMAKE_INSTALL_DATADIR}/lathe)

foreach(tool IN ITEMS lathec lathe)
  if(TARGET ${tool})
    install(TARGETS ${tool} RUNTIME)
  endif()
endforeach()
install(TARGETS lathe-shared LIBRARY DESTINATION lib)
if(TARGET lathe-mpi)
  install(TARGETS lathe-mpi LIBRARY DESTINATION lib)
endif()

# The static library with the libraries it calls, so that a program links liblathe.a and libstdc++ alone.
set(whole ${PROJECT_BINARY_DIR}/package/liblathe.a)
file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/package/liblathe.mri CONTENT
  "create ${whole}\naddlib $<TARGET_FILE:lathe-static>\naddlib ${LATHE_MBEDCRYPTO}\naddlib ${LATHE_XXHASH}\naddlib ${LATHE_PCRE2}\naddlib ${LATHE_UTF8PROC}\nsave\nend\n")
add_custom_command(OUTPUT ${whole} COMMAND sh -c "${CMAKE_AR} -M < ${PROJECT_BINARY_DIR}/package/liblathe.mri"
  DEPENDS lathe-static VERBATIM)
add_custom_target(lathe-whole-archive ALL DEPENDS ${whole})
install(FILES ${whole} DESTINATION lib)
install(FILES runtime/include/lathe.h TYPE INCLUDE)

# What tools/gpu-check and tools/gpu-bench run where there is neither LLVM nor a network.
install(PROGRAMS tools/gpu-bench tools/gpu-check DESTINATION ${share})
install(FILES tools/gpu_cases.py tools/gpu_steps.py tools/lathe_runtime.py DESTINATION ${share})
install(DIRECTORY compiler/targets/cuda/kernels/ DESTINATION ${share}/kernels FILES_MATCHING PATTERN "*.cuh")
install(DIRECTORY test/compiler/targets/cuda/kernels/ DESTINATION ${share}/tests
  FILES_MATCHING PATTERN "*.cu" PATTERN "*.cuh" PATTERN "*.h")
# What kernels and their tests include by paths from the root.
foreach(file IN ITEMS BlockFormat.cpp BlockFormat.h BlockTiles.cpp BlockTiles.h LatticeGrids.h RowTiles.cpp
        RowTiles.h TileOrder.h)
  install(FILES runtime/gguf/${file} DESTINATION ${share}/sources/runtime/gguf)
endforeach()
install(FILES runtime/HostFault.h runtime/Nf4Values.def runtime/SmallNumbers.h DESTINATION ${share}/sources/runtime)
install(FILES dialects/lathe/PowInteger.h DESTINATION ${share}/sources/dialects/lathe)
install(DIRECTORY test/models/ DESTINATION ${share}/models FILES_MATCHING PATTERN "*.onnx" PATTERN "*.npy" PATTERN "README.md")

install(FILES README.md LICENSE DESTINATION ${share} OPTIONAL)
# The libraries inside the programs, each with its own licence, as Debian states it.
foreach(package IN ITEMS libcli11-dev libmbedtls-dev libmlir-22-dev libpcre2-dev libprotobuf-dev libstdc++-12-dev
    libutf8proc-dev libxxhash-dev libzstd-dev nlohmann-json3-dev zlib1g-dev)
  install(FILES /usr/share/doc/${package}/copyright DESTINATION ${share}/licences RENAME ${package} OPTIONAL)
endforeach()

set(CPACK_GENERATOR TXZ)
set(CPACK_PACKAGE_FILE_NAME lathe-${PROJECT_VERSION}-linux-x86_64)
set(CPACK_STRIP_FILES ON)
set(CPACK_POST_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/tools/PackageCheck.cmake)
include(CPack)
