// Movement that is written as loops (reference/loops/Movement.h).

def Lathe_SliceOp : Lathe_LoopOp<"slice", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Every n-th element of a part of each dimension";
  let description = [{
    `result[i_0, i_1, ...] = input[starts_0 + i_0 * steps_0, starts_1 + i_1 * steps_1, ...]`. A step may be negative; then
    the start is the last element that is read, counted from the front as always. `starts` and `sizes` give a number for
    each dimension, over the dimensions of all operands; those in `from` are read for their dimensions alone.
    Constraints:
    * (C1) `starts`, `steps` and `sizes` have an entry for each dimension of `input` and result.
    * (C2) `starts` and `sizes` have one symbol for each dimension of the operands.
    * (C3) No step is 0; element types are the same and not quantized.
    * (C4) Where start, size and dimension are numbers, the slice lies inside of the input.
    Example:
    ```mlir
    %y = lathe.slice %x starts affine_map<()[s0] -> (0, 2)> steps [1, 1] sizes affine_map<()[s0] -> (s0, 4)>
        : (tensor<?x8xf32>) -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, Variadic<Lathe_Sized>:$from, AffineMapAttr:$starts,
                       DenseI64ArrayAttr:$steps, AffineMapAttr:$sizes);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = [{
    $input (`from` $from^)? `starts` $starts `steps` $steps `sizes` $sizes attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Lathe_ExpandOp : Lathe_LoopOp<"expand", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Dimensions of one repeated to a larger size";
  let description = [{
    NumPy's broadcast to a shape: dimensions are aligned at the last one; where the input has none or one of size 1 its
    elements repeat. `sizes` gives the result's dimensions over those of all operands.
    Constraints:
    * (C1) `sizes` has one symbol for each dimension of the operands and gives the result's dimensions.
    * (C2) The input has at most the result's rank, and its dimensions are 1 or the result's.
    * (C3) Element types are the same and not quantized.
    Example:
    ```mlir
    %y = lathe.expand %x from %t sizes affine_map<()[s0, s1, s2] -> (s1, s2)>
        : (tensor<1xf32>, tensor<?x?xi64>) -> tensor<?x?xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, Variadic<Lathe_Sized>:$from, AffineMapAttr:$sizes);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = "$input (`from` $from^)? `sizes` $sizes attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Lathe_ReshapeToOp : Lathe_LoopOp<"reshape_to", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "The same elements in the same order under a shape that other tensors help to give";
  let description = [{
    `sizes` gives the result's dimensions over those of all operands; those in `from` are read for their dimensions alone.
    Where numbers of elements differ, the call ends with an error. `lathe.reshape`, which copies nothing, is for shapes that need the input alone.
    Constraints:
    * (C1) `sizes` has one symbol for each dimension of the operands and gives the result's dimensions.
    * (C2) Element types are the same and not quantized, and numbers of elements agree where they are known.
    Example:
    ```mlir
    %y = lathe.reshape_to %x from %t sizes affine_map<()[s0, s1, s2] -> (s1, 1, s2)>
        : (tensor<?xf32>, tensor<?x?xi64>) -> tensor<?x1x?xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, Variadic<Lathe_Sized>:$from, AffineMapAttr:$sizes);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = "$input (`from` $from^)? `sizes` $sizes attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Lathe_ConcatOp : Lathe_LoopOp<"concat", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Tensors one after the other along a dimension";
  let description = [{
    Constraints:
    * (C1) There is at least one input; all have the result's rank, which is above `axis`, and its element type, which is
      not quantized.
    * (C2) Dimensions other than `axis` are the same everywhere; along `axis` the result has the sum.
    Example:
    ```mlir
    %z = lathe.concat %x, %y axis 0 : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins Variadic<Lathe_AnyTensor>:$inputs, I64Attr:$axis);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = "$inputs `axis` $axis attr-dict `:` functional-type($inputs, $result)";
  let hasVerifier = 1;
}

def Lathe_PadOp : Lathe_LoopOp<"pad", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "A tensor with a border, or without a part of it";
  let description = [{
    `result[i] = input[i - low]` where that exists. Elsewhere `mode` decides: `constant` takes `value`, `edge` the nearest
    element, `reflect` the element mirrored at the first or last one, `wrap` the tensor repeated. A negative `low` leaves
    out elements. `low` and `sizes` (the result's dimensions) are over the dimensions of all operands.
    Constraints:
    * (C1) `low` and `sizes` have one symbol for each dimension of the operands and one result for each of the input's;
      `sizes` gives the result's dimensions.
    * (C2) `mode` is constant, edge, reflect or wrap.
    * (C3) Input, `value` (of rank 0) and result have one element type that is not quantized.
    Example:
    ```mlir
    %y = lathe.pad %x, %v constant low affine_map<()[s0] -> (1)> sizes affine_map<()[s0] -> (s0 + 2)>
        : (tensor<4xf32>, tensor<f32>) -> tensor<6xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, Lathe_AnyTensor:$value, Variadic<Lathe_Sized>:$from, StrAttr:$mode,
                       AffineMapAttr:$low, AffineMapAttr:$sizes);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = [{
    $input `,` $value custom<Word>($mode) (`from` $from^)? `low` $low `sizes` $sizes attr-dict `:`
    functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Lathe_IotaOp : Lathe_LoopOp<"iota", [Lathe_NotDifferentiable]> {
  let summary = "The place of each element along a dimension: 0, 1, 2, ...";
  let description = [{
    `sizes` gives the result's dimensions over those of the operands, which are read for nothing else.
    Constraints:
    * (C1) `sizes` has one symbol for each dimension of the operands and gives the result's dimensions.
    * (C2) 0 <= `axis` < rank.
    Example:
    ```mlir
    %i = lathe.iota from %x axis 0 sizes affine_map<()[s0] -> (s0)> : (tensor<?xf32>) -> tensor<?xi64>
    ```
  }];
  let arguments = (ins Variadic<Lathe_Sized>:$from, I64Attr:$axis, AffineMapAttr:$sizes);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = "(`from` $from^)? `axis` $axis `sizes` $sizes attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Lathe_WriteSizesOp : Lathe_LoopOp<"write_sizes", [Lathe_NotDifferentiable]> {
  let summary = "Sizes as data, the way back of read_sizes";
  let description = [{
    `values` gives the elements of the result over the dimensions of the operands, which are read for nothing else. They
    may be negative.
    Constraints:
    * (C1) `values` has one symbol for each dimension of the operands.
    * (C2) The result has an element for each of `values`.
    Example:
    ```mlir
    %n = lathe.write_sizes from %x values affine_map<()[s0, s1] -> (s0 * s1, s1 - 1)> : (tensor<?x?xf32>) -> tensor<2xi64>
    ```
  }];
  let arguments = (ins Variadic<Lathe_Sized>:$from, AffineMapAttr:$values);
  let results = (outs Lathe_SizesData:$result);
  let assemblyFormat = "(`from` $from^)? `values` $values attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Lathe_ReverseSequenceOp : Lathe_LoopOp<"reverse_sequence", [
    DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>, AllTypesMatch<["input", "result"]>]> {
  let summary = "The first elements of each sequence backwards";
  let description = [{
    Along `time_axis`, the first `lengths[b]` elements of sequence b (its place along `batch_axis`) change their order;
    the rest stays.
    Constraints:
    * (C1) The axes are different dimensions of `input`; `lengths` has one i64 for each element along `batch_axis`.
    Example:
    ```mlir
    %y = lathe.reverse_sequence %x, %l time_axis 0 batch_axis 1 : tensor<4x?xf32>, tensor<?xi64>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, 1DTensorOf<[I64]>:$lengths, I64Attr:$time_axis, I64Attr:$batch_axis);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = [{
    $input `,` $lengths `time_axis` $time_axis `batch_axis` $batch_axis attr-dict `:` type($input) `,` type($lengths)
  }];
  let hasVerifier = 1;
}
