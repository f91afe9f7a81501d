// Imports models made of OnnxBytes and gives what came of it as text.
#ifndef LATHE_TEST_FRONTENDS_ONNX_IMPORTEDTEXT_H
#define LATHE_TEST_FRONTENDS_ONNX_IMPORTEDTEXT_H

#include "frontends/onnx/OnnxImporter.h"
#include "test/frontends/onnx/OnnxBytes.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/FormatVariadic.h"

namespace lathe::onnx::test {

/// Warnings and the module, or the error; all of them must be at the file.
inline std::string import(const std::string &bytes, const OnnxImportOptions &options = {}) {
  TemporaryModel file(bytes);
  mlir::MLIRContext context;
  std::string text, errors;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    EXPECT_EQ(mlir::cast<mlir::FileLineColLoc>(diagnostic.getLocation()).getFilename(), file.path.string());
    bool isError = diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
    (isError ? errors : text) += isError ? diagnostic.str() : "warning: " + diagnostic.str() + "\n";
  });
  auto module = importOnnx(context, file.path.string(), options);
  EXPECT_EQ(failed(module), !errors.empty()) << errors;
  if (succeeded(module))
    llvm::raw_string_ostream(text) << **module;
  return errors + text;
}

/// A graph input or output with names in place of sizes that are negative: -1 is "a", -2 "b", and so on; -9 has no
/// name.
inline Bytes symbolicValue(const std::string &name, std::initializer_list<int64_t> dims,
                           DataType type = DataType::Float) {
  Bytes shape;
  for (int64_t dim : dims)
    shape.bytes(1, dim >= 0    ? Bytes().number(1, dim)
                   : dim == -9 ? Bytes()
                               : Bytes().bytes(2, std::string(1, char('a' - 1 - dim))));
  return Bytes().bytes(1, name).bytes(2, Bytes().bytes(1, Bytes().number(1, uint64_t(type)).bytes(2, shape)));
}

/// The text of the first `function`-like line that holds `part`; the whole text if there is none.
inline std::string lineWith(const std::string &text, const std::string &part) {
  size_t at = text.find(part);
  if (at == std::string::npos)
    return text;
  size_t begin = text.rfind('\n', at) + 1;
  return text.substr(text.find_first_not_of(' ', begin), text.find('\n', at) - text.find_first_not_of(' ', begin));
}

} // namespace lathe::onnx::test

#endif // LATHE_TEST_FRONTENDS_ONNX_IMPORTEDTEXT_H
