// Reading and writing at places that stand in a tensor, written as loops (reference/loops/Indexing.h). An index counts from
// the end where it is negative; one outside of its dimension stops the call.

def Lathe_Index : RankedTensorOf<[I32, I64]>;

def Lathe_GatherAlongOp : Lathe_LoopOp<"gather_along", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Slices of a tensor, chosen by index along a dimension";
  let description = [{
    ONNX's Gather: `result[a..., i..., b...] = input[a..., indices[i...], b...]`, where a are the dimensions in front of
    `axis` and b those behind.
    Constraints:
    * (C1) 0 <= `axis` < rank of `input`.
    * (C2) The result has the input's dimensions with those of `indices` in place of `axis`, and the input's element type,
      which is not quantized.
    Example:
    ```mlir
    %y = lathe.gather_along %x, %i axis 1 : (tensor<?x8xf32>, tensor<2x3xi64>) -> tensor<?x2x3xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, Lathe_Index:$indices, I64Attr:$axis);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = "$input `,` $indices `axis` $axis attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Lathe_GatherElementsOp : Lathe_LoopOp<"gather_elements", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Elements of a tensor, each chosen by its own index along a dimension";
  let description = [{
    `result[i_0, ...] = input[i_0, ..., indices[i_0, ...], ...]`, the index standing in dimension `axis`.
    Constraints:
    * (C1) `input`, `indices` and the result have one rank, and 0 <= `axis` < rank.
    * (C2) The result has the shape of `indices` and the input's element type, which is not quantized.
    Example:
    ```mlir
    %y = lathe.gather_elements %x, %i axis 0 : (tensor<4x2xf32>, tensor<3x2xi64>) -> tensor<3x2xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, Lathe_Index:$indices, I64Attr:$axis);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = "$input `,` $indices `axis` $axis attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Lathe_GatherNdOp : Lathe_LoopOp<"gather_nd", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Slices of a tensor, chosen by tuples of indices";
  let description = [{
    The last dimension of `indices` holds K indices into dimensions `batch_dims` to `batch_dims` + K - 1 of `input`; the
    first `batch_dims` dimensions are the same in both:
    `result[b..., i..., s...] = input[b..., indices[b..., i..., :]..., s...]`.
    Constraints:
    * (C1) The last dimension of `indices` is static, `batch_dims` is less than the rank of `indices`, and `batch_dims` + K
      at most that of `input`.
    * (C2) The result has the dimensions b, i, s and the input's element type, which is not quantized.
    Example:
    ```mlir
    %y = lathe.gather_nd %x, %i batch_dims 0 : (tensor<4x2x8xf32>, tensor<3x2xi64>) -> tensor<3x8xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, Lathe_Index:$indices, I64Attr:$batch_dims);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = "$input `,` $indices `batch_dims` $batch_dims attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Lathe_ScatterElementsOp : Lathe_LoopOp<"scatter_elements", [
    DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>, AllTypesMatch<["input", "result"]>]> {
  let summary = "A tensor with elements replaced, each at its own index along a dimension";
  let description = [{
    `result` is `input`, then for each element in order `result[i_0, ..., indices[i_0, ...], ...]` becomes
    `updates[i_0, ...]` (`reduction` none) or itself combined with it (add, mul, max, min).
    Constraints:
    * (C1) All have one rank, and 0 <= `axis` < rank; `updates` has the shape of `indices` and the input's element type,
      which is not quantized.
    * (C2) `reduction` is none, add, mul, max or min.
    Example:
    ```mlir
    %y = lathe.scatter_elements %x, %i, %u none axis 0 : tensor<4xf32>, tensor<2xi64>, tensor<2xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, Lathe_Index:$indices, Lathe_AnyTensor:$updates, StrAttr:$reduction,
                       I64Attr:$axis);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = [{
    $input `,` $indices `,` $updates custom<Word>($reduction) `axis` $axis attr-dict `:` type($input) `,` type($indices)
    `,` type($updates)
  }];
  let hasVerifier = 1;
}

def Lathe_ScatterNdOp : Lathe_LoopOp<"scatter_nd", [
    DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>, AllTypesMatch<["input", "result"]>]> {
  let summary = "A tensor with slices replaced, chosen by tuples of indices";
  let description = [{
    `result` is `input`, then for each tuple in order the slice `result[indices[i..., :]..., s...]` becomes
    `updates[i..., s...]` (`reduction` none) or itself combined with it (add, mul, max, min).
    Constraints:
    * (C1) The last dimension of `indices` is static and at most the rank of `input`.
    * (C2) `updates` has the dimensions i, s and the input's element type, which is not quantized.
    * (C3) `reduction` is none, add, mul, max or min.
    Example:
    ```mlir
    %y = lathe.scatter_nd %x, %i, %u none : tensor<4x8xf32>, tensor<2x1xi64>, tensor<2x8xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, Lathe_Index:$indices, Lathe_AnyTensor:$updates, StrAttr:$reduction);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = [{
    $input `,` $indices `,` $updates custom<Word>($reduction) attr-dict `:` type($input) `,` type($indices) `,`
    type($updates)
  }];
  let hasVerifier = 1;
}

def Lathe_NonzeroOp : Lathe_LoopOp<"nonzero", [Lathe_NotDifferentiable]> {
  let summary = "The places of elements that are not zero";
  let description = [{
    Column j of `indices` holds the coordinates of the j-th such element in row-major order, for j < `count[0]`; the
    columns behind are 0. `lathe.read_sizes` and `lathe.slice` cut them off.
    Constraints:
    * (C1) `indices` has a row for each dimension of `input` and a column for each element.
    Example:
    ```mlir
    %i, %n = lathe.nonzero %x : (tensor<4x?xf32>) -> (tensor<2x?xi64>, tensor<1xi64>)
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input);
  let results = (outs 2DTensorOf<[I64]>:$indices, 1DTensorOf<[I64]>:$count);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
