// Tensors of a model: what TensorProto says about them, checked against the bytes that are there.
#ifndef LATHE_FRONTENDS_ONNX_ONNXTENSOR_H
#define LATHE_FRONTENDS_ONNX_ONNXTENSOR_H

#include "frontends/onnx/OnnxReader.h"

namespace onnx {
class TensorProto;
}

namespace lathe::onnx {

/// Maps a regular file.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> mapFile(const llvm::Twine &path);

/// Reads tensors of one model and maps the files of external data that they name.
class TensorReader {
public:
  explicit TensorReader(Model &model) : model(model) {}

  /// `where` names the tensor in errors. `proto` went through replaceRawData.
  llvm::Expected<Tensor> read(const ::onnx::TensorProto &proto, const std::string &where);

private:
  llvm::Error readTypedData(const ::onnx::TensorProto &proto, const std::string &where, Tensor &tensor);
  llvm::Error readExternalData(const ::onnx::TensorProto &proto, const std::string &where, Tensor &tensor);
  llvm::Expected<int> openFile(const std::string &location, const std::string &where);

  Model &model;
};

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_ONNXTENSOR_H
