// RUN: lathe-opt %s --lathe-narrow-products=activations=f8 --verify-diagnostics

// expected-error @below {{activations are 'f8' and kv '', needed f32, f16 or bf16, for activations also tf32 or int8, for kv q8_0 or fp8}}
module {
}
