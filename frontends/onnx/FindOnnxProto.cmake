# Sets LATHE_ONNX_PROTO to the onnx-ml.proto that the reader is generated from. It is looked for in the onnx package of the
# configured Python; where that has none, a virtual environment in the build folder gets one.
set(LATHE_ONNX_PACKAGE "onnx==1.23.2" CACHE STRING "What pip installs where no onnx package is found")
set(LATHE_ONNX_PROTO "" CACHE FILEPATH "onnx-ml.proto to use instead of the one in a Python package")
if(LATHE_ONNX_PROTO)
  if(NOT EXISTS ${LATHE_ONNX_PROTO})
    message(FATAL_ERROR "LATHE_ONNX_PROTO names '${LATHE_ONNX_PROTO}', which does not exist; "
      "unset it to have it found")
  endif()
  return()
endif()

find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)

# find_onnx_proto(python result): the path of the proto file in that Python's onnx package, or nothing.
function(find_onnx_proto python result)
  execute_process(
    COMMAND ${python} -c
      "import importlib.util as u, pathlib; print(pathlib.Path(u.find_spec('onnx').origin).parent / 'onnx-ml.proto')"
    OUTPUT_VARIABLE path OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
  if(status EQUAL 0 AND EXISTS "${path}")
    set(${result} "${path}" PARENT_SCOPE)
  endif()
endfunction()

set(environment ${PROJECT_BINARY_DIR}/python)
find_onnx_proto(${Python3_EXECUTABLE} proto)
if(NOT proto AND EXISTS ${environment}/bin/python)
  find_onnx_proto(${environment}/bin/python proto)
endif()
if(NOT proto)
  message(STATUS "Installing ${LATHE_ONNX_PACKAGE} into ${environment}")
  execute_process(COMMAND ${Python3_EXECUTABLE} -m venv ${environment})
  execute_process(COMMAND ${environment}/bin/python -m pip install --quiet ${LATHE_ONNX_PACKAGE})
  find_onnx_proto(${environment}/bin/python proto)
endif()
if(NOT proto)
  message(FATAL_ERROR "no onnx package for ${Python3_EXECUTABLE}, and pip could not install ${LATHE_ONNX_PACKAGE}; "
    "set LATHE_ONNX_PROTO to a copy of onnx-ml.proto")
endif()
set(LATHE_ONNX_PROTO ${proto} CACHE FILEPATH "onnx-ml.proto to use instead of the one in a Python package" FORCE)
message(STATUS "Found onnx-ml.proto: ${LATHE_ONNX_PROTO}")
