// Operations that move elements without changing them.

def Lathe_ReshapeOp : Lathe_ModelOp<"reshape", [Lathe_HasRule]> {
  let summary = "The same elements in the same order under another shape";
  let description = [{
    Each entry of `shape` is a size, 0 for the size of the input's dimension at the same place, or -1, once, for what is left
    (ONNX's Reshape).
    Constraints:
    * (C1) `shape` has as many entries as the result has dimensions, at most one of them -1, and a 0 only where the input
      has that dimension.
    * (C2) Sizes known on both sides agree, and so do the numbers of elements where both are static.
    * (C3) Element types are the same.
    Example:
    ```mlir
    %y = lathe.reshape %x shape [0, 4, 16] : tensor<?x64xf32> -> tensor<?x4x16xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, DenseI64ArrayAttr:$shape);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = "$input `shape` $shape attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Lathe_TransposeOp : Lathe_ModelOp<"transpose", [Lathe_HasRule]> {
  let summary = "Dimensions in another order";
  let description = [{
    `result[i_permutation[0], i_permutation[1], ...] = input[i_0, i_1, ...]`: dimension d of the result is dimension
    `permutation[d]` of the input.
    Constraints:
    * (C1) `permutation` holds each dimension of the input once.
    * (C2) The result's sizes are the input's, permuted; element types are the same and not quantized.
    Example:
    ```mlir
    %y = lathe.transpose %x permutation [1, 0] : tensor<?x64xf32> -> tensor<64x?xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = "$input `permutation` $permutation attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Lathe_GatherOp : Lathe_ModelOp<"gather", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Rows of a table, chosen by index";
  let description = [{
    `result[i, j] = table[indices[i], j]`. A quantized table is unpacked. An index outside of the table is an error in the
    reference and reads row 0 in kernels: callers check indices on entry.
    Constraints:
    * (C1) `table` and `result` have rank 2 and equal row lengths; `indices` has rank 1 and as many elements as the result
      has rows.
    * (C2) The result has the table's element type, or is f32 when that is quantized or a narrower float.
    Example:
    ```mlir
    %x = lathe.gather %table, %tokens : tensor<512x256x!lathe.gguf<q4_k>>, tensor<?xi32> -> tensor<?x256xf32>
    ```
  }];
  let arguments = (ins Lathe_WeightTensor:$table, Lathe_IndexTensor:$indices);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$table `,` $indices attr-dict `:` type($table) `,` type($indices) `->` type($result)";
  let hasVerifier = 1;
}
