// Recurrent networks as ONNX defines them, written as loops (reference/loops/Recurrent.h). T steps, B sequences, I inputs,
// H units, D directions: input [T, B, I], weights [D, gates * H, I], recurrence [D, gates * H, H], bias [D, 2 * gates * H],
// lengths [B], initial states [D, B, H]. Sequence b stops after `lengths[b]` steps: later outputs are 0. `direction` is
// forward, reverse or bidirectional. Activations are ONNX's default ones; `clip` > 0 bounds what goes into them.

class Lathe_RecurrentOp<string mnemonic, dag inputs, dag outputs>
    : Lathe_LoopOp<mnemonic, [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let arguments = !con((ins Lathe_FloatTensor:$input, Lathe_FloatTensor:$weights, Lathe_FloatTensor:$recurrence,
      Lathe_FloatTensor:$bias, 1DTensorOf<[I32]>:$lengths, Lathe_FloatTensor:$initial_h), inputs);
  let results = !con((outs Lathe_FloatTensor:$outputs, Lathe_FloatTensor:$last_h), outputs);
  let hasVerifier = 1;
}

def Lathe_LstmOp : Lathe_RecurrentOp<"lstm",
    (ins Lathe_FloatTensor:$initial_c, Lathe_FloatTensor:$peepholes, StrAttr:$direction, F32Attr:$clip,
         BoolAttr:$input_forget), (outs Lathe_FloatTensor:$last_c)> {
  let summary = "Long short-term memory";
  let description = [{
    Gates i, o, f, c in this order: `c_t = f * c_(t-1) + i * tanh(...)`, `h_t = o * tanh(c_t)`, with `peepholes` [D, 3 * H]
    for i, o, f. Where `input_forget`, f = 1 - i.
    Constraints:
    * (C1) Shapes are those of the head of LoopRecurrent.td, with 4 gates.
    * (C2) `direction` is forward, reverse or bidirectional.
    Example:
    ```mlir
    %y, %h, %c = lathe.lstm %x, %w, %r, %b, %l, %h0, %c0, %p forward clip 0.0 input_forget false
        : (tensor<5x1x3xf32>, tensor<1x8x3xf32>, tensor<1x8x2xf32>, tensor<1x16xf32>, tensor<1xi32>, tensor<1x1x2xf32>,
           tensor<1x1x2xf32>, tensor<1x6xf32>) -> (tensor<5x1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>)
    ```
  }];
  let assemblyFormat = [{
    $input `,` $weights `,` $recurrence `,` $bias `,` $lengths `,` $initial_h `,` $initial_c `,` $peepholes
    custom<Word>($direction) `clip` $clip `input_forget` $input_forget attr-dict `:` functional-type(operands, results)
  }];
}

def Lathe_GruOp : Lathe_RecurrentOp<"gru", (ins StrAttr:$direction, F32Attr:$clip, BoolAttr:$linear_before_reset),
                                    (outs)> {
  let summary = "Gated recurrent unit";
  let description = [{
    Gates z, r, h in this order: `h_t = (1 - z) * h~ + z * h_(t-1)`; r scales h_(t-1) before the product with the
    recurrence, or the product itself where `linear_before_reset`.
    Constraints:
    * (C1) Shapes are those of the head of LoopRecurrent.td, with 3 gates.
    * (C2) `direction` is forward, reverse or bidirectional.
    Example:
    ```mlir
    %y, %h = lathe.gru %x, %w, %r, %b, %l, %h0 forward clip 0.0 linear_before_reset false
        : (tensor<5x1x3xf32>, tensor<1x6x3xf32>, tensor<1x6x2xf32>, tensor<1x12xf32>, tensor<1xi32>,
           tensor<1x1x2xf32>) -> (tensor<5x1x1x2xf32>, tensor<1x1x2xf32>)
    ```
  }];
  let assemblyFormat = [{
    $input `,` $weights `,` $recurrence `,` $bias `,` $lengths `,` $initial_h custom<Word>($direction) `clip` $clip
    `linear_before_reset` $linear_before_reset attr-dict `:` functional-type(operands, results)
  }];
}

def Lathe_RnnOp : Lathe_RecurrentOp<"rnn", (ins StrAttr:$direction, F32Attr:$clip, StrAttr:$activation), (outs)> {
  let summary = "Simple recurrent network";
  let description = [{
    `h_t = activation(W x_t + R h_(t-1) + b)`, `activation` being tanh, relu or sigmoid.
    Constraints:
    * (C1) Shapes are those of the head of LoopRecurrent.td, with 1 gate.
    * (C2) `direction` is forward, reverse or bidirectional, `activation` tanh, relu or sigmoid.
    Example:
    ```mlir
    %y, %h = lathe.rnn %x, %w, %r, %b, %l, %h0 forward clip 0.0 tanh
        : (tensor<5x1x3xf32>, tensor<1x2x3xf32>, tensor<1x2x2xf32>, tensor<1x4xf32>, tensor<1xi32>,
           tensor<1x1x2xf32>) -> (tensor<5x1x1x2xf32>, tensor<1x1x2xf32>)
    ```
  }];
  let assemblyFormat = [{
    $input `,` $weights `,` $recurrence `,` $bias `,` $lengths `,` $initial_h custom<Word>($direction) `clip` $clip
    custom<Word>($activation) attr-dict `:` functional-type(operands, results)
  }];
}
