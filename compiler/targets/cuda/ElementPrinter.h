// Prints what a launch does element by element: the functors that templates take.
#ifndef LATHE_COMPILER_TARGETS_CUDA_ELEMENTPRINTER_H
#define LATHE_COMPILER_TARGETS_CUDA_ELEMENTPRINTER_H

#include "compiler/targets/cuda/LaunchBody.h"
#include "llvm/ADT/SetVector.h"

namespace lathe::cuda {

/// Element types as the templates spell them: "float", "Half", "Q4_K". Fails with a diagnostic on `op`.
llvm::FailureOr<std::string> getElementType(mlir::Operation *op, mlir::Type type);
/// The element type of memory: block formats are bytes, those of pages as pages.cuh calls them.
llvm::FailureOr<std::string> getMemoryType(mlir::Operation *op, mlir::Type type);
/// The type of a value in registers: f16 and bf16 are float.
llvm::FailureOr<std::string> getRegisterType(mlir::Operation *op, mlir::Type type);
/// An expression over the kernel's dims as C++, with "d0" or, in a functor, "D0" for the first.
std::string printSize(mlir::AffineExpr expression, char prefix = 'd');
/// A number as a C++ literal that reads back as the same float.
std::string printFloat(double value);

/// The definitions of those scalar functions of ScalarOps.def that `text` calls.
std::string printScalarFunctions(llvm::StringRef text);

/// A functor under construction: members for the pointers and sizes that its text names.
class Functor {
public:
  Functor(const LaunchBody &body) : Body(body) {}
  /// The member that holds the pointer of a port: "P2".
  llvm::FailureOr<std::string> getPointer(unsigned port, mlir::Operation *user);
  /// A size as an expression over members.
  std::string getSize(mlir::AffineExpr size);
  /// `struct NAME { members text };`, the name with the part's suffix.
  std::string printStruct(llvm::StringRef name, llvm::StringRef text) const;
  /// `NAME{p2, d0}`, for the kernel's parameters.
  std::string printValue(llvm::StringRef name) const;

private:
  const LaunchBody &Body;
  std::map<unsigned, std::string> Pointers; ///< port -> type
  std::set<unsigned> Dims;
};

/// The elements that a functor's function computes: those of a tensor of sizes `Dims`, of which the first `Split` make
/// up the variable `row` and the rest `col`. With `Vector` it computes N neighbours along `col` at once.
struct ElementSpace {
  llvm::SmallVector<mlir::AffineExpr> Dims;
  unsigned Split;
  bool Vector;
};

/// Prints the statements of one function of a functor.
class ElementPrinter {
public:
  ElementPrinter(const LaunchBody &body, ElementSpace space, Functor &functor)
      : Body(body), Space(std::move(space)), Parts(functor) {}

  /// Says that `expression` is the element of `value`: a parameter of the function, or "x[i]" in a vector.
  void bind(mlir::Value value, std::string expression) { Values[value] = std::move(expression); }
  /// The element of `value`, after whatever computes it has been printed. Fails with a diagnostic.
  llvm::FailureOr<std::string> get(mlir::Value value);
  /// Prints the store of a yielded value to its port.
  llvm::LogicalResult store(unsigned yielded);
  /// Loads, then computes N elements into the array `target` instead of storing them.
  llvm::LogicalResult assign(mlir::Value value, llvm::StringRef target);
  /// The statements, `indent` spaces in.
  std::string print(unsigned indent) const;
  /// What the statements load, of one element: `Fetched`, the function `fetch` that loads it, and an overload of the
  /// function's with `parameter` that takes what was fetched and returns `result`.
  std::string printFetching(llvm::StringRef parameter, llvm::StringRef type, llvm::StringRef result) const;
  /// How many numbers the statements load.
  unsigned countLoads() const { return Fetches.size(); }

private:
  llvm::FailureOr<std::string> load(mlir::BlockArgument argument);
  llvm::FailureOr<std::string> load(mlir::Value value, mlir::Operation *user, std::string pointer,
                                    llvm::ArrayRef<mlir::AffineExpr> strides);
  llvm::FailureOr<std::string> compute(mlir::Operation *op);
  std::string printOffset(llvm::ArrayRef<mlir::AffineExpr> strides, llvm::StringRef lane);
  std::string printName() { return "v" + std::to_string(Next++); }

  const LaunchBody &Body;
  ElementSpace Space;
  Functor &Parts;
  llvm::DenseMap<mlir::Value, std::string> Values;
  std::vector<std::string> Loads, Computes, Stores;
  /// A number that is loaded for one element.
  struct Fetch {
    std::string Type, Name, Expression;
  };
  std::vector<Fetch> Fetches;
  unsigned Next = 0;
};

/// For each dimension of `space` the distance of neighbours along it in a dense tensor of sizes `dims`, which
/// broadcasts to it: 0 where it repeats.
llvm::SmallVector<mlir::AffineExpr> getBroadcastStrides(llvm::ArrayRef<mlir::AffineExpr> dims,
                                                        llvm::ArrayRef<mlir::AffineExpr> space,
                                                        mlir::MLIRContext *context);
/// True when all elements of the dimensions `sizes` lie together (or are one) under `strides`.
bool isUniform(llvm::ArrayRef<mlir::AffineExpr> sizes, llvm::ArrayRef<mlir::AffineExpr> strides);

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_ELEMENTPRINTER_H
